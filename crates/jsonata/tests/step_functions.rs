//! The dialect of AWS Step Functions.

use stepwell_jsonata::{Budget, Environment, Expression, Profile};
use stepwell_value::Value;

fn check(text: &str, expected: &str) {
    let states =
        Value::parse(r#"{"input": {"x": [1, 2, 3, 4, 5], "seed": 7, "json": "{\"a\": [1.50]}"}}"#).unwrap();
    let bindings = |name: &str| (name == "states").then(|| states.clone());
    let environment = Environment {
        bindings: &bindings,
        now: 1_700_000_000_000,
        random: &|| 0x0123_4567_89AB_CDEF,
        ..Environment::empty()
    };
    let shown = match Expression::compile(text, &Profile::step_functions()) {
        Err(error) => format!("refused: {}", error.code),
        Ok(expression) => match expression.evaluate(&environment) {
            Err(error) => error.to_string(),
            Ok(None) => "undefined".to_owned(),
            Ok(Some(value)) => value.to_string(),
        },
    };
    assert_eq!(shown, expected, "{text}");
}

#[test]
fn arrays_are_cut_and_numbers_counted() {
    check("$partition($states.input.x, 2)", "[[1,2],[3,4],[5]]");
    check("$partition($states.input.x, 2.9)", "[[1,2],[3,4],[5]]");
    check("$partition([0], 1)", "[[0]]");
    check("$partition([0, 1], 1e18)", "[[0,1]]");
    check("$partition([0], 0)", "undefined");
    check("$partition([0], -0.5)", "undefined");
    check("$partition([0], -2)", "D3137: Second argument must be zero or greater");
    check("$partition([], 2)", "undefined");
    check("$partition($states.missing, 2)", "undefined");
    check("$partition([1, 2, 3])", "[[1,2,3]]");
    check(
        "$partition([1], 'x')",
        "T0410: Argument 2 of function \"partition\" does not match function signature",
    );
    check("$range(1, 9, 2)", "[1,3,5,7,9]");
    check("$range(3, 1.5, -1)", "[3,2,1]");
    check("$range(-1.7, 2, 1)", "[-1,0,1,2]");
    check("$range(5, 1, -1.5)", "[5,4,3,2,1]");
    check("$range(3, 3, 1)", "3");
    check("$range(1, 0, 1)", "undefined");
    check("$range(1, 2, 0)", "undefined");
    check("$range(1, 2)", "undefined");
    check("$range(1, 2, 1, 3)", "T0410: Argument 4 of function \"range\" does not match function signature");
    check(
        "$range(0, 1e9, 1)",
        "D2014: The size of the sequence allocated by the range operator (..) must not exceed 1e6.  Attempted to allocate 1000000001.",
    );
}

#[test]
fn texts_are_digested_and_parsed() {
    check("$hash('abc', 'MD5')", "\"900150983cd24fb0d6963f7d28e17f72\"");
    check("$hash('abc', 'SHA-1')", "\"a9993e364706816aba3e25717850c26c9cd0d89d\"");
    check(
        "$hash('abc', 'SHA-2')",
        "D3137: Hash algorithm 'SHA-2' must be one of SHA-1, SHA-384, SHA-256, SHA-512, MD5",
    );
    check("$hash('abc')", "undefined");
    check("$hash(1, 'MD5')", "T0410: Argument 1 of function \"hash\" does not match function signature");
    check("$parse($states.input.json).a", "[1.50]");
    for text in ["", "  ", "{", "{} {}", "1e400", "nonsense"] {
        check(&format!("$parse('{text}')"), "D3137: Invalid JSON");
    }
    check(r#"$parse('{"a": 1, "a": 2}')"#, "D3137: Invalid JSON");
    check(r#"$map(['{"a": 1}', '{"a": 2}'], $parse).a"#, "[1,2]");
    check("$parse(null)", "T0410: Argument 1 of function \"parse\" does not match function signature");
    check("$eval('1')", "T1006: Attempted to invoke a non-function");
}

#[test]
fn randomness_comes_from_outside_or_from_a_seed() {
    check("$random($states.input.seed) = $random(7) and $random(7) != $random(8)", "true");
    check("$random(42)", "0.7275636800328681");
    check("$random(0.9) = $random(0)", "true");
    check("$random() < 0.01", "true");
    check("$uuid()", "\"01234567-89ab-4def-8123-456789abcdef\"");
    check("$now()", "\"2023-11-14T22:13:20.000Z\"");
    check("$millis()", "1700000000000");
}

#[test]
fn there_is_no_context_at_the_top_level() {
    for text in [
        "$",
        "$$",
        "a",
        "$.a",
        "$$.a",
        "a.b",
        "{'a': b}",
        "[$]",
        "$sum(a)",
        "1 + a",
        "a ? 1",
        "($x := a)",
        "$uppercase($)",
        "states.input",
        "$map($states.input.x, function($x) { b })",
    ] {
        check(text, "refused: S0601");
    }
    check("$states.input.x[$ > 3]", "[4,5]");
    check("$states.input.x.($ * 2)[0]", "[2,4,6,8,10]");
    check("$map($states.input.x, function($v) { $v + 1 })", "[2,3,4,5,6]");
    check("$states.input.{'y': x[0]}", "{\"y\":1}");
    check("$states.input.x^(>$)[0]", "5");
    check("($f := $sum; $f($states.input.x))", "15");
    check("sum(1)", "T1005: Attempted to invoke a non-function. Did you mean $sum?");
    check("$states.missing", "undefined");
    check("$sum", "U1004: The result is a function");
}

#[test]
fn operators_of_a_later_version_do_not_exist() {
    check("$states.a ?? 1", "refused: S0211");
    check("$states.a ?: 1", "refused: S0211");
}

#[test]
fn what_is_not_finite_is_named() {
    check("[1/0, -1/0, 0/0]", r#"["Infinity","-Infinity","NaN"]"#);
    check("1/0", r#""Infinity""#);
    check("{'k': 1e308 * 10}", r#"{"k":"Infinity"}"#);
    check("$string(1/0)", r#""Infinity""#);
}

#[test]
fn evaluations_nest_as_deep_as_on_aws() {
    let depth_of = |text: &str| {
        let expression = Expression::compile(text, &Profile::step_functions()).unwrap();
        let environment = Environment { budget: Budget::step_functions(), ..Environment::empty() };
        expression.evaluate(&environment).is_ok()
    };
    let recursion = |n: usize| format!("($f := function($x) {{ $x <= 0 ? 0 : 1 + $f($x - 1) }}; $f({n}))");
    assert!(depth_of(&recursion(31)));
    assert!(!depth_of(&recursion(40)));
    assert!(depth_of(&vec!["1"; 100].join("+")));
    assert!(depth_of(&format!("1{}", "~>$string".repeat(99))));
    assert!(!depth_of(&format!("1{}", "~>$string".repeat(110))));
}

#[test]
fn arguments_that_ought_to_be_whole_are_cut_off() {
    check("$pad('a', 2.5)", "\"a \"");
    check("$split('a,b,c', ',', 1.5)", "[\"a\"]");
    check("$split('a,b,c', ',', -0.5)", "[]");
    check("$substring('hello', 1.5, 2.9)", "\"el\"");
    check("$round(1.256, 1.9)", "1.3");
    check("$formatBase(10, 2.9)", "\"1010\"");
    check("$match('aaa', /a/, 1.5).index", "0");
    check("$replace('aaa', 'a', 'b', 1.5)", "\"baa\"");
}
