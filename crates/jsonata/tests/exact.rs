//! What the differential test against the official JavaScript has found, kept found.

use stepwell_jsonata::{Environment, Expression, Profile};
use stepwell_value::Value;

fn check(text: &str, input: &str, expected: &str) {
    let input = Value::parse(input).unwrap();
    let shown = match Expression::compile(text, &Profile::jsonata()) {
        Err(error) => format!("{} at {}", error.code, error.position),
        Ok(expression) => match expression.evaluate(&Environment::of(&input)) {
            Err(error) => match error.position {
                Some(position) => format!("{} at {position}", error.code),
                None => error.code.to_owned(),
            },
            Ok(None) => "undefined".to_owned(),
            Ok(Some(value)) => value.to_string(),
        },
    };
    assert_eq!(shown, expected, "{text} on {input}");
}

#[test]
fn an_optional_parameter_takes_any_context() {
    check("(function($v, $i)<xn?->{[$v, $i]})(null)", "{}", "[null,{}]");
    check("(function($v, $i)<o?-(ao):s>{[$v, $i]})(a)", "4", "[4]");
    check("(function($v)<s-:s>{$v})()", "4", "T0411 at 25");
    check("(function($v, $i)<u-s?x-?:n>{[$v, $i]})(1)", "{}", "[{},1]");
    check("(function($v)<(sb-o-?j:n>{''})(null)", "{}", "\"\"");
}

#[test]
fn a_name_in_quotes_may_have_a_group() {
    check("'x'{1: 1}.*", "{}", "T1003 at 4");
}

#[test]
fn an_error_in_a_chain_is_where_the_reference_has_it() {
    check("($lowercase ~> $trim)([], '', [])", "{}", "T0410 at 39");
}

#[test]
fn an_error_after_a_nested_call_is_at_the_last_call_of_the_function() {
    let text = "($f := function($n){$n <= 0 ? ($x := $f($); 1) : $f($n - 1)}; $f(3))";
    check(text, "{}", "T2010 at 40");
}

#[test]
fn an_infinite_limit_is_none_where_a_text_is_split_by_a_text() {
    check("$split('a,b', ',', 1/0)", "{}", "[]");
    check("$split('a,b', /,/, 1/0)", "{}", r#"["a","b"]"#);
}

#[test]
fn a_comma_is_a_component_that_nobody_knows() {
    check("$fromMillis(1, '[,4]')", "{}", "\"undefined\"");
}

#[test]
fn places_count_utf16_units_in_signatures_too() {
    check("(function($v)<😀s<n>:s>{1})(1)", "{}", "S0401 at 18");
}

#[test]
fn a_square_is_rounded_exactly() {
    check("$power(123456789, 2)", "{}", "15241578750190520");
}

#[test]
fn separators_that_are_digits_do_no_harm() {
    for text in [
        "$formatNumber(0, '0', {'decimal-separator': '0'})",
        "$formatNumber(5, '0', {'decimal-separator': '0', 'zero-digit': '5'})",
        "$formatNumber(5, '#', {'decimal-separator': '', 'grouping-separator': ''})",
    ] {
        let expression = Expression::compile(text, &Profile::jsonata()).unwrap();
        let _ = expression.evaluate(&Environment::empty());
    }
}
