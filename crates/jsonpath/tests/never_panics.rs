//! Whatever text comes in, the answer is a value or an error. A failing case is printed with the
//! seed that repeats it.

use proptest::prelude::*;
use stepwell_jsonpath::{Expression, Path, ReferencePath, Scope, Template};
use stepwell_value::Value;

/// Text made of the pieces that the grammars know, so that much of it is nearly right.
fn nearly_right() -> impl Strategy<Value = String> {
    let pieces = [
        "$",
        "$$",
        "$v",
        "@",
        ".",
        "..",
        "a",
        "b-c",
        "é",
        "*",
        "[",
        "]",
        "[0]",
        "[-1]",
        "[*]",
        "[1:2]",
        "[?(",
        ")]",
        "(",
        ")",
        "'a'",
        "\"b\"",
        "'",
        "\\",
        ",",
        ":",
        " ",
        "==",
        "!=",
        "<",
        "=~",
        "/x.*/i",
        "in",
        "&&",
        "||",
        "!",
        "1",
        "-0",
        "1e9",
        "true",
        "null",
        "{}",
        "{",
        "}",
        "length()",
        "(@.length-1)",
        "States.",
        "States.Format(",
        "States.Array(",
        "States.StringToJson(",
        "States.StringSplit(",
        "States.ArrayRange(",
        "States.MathAdd(",
        "States.MathRandom(",
        "States.Hash(",
        "States.Base64Decode(",
        "States.ArrayPartition(",
        "States.UUID()",
        "MD5",
    ];
    prop::collection::vec(prop::sample::select(pieces.to_vec()), 0..14).prop_map(|pieces| pieces.concat())
}

/// A call of any function with any arguments.
fn call() -> impl Strategy<Value = String> {
    let functions = [
        "Format",
        "StringToJson",
        "JsonToString",
        "Array",
        "ArrayPartition",
        "ArrayContains",
        "ArrayRange",
        "ArrayGetItem",
        "ArrayLength",
        "ArrayUnique",
        "Base64Encode",
        "Base64Decode",
        "Hash",
        "JsonMerge",
        "MathRandom",
        "MathAdd",
        "StringSplit",
        "UUID",
    ];
    let argument = prop_oneof![
        any::<f64>()
            .prop_filter("JSON has no such number", |float| float.is_finite())
            .prop_map(|float| format!("{float:e}")),
        any::<i64>().prop_map(|int| int.to_string()),
        (-5_i64..5).prop_map(|int| int.to_string()),
        "'[a-c{}, \\-]{0,6}'",
        prop::sample::select(vec![
            "$",
            "$.a",
            "$.list",
            "$.list[*]",
            "$v",
            "$$",
            "true",
            "false",
            "null",
            "'MD5'"
        ])
        .prop_map(str::to_owned),
    ];
    let arguments = prop::collection::vec(argument, 0..4);
    (prop::sample::select(functions.to_vec()), arguments)
        .prop_map(|(function, arguments)| format!("States.{function}({})", arguments.join(", ")))
}

fn exercise(text: &str) {
    let input = r#"{"a":{"a":1,"b-c":"x"},"list":[1,"2",null,[],{"a":[true]},1.5],"é":""}"#;
    let input = Value::parse(input).unwrap();
    let scope = Scope {
        input: &input,
        context: &|| Value::from("context"),
        variable: &|name| (name == "v").then(|| Value::array([Value::from(1)])),
        random: &|| 0x5DEE_CE66,
    };
    if let Ok(path) = Path::parse(text) {
        let value = path.evaluate(&scope);
        assert_eq!(path.find(&scope).unwrap(), value.clone().ok());
        if let Ok(value) = value {
            assert!(path.is_definite() || value.as_array().is_some());
        }
    }
    if let Ok(expression) = Expression::parse(text) {
        let _ = expression.evaluate(&scope).map_err(|error| error.to_string());
        assert_eq!(Expression::parse(expression.text()).map(|again| again == expression), Ok(true));
    }
    if let Ok(reference) = ReferencePath::parse(text) {
        let set = reference.set(&input, Value::from("set"));
        // What was put somewhere is found there.
        if let Ok(root) = set {
            let path = Path::parse(text).unwrap();
            let found = path.evaluate(&Scope { input: &root, ..scope }).unwrap();
            assert_eq!(found, Value::from("set"));
        }
    }
    let template = Value::object([("x.$", Value::from(text))]);
    if let Ok(template) = Template::compile(&template) {
        let _ = template.evaluate(&scope);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nearly_right_text_never_panics(text in nearly_right()) {
        exercise(&text);
        exercise(&format!("$.{text}"));
        exercise(&format!("$[?({text})]"));
        exercise(&format!("States.Array({text})"));
    }

    #[test]
    fn any_text_never_panics(text in "\\PC{0,40}") {
        exercise(&text);
        exercise(&format!("$.{text}"));
        exercise(&format!("States.Format('{text}', 1)"));
    }

    #[test]
    fn any_call_never_panics(call in call()) {
        exercise(&call);
    }
}
