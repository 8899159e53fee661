//! What the functions give, as data.

use stepwell_value::Value;

use crate::{Expression, Scope};

fn evaluate(expression: &str, input: &str) -> String {
    let expression = match Expression::parse(expression) {
        Ok(expression) => expression,
        Err(error) => return format!("refused: {error}"),
    };
    let input = Value::parse(input).unwrap();
    let scope = Scope {
        input: &input,
        context: &|| Value::parse(r#"{"State":{"Name":"S"}}"#).unwrap(),
        variable: &|name| (name == "v").then(|| Value::from("variable")),
        random: &|| 0x0123_4567_89AB_CDEF,
    };
    match expression.evaluate(&scope) {
        Ok(value) => value.to_string(),
        Err(crate::EvaluationError::Intrinsic { problem, .. }) => format!("failure: {problem}"),
        Err(error) => format!("failure: {error}"),
    }
}

fn check(cases: &[(&str, &str)]) {
    let input = r#"{
        "name":"Ann","n":1.5,"list":[1,2,3,1.0],"obj":{"Arg1":1,"Arg2":[]},
        "json":"{\"a\": [1, -0]}","blank":" ","t":"{} and {}","long":"LONG"
    }"#
    .replace("LONG", &"x".repeat(10_001));
    for (expression, expected) in cases {
        assert_eq!(evaluate(expression, &input), *expected, "{expression}");
    }
}

