//! What paths find, as data.

use stepwell_value::{DEPTH_MAX, Value};

use crate::{EvaluationError, Path, Scope, WORK_MAX};

const STORE: &str = r#"{
    "store": {
        "book": [
            {"category":"reference","author":"Rees","title":"Sayings","price":8.95},
            {"category":"fiction","author":"Waugh","title":"Sword","price":12.99},
            {"category":"fiction","author":"Melville","title":"Moby","isbn":"0-553","price":8.99},
            {"category":"fiction","author":"Tolkien","title":"Rings","isbn":"0-395","price":22.99,"tags":["a","b"]}
        ],
        "bicycle": {"color":"red","price":19.95}
    },
    "expensive": 10,
    "a-b": 1, "c d": {"e'f": 2}, "null": null, "n": [1,2,3,4,5], "empty": []
}"#;

fn evaluate(path: &str, input: &str) -> Result<String, EvaluationError> {
    let input = Value::parse(input).unwrap();
    let scope = Scope {
        input: &input,
        context: &|| Value::parse(r#"{"Execution":{"Id":"arn"},"Map":{"Item":{"Index":3}}}"#).unwrap(),
        variable: &|name| match name {
            "limit" => Some(Value::from(9)),
            "päth_1" => Some(Value::parse(r#"{"x":[7,8]}"#).unwrap()),
            _ => None,
        },
        random: &|| 0,
    };
    let path = Path::parse(path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let found = path.find(&scope).unwrap();
    let value = path.evaluate(&scope);
    assert_eq!(value.clone().ok(), found, "find and evaluate must agree");
    value.map(|value| value.to_string())
}

fn check(cases: &[(&str, &str)]) {
    for (path, expected) in cases {
        assert_eq!(evaluate(path, STORE).as_deref(), Ok(*expected), "{path}");
    }
}

fn check_nowhere(cases: &[(&str, &str)]) {
    for (path, expected) in cases {
        let error = evaluate(path, STORE).expect_err(path);
        assert_eq!(error.invalid_path_cause(), *expected, "{path}");
        assert_eq!(error.error_name(), "States.Runtime");
    }
}

#[test]
fn a_definite_path_leads_to_one_value() {
    check(&[
        ("$.expensive", "10"),
        ("$.store.book[0].title", r#""Sayings""#),
        ("$['store']['book'][1]['title']", r#""Sword""#),
        (r#"$["store"].book[-1].title"#, r#""Rings""#),
        ("$.['store'].book.[0].['title']", r#""Sayings""#),
        ("$.a-b", "1"),
        (r"$['c d']['e\'f']", "2"),
        ("$.null", "null"),
        ("$.store.bicycle['color', 'price', 'nope']", r#"{"color":"red","price":19.95}"#),
        ("$.store.bicycle['x','y']", "{}"),
        ("$$.Execution.Id", r#""arn""#),
        ("$$.Map.Item.Index", "3"),
        ("$limit", "9"),
        ("$päth_1.x[1]", "8"),
        (" $.expensive ", "10"),
    ]);
    assert_eq!(evaluate("$", "[1]").as_deref(), Ok("[1]"));
    assert_eq!(evaluate("$[0]", "[1]").as_deref(), Ok("1"));
}

#[test]
fn an_indefinite_path_gives_an_array() {
    check(&[
        ("$.store.book[*].author", r#"["Rees","Waugh","Melville","Tolkien"]"#),
        ("$.store.*.color", r#"["red"]"#),
        ("$.store.bicycle.*", r#"["red",19.95]"#),
        ("$..price", "[8.95,12.99,8.99,22.99,19.95]"),
        ("$..book[0].title", r#"["Sayings"]"#),
        ("$..book.length()", "1"),
        (
            "$.store..['author','isbn']",
            r#"[{"author":"Melville","isbn":"0-553"},{"author":"Tolkien","isbn":"0-395"}]"#,
        ),
        ("$.n[0,2,9,-1]", "[1,3,5]"),
        ("$.n[1:3]", "[2,3]"),
        ("$.n[3:]", "[4,5]"),
        ("$.n[:2]", "[1,2]"),
        ("$.n[-2:]", "[4,5]"),
        ("$.n[:-3]", "[1,2]"),
        ("$.n[-3:-1]", "[3,4]"),
        ("$.n[3:1]", "[]"),
        ("$.n[0:100:2]", "[1,3,5]"),
        ("$.n[ 1 : 3 ]", "[2,3]"),
        ("$.store.book[*].isbn", r#"["0-553","0-395"]"#),
        ("$.empty[*]", "[]"),
        ("$..nope", "[]"),
        ("$.n..*", "[1,2,3,4,5]"),
        ("$..tags[*]", r#"["a","b"]"#),
        ("$.store..[1]", r#"[{"category":"fiction","author":"Waugh","title":"Sword","price":12.99},"b"]"#),
    ]);
    assert_eq!(evaluate("$..*", r#"{"a":{"b":1},"c":[2]}"#).as_deref(), Ok(r#"[{"b":1},[2],1,2]"#));
}

#[test]
fn an_indefinite_path_may_start_where_nothing_is() {
    // Recorded: test_json_path_array_wildcard_or_slice_with_no_input.
    for path in [
        "$[*]",
        "$.item.items[*]",
        "$.item.items[1:]",
        "$.item.items[1:5]",
        "$.items[*].itemValue",
        "$.items[1:]",
    ] {
        assert_eq!(evaluate(path, "{}").as_deref(), Ok("[]"), "{path}");
    }
}

#[test]
fn a_definite_path_that_leads_nowhere_fails_in_the_words_of_jayway() {
    check_nowhere(&[
        ("$.NoSuchInputPath", "Invalid path '$.NoSuchInputPath' : No results for path: $['NoSuchInputPath']"),
        ("$.a.b", "Invalid path '$.a.b' : Missing property in path $['a']"),
        ("$.n[10]", "Invalid path '$.n[10]' : No results for path: $['n'][10]"),
        ("$.n[-6]", "Invalid path '$.n[-6]' : No results for path: $['n'][-6]"),
        ("$.expensive.x", "Invalid path '$.expensive.x' : Property ['x'] not found in path $['expensive']"),
        ("$.n.x.y", "Invalid path '$.n.x.y' : Property ['x'] not found in path $['n']"),
        ("$.null[0]", "Invalid path '$.null[0]' : The path $['null'] is null"),
        (
            "$.store.bicycle[0].x",
            "Invalid path '$.store.bicycle[0].x' : Filter: [0]['x'] can only be applied to arrays. \
             Current context is: {color=red, price=19.95}",
        ),
        (
            "$['a', 'b'].v",
            "Invalid path '$['a', 'b'].v' : Multi properties can only be used as path leafs: $['a', 'b']",
        ),
        ("$nope.x", "Invalid path '$nope.x' : The variable '$nope' has no value"),
    ]);
}

#[test]
fn a_failure_tells_the_field_and_what_the_path_was_applied_to() {
    let error = evaluate("$.ErrorX", r#"{ "Error": "error-value" }"#).unwrap_err();
    assert_eq!(
        error.cause("ErrorPath"),
        r#"The JSONPath '$.ErrorX' specified for the field 'ErrorPath' could not be found in the input '{"Error":"error-value"}'"#
    );
}

#[test]
fn filters_choose() {
    let titles = |filter: &str| evaluate(&format!("$.store.book[?({filter})].title"), STORE).unwrap();
    for (filter, expected) in [
        ("@.price < 10", r#"["Sayings","Moby"]"#),
        ("@.price<10&&@.isbn", r#"["Moby"]"#),
        ("@['price'] >= 12.99", r#"["Sword","Rings"]"#),
        ("@.isbn", r#"["Moby","Rings"]"#),
        ("!@.isbn", r#"["Sayings","Sword"]"#),
        ("!(@.isbn || @.price > 12)", r#"["Sayings"]"#),
        ("@.author == 'Waugh' || @.author == \"Rees\"", r#"["Sayings","Sword"]"#),
        ("@.author != 'Waugh'", r#"["Sayings","Moby","Rings"]"#),
        ("@.isbn != 'x'", r#"["Sayings","Sword","Moby","Rings"]"#),
        ("@.isbn == null", "[]"),
        ("@.price < $.expensive", r#"["Sayings","Moby"]"#),
        ("@.price < $limit", r#"["Sayings","Moby"]"#),
        ("@.price < $undefined", "[]"),
        ("@.author =~ /.*EL.*/i", r#"["Moby"]"#),
        ("@.author =~ /el/", "[]"),
        ("@.isbn =~ /0-3\\d\\d/", r#"["Rings"]"#),
        ("@.tags =~ /[bx]/", r#"["Rings"]"#),
        ("@.author in ['Rees', 'Tolkien']", r#"["Sayings","Rings"]"#),
        ("@.author nin ['Rees', 'Tolkien']", r#"["Sword","Moby"]"#),
        ("@.tags anyof ['b','z']", r#"["Rings"]"#),
        ("@.tags noneof ['z']", r#"["Rings"]"#),
        ("@.tags subsetof ['a','b','c']", r#"["Rings"]"#),
        ("@.tags all ['a']", r#"["Rings"]"#),
        ("@.tags contains 'a'", r#"["Rings"]"#),
        ("@.title contains 'or'", r#"["Sword"]"#),
        ("@.tags size 2", r#"["Rings"]"#),
        ("@.title size 4", r#"["Moby"]"#),
        ("@.title empty false", r#"["Sayings","Sword","Moby","Rings"]"#),
        ("@.price == '8.95'", r#"["Sayings"]"#),
        ("@.price === '8.95'", "[]"),
        ("'Moby' == @.title", r#"["Moby"]"#),
        ("@.tags[?(@ == 'a')]", r#"["Rings"]"#),
        ("@.tags == [\"a\", 'b']", r#"["Rings"]"#),
        ("@.tags.length() == 2", r#"["Rings"]"#),
        ("@ != {'a':1}", r#"["Sayings","Sword","Moby","Rings"]"#),
        ("@..nope", "[]"),
        ("@.author > 'S'", r#"["Sword","Rings"]"#),
    ] {
        assert_eq!(titles(filter), expected, "{filter}");
    }
    check(&[
        ("$.n[?(@ > 3)]", "[4,5]"),
        ("$.store.bicycle[?(@.color == 'red')].price", "[19.95]"),
        ("$..[?(@.isbn)].title", r#"["Moby","Rings"]"#),
        ("$..book[?(@.isbn)].title", r#"["Moby","Rings"]"#),
        ("$.expensive[?(@.x)]", "[]"),
    ]);
}

#[test]
fn a_function_may_end_a_path() {
    check(&[
        ("$.n.length()", "5"),
        ("$.store.bicycle.size()", "2"),
        ("$.n.sum()", "15"),
        ("$.n.avg()", "3"),
        ("$.n.min()", "1"),
        ("$..price.max()", "22.99"),
        ("$.n[1:3].stddev()", "0.5"),
        ("$.store.bicycle.keys()", r#"["color","price"]"#),
        ("$.store.bicycle.keys().length()", "2"),
        ("$.store.book[*].title.concat()", r#""SayingsSwordMobyRings""#),
        ("$.n.first()", "1"),
        ("$.n.last()", "5"),
    ]);
    check_nowhere(&[
        (
            "$.empty.max()",
            "Invalid path '$.empty.max()' : The function max() cannot be applied to what the path leads to",
        ),
        ("$.a.length()", "Invalid path '$.a.length()' : No results for path: $['a']"),
    ]);
}

#[test]
fn definite_and_indefinite_paths_are_told_apart() {
    for path in ["$", "$.a", "$.a[0]", "$['a','b']", "$$.a", "$v.a", "$..a.length()"] {
        assert!(Path::parse(path).unwrap().is_definite(), "{path}");
    }
    for path in ["$.*", "$..a", "$[0,1]", "$[1:]", "$[?(@.a)].b"] {
        assert!(!Path::parse(path).unwrap().is_definite(), "{path}");
    }
    assert!(Path::parse("$").unwrap().is_whole_input());
    assert!(!Path::parse("$$").unwrap().is_whole_input());
}

#[test]
fn what_is_no_path_is_refused_with_its_place() {
    for (text, expected) in [
        ("", "a path must start with '$', found the end of the text at character 1"),
        ("a.b", "a path must start with '$', found 'a' at character 1"),
        ("$.", "expected a name after '.', found the end of the text at character 3"),
        ("$..", "expected a name after '.', found the end of the text at character 4"),
        ("$...a", "expected a name after '.', found '.' at character 4"),
        ("$.a b", "a name with blanks must stand in brackets and quotes, as in ['my name'] at character 4"),
        ("$.a[0]b", "expected '.' or '[', found 'b' at character 7"),
        ("$.a[", "expected a quoted name, an index, '*' or '?', found the end of the text at character 5"),
        ("$.a[x]", "expected a quoted name, an index, '*' or '?', found 'x' at character 5"),
        ("$.a['x'", "expected ']', found the end of the text at character 8"),
        ("$.a['x", "a string is not closed at character 7"),
        ("$.a['x',]", "expected a quoted name, found ']' at character 9"),
        ("$.a[:]", "a slice needs a start or an end at character 6"),
        ("$.a[1:2:0]", "the third part of a slice must be positive at character 10"),
        ("$.a[99999999999]", "'99999999999' is not an index at character 16"),
        ("$.a[?(@.x]", "expected an operator, found ']' at character 10"),
        ("$.a[?(@.x = 1)]", "expected an operator, found '=' at character 11"),
        ("$.a[?(1)]", "a literal alone says nothing; compare it with something at character 8"),
        ("$.a[?()]", "'' is not a value at character 7"),
        ("$.a[?(@.x =~ /a/q)]", "unknown flag 'q' of a regular expression at character 18"),
        ("$.a.frob()", "there is no path function 'frob' at character 9"),
        ("$.a.length().b", "a function must stand at the end of a path at character 15"),
        ("$ab c", "a name with blanks must stand in brackets and quotes, as in ['my name'] at character 4"),
    ] {
        let error = Path::parse(text).expect_err(text);
        assert_eq!(error.to_string(), expected, "{text}");
    }
    for pattern in ["(?=x)", r"(a)\1", "a)|(b", "("] {
        assert!(Path::parse(&format!("$[?(@ =~ /{pattern}/)]")).is_err(), "{pattern}");
    }
    assert!(Path::parse("$[?(@ =~ /a b # comment/x)]").is_ok());
}

#[test]
fn no_path_needs_more_than_its_bound() {
    let deep = "{\"a\":".repeat(DEPTH_MAX - 1) + "[]" + &"}".repeat(DEPTH_MAX - 1);
    let input = Value::parse(&deep).unwrap();
    let scope = Scope { input: &input, context: &|| Value::Null, variable: &|_| None, random: &|| 0 };
    let find = |path: &str| Path::parse(path).unwrap().evaluate(&scope);

    assert_eq!(find("$..*").unwrap().as_array().unwrap().len(), DEPTH_MAX - 1);
    assert!(find("$..a..a").is_ok());
    let error = find("$..*..*..*..*..*..*").unwrap_err();
    assert_eq!(
        error.cause("x"),
        format!(
            "The JSONPath '$..*..*..*..*..*..*' specified for the field 'x' visits more than {WORK_MAX} values"
        )
    );
    assert!(find("$..a[?(@..a[?($..a)])]").is_err(), "filters in filters recurse no deeper than the bound");
    assert!(Path::parse(&format!("${}", "[?(@.a)]".repeat(513))).is_err());
    assert!(find(&format!("${}", "[?(@.a)]".repeat(512))).is_ok());
    assert!(Path::parse(&format!("$[?{}@.a{}]", "(".repeat(100), ")".repeat(100))).is_err());
    assert!(Path::parse(&format!("$[?({}@.a)]", "!".repeat(100_000))).is_err());
}

#[test]
fn what_is_compiled_can_be_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<Path>();
    shared::<crate::ReferencePath>();
    shared::<crate::Expression>();
    shared::<crate::Template>();
    shared::<EvaluationError>();
}