#[test]
fn format_fills_its_placeholders() {
    check(&[
        ("States.Format('Hello {}, {}', $.name, 7)", r#""Hello Ann, 7""#),
        ("States.Format('{} {} {} {}', true, null, 1.10, $$.State.Name)", r#""true null 1.10 S""#),
        ("States.Format('{}', $.obj)", r#""{Arg1=1, Arg2=[]}""#),
        ("States.Format('{}', $.list)", r#""[1, 2, 3, 1.0]""#),
        (r"States.Format('\{\} \' \\ {}', $v)", r#""{} ' \\ variable""#),
        ("States.Format($.t, 1, 2)", r#""1 and 2""#),
        ("States.Format('nothing')", r#""nothing""#),
        ("States.Format('{}')", "failure: the template has 1 placeholders, but 0 arguments follow it"),
        ("States.Format('x', 1)", "failure: the template has 0 placeholders, but 1 arguments follow it"),
        ("States.Format($.n)", "failure: argument 1 must be a string"),
        ("States.Format('{', 1)", "refused: matching '}' not found for '{' at character 15"),
        (
            r"States.Format('a\n')",
            "refused: a backslash may only stand before ', {, } or another backslash at character 15",
        ),
    ]);
}

#[test]
fn text_and_json_turn_into_each_other() {
    check(&[
        ("States.StringToJson($.json)", r#"{"a":[1,0]}"#),
        ("States.StringToJson($.blank)", "null"),
        ("States.StringToJson('')", "null"),
        ("States.StringToJson('-0')", "0"),
        (r#"States.StringToJson('\{"a":1\}')"#, r#"{"a":1}"#),
        (
            "States.StringToJson('[1')",
            "failure: the text is not JSON: expected ',' or ']', found the end of the text at line 1, column 3",
        ),
        ("States.StringToJson(1)", "failure: argument 1 must be a string"),
        ("States.JsonToString($.obj)", r#""{\"Arg1\":1,\"Arg2\":[]}""#),
        ("States.JsonToString('a')", r#""\"a\"""#),
        ("States.StringSplit('1,2;,3', ',;')", r#"["1","2","3"]"#),
        ("States.StringSplit('', ',')", "[]"),
        ("States.StringSplit('a.b', '')", r#"["a.b"]"#),
        ("States.StringSplit(1, ',')", "failure: argument 1 must be a string"),
    ]);
}

#[test]
fn arrays_are_made_and_cut() {
    check(&[
        ("States.Array()", "[]"),
        ("States.Array(1, 'a', null, $.list, States.Array())", r#"[1,"a",null,[1,2,3,1.0],[]]"#),
        ("States.ArrayPartition($.list, 3)", "[[1,2,3],[1.0]]"),
        ("States.ArrayPartition($.list, 2.5)", "[[1,2,3],[1.0]]"),
        ("States.ArrayPartition(States.Array(), 2)", "[]"),
        (
            "States.ArrayPartition($.list, 0)",
            "failure: argument 2 must be a number that rounds to a positive integer",
        ),
        (
            "States.ArrayPartition($.list, 0.4)",
            "failure: argument 2 must be a number that rounds to a positive integer",
        ),
        ("States.ArrayPartition($.name, 1)", "failure: argument 1 must be an array"),
        ("States.ArrayContains($.list, 2.0)", "true"),
        ("States.ArrayContains($.list, '2')", "false"),
        ("States.ArrayRange(1, 9, 2)", "[1,3,5,7,9]"),
        ("States.ArrayRange(9, 1, -4)", "[9,5,1]"),
        ("States.ArrayRange(1, 9, -1)", "[]"),
        ("States.ArrayRange(0.5, 3.4, 1)", "[1,2,3]"),
        ("States.ArrayRange(3, 3, 1)", "[3]"),
        ("States.ArrayRange(0, 1, 0)", "failure: argument 3 must be a number that does not round to zero"),
        ("States.ArrayRange(0, 1000, 1)", "failure: argument 3 must be a step that gives at most 1000 items"),
        ("States.ArrayLength(States.ArrayRange(1, 1000, 1))", "1000"),
        (
            "States.ArrayRange(-4611686018427387903, 4611686018427387903, 9000000000000000)",
            "failure: argument 3 must be a step that gives at most 1000 items",
        ),
        ("States.ArrayRange(1e300, 1, 1)", "failure: argument 1 must be a number"),
        ("States.ArrayGetItem($.list, 2)", "3"),
        ("States.ArrayGetItem($.list, 4)", "failure: there is no item 4 in an array of 4"),
        ("States.ArrayGetItem($.list, -1)", "failure: argument 2 must be an integer, zero or greater"),
        ("States.ArrayLength($.list)", "4"),
        ("States.ArrayLength($.obj)", "failure: argument 1 must be an array"),
        ("States.ArrayUnique($.list)", "[1,2,3]"),
        (
            "States.ArrayUnique(States.Array($.obj, 'a', $.obj, null, 'a', null, true, 1, '1'))",
            r#"[{"Arg1":1,"Arg2":[]},"a",null,true,1,"1"]"#,
        ),
    ]);
}

#[test]
fn objects_merge_one_level_deep() {
    check(&[
        (
            r#"States.JsonMerge($.obj, States.StringToJson('\{"Arg2":\{\},"b":1\}'), false)"#,
            r#"{"Arg1":1,"Arg2":{},"b":1}"#,
        ),
        (
            "States.JsonMerge($.obj, $.obj, true)",
            "failure: argument 3 must be false, as only shallow merging is supported",
        ),
        ("States.JsonMerge($.obj, $.list, false)", "failure: argument 2 must be an object"),
    ]);
}

#[test]
fn text_is_encoded_and_hashed() {
    check(&[
        ("States.Base64Encode('Data to encode')", r#""RGF0YSB0byBlbmNvZGU=""#),
        ("States.Base64Encode('')", r#""""#),
        ("States.Base64Decode('RGF0YSB0byBkZWNvZGU=')", r#""Data to decode""#),
        ("States.Base64Decode('RGF0 YSB0-byBkZWNvZGU')", r#""Data to decode""#),
        ("States.Base64Decode('A')", "failure: the text is not Base64"),
        ("States.Base64Encode($.long)", "failure: argument 1 must be a string of at most 10000 characters"),
        ("States.Hash('input data', 'SHA-1')", r#""aaff4a450a104cd177d28d18d74485e8cae074b7""#),
        (
            "States.Hash('input data', 'MD4')",
            "failure: argument 2 must be MD5, SHA-1, SHA-256, SHA-384 or SHA-512",
        ),
        ("States.Hash($.long, 'MD5')", "failure: argument 1 must be a string of at most 10000 characters"),
        ("States.UUID()", r#""01234567-89ab-4def-8123-456789abcdef""#),
    ]);
    assert_eq!(
        evaluate("States.Hash($, 'MD5')", "{ \"a\" : 1 }"),
        evaluate("States.Hash($, 'MD5')", r#""{\"a\":1}""#),
        "what is no string is hashed by its JSON text"
    );
}

#[test]
fn numbers_are_rounded_half_up_and_added() {
    check(&[
        ("States.MathAdd(1, -3)", "-2"),
        ("States.MathAdd($.n, 1)", "3"),
        ("States.MathAdd(-1.5, 0)", "-1"),
        ("States.MathAdd(2147483647, 1)", "2147483648"),
        (
            "States.MathAdd(2147483648, 1)",
            "failure: argument 1 must be a number from -2147483648 to 2147483647",
        ),
        ("States.MathAdd('1', 1)", "failure: argument 1 must be a number from -2147483648 to 2147483647"),
        ("States.MathRandom(0, 100, 42)", "30"),
        ("States.MathRandom(5, 6)", "5"),
        ("States.MathRandom(6, 5)", "failure: argument 2 must be greater than the first"),
    ]);
}

#[test]
fn a_call_must_be_well_formed() {
    let nested = |depth: usize| "States.Array(".repeat(depth) + &")".repeat(depth);
    assert_eq!(evaluate(&nested(10), "1"), "[[[[[[[[[[]]]]]]]]]]");
    assert!(evaluate(&nested(11), "1").starts_with("refused: intrinsic functions nest at most 10 deep"));
    check(&[
        ("States.Nope()", "refused: there is no intrinsic function 'States.Nope' at character 12"),
        ("States.UUID(1)", "refused: States.UUID takes 0 arguments, not 1 at character 15"),
        ("States.MathRandom(1)", "refused: States.MathRandom takes 2 to 3 arguments, not 1 at character 21"),
        ("States.Format()", "refused: States.Format takes at least 1 arguments, not 0 at character 16"),
        ("States.Array(1", "refused: expected ')', found the end of the text at character 15"),
        (
            "States.Array(1,)",
            "refused: expected a quoted string, a number, a path or a function, found ')' at character 16",
        ),
        ("States.Array('a)", "refused: a string is not closed at character 17"),
        ("States.Array() x", "refused: expected the end of the text, found ' ' at character 15"),
        ("States.Array( $.list[?(@ > 2)] , $['a,b','n'] )", r#"[[3],{"n":1.5}]"#),
        ("States.ArrayLength($.list[?(@ == 1)])", "2"),
        (" States.Array ( ) ", "[]"),
    ]);
}

#[test]
fn a_path_without_result_fails_as_a_path() {
    let failure = evaluate("States.Format('{}', $.x)", "{}");
    assert_eq!(
        failure,
        "failure: States.Runtime: The JSONPath '$.x' specified for the field '' could not be found in the input '{}'"
    );
}

#[test]
fn no_call_makes_a_text_without_bound() {
    let big = format!("\"{}\"", "x".repeat(200_000));
    let call = format!("States.Format('{}', {})", "{}".repeat(2_000), vec!["$"; 2_000].join(", "));
    assert_eq!(evaluate(&call, &big), "failure: the arguments or the result are too large");
}
