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
    "a-b": 1, "c d": {"e'f": 2}, "back\\slash": 3, "odd": {"[a": 4}, "null": null, "n": [1,2,3,4,5], "empty": []
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
        ("$.store.book[(@.length-1)].title", r#""Rings""#),
        ("$.store.book[( @.size() - 2 )].title", r#""Moby""#),
        ("$.['store'].book.[0].['title']", r#""Sayings""#),
        ("$.store.book[0]title", r#""Sayings""#),
        ("$.a-b", "1"),
        (r"$['back\slash']", "3"),
        ("$.odd['[a']", "4"),
        ("$.null", "null"),
        ("$.store.bicycle['color', 'price', 'nope']", r#"{"color":"red","price":19.95}"#),
        ("$.store.bicycle['x','y']", "{}"),
        ("$.n[ 1 ]", "2"),
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
        ("$.store.bicycle.*", r#"["red",19.95]"#),
        ("$..price", "[8.95,12.99,8.99,22.99,19.95]"),
        (
            "$.store..['author','isbn']",
            r#"[{"author":"Melville","isbn":"0-553"},{"author":"Tolkien","isbn":"0-395"}]"#,
        ),
        ("$.n[0,2]", "[1,3]"),
        ("$.n[1:3]", "[2,3]"),
        ("$.n[3:]", "[4,5]"),
        ("$.n[:2]", "[1,2]"),
        ("$.n[-2:]", "[4,5]"),
        ("$.n[:-3]", "[1,2]"),
        ("$.n[1:-1]", "[]"),
        ("$.n[3:1]", "[]"),
        ("$.n[ 1 : 3 ]", "[2,3]"),
        ("$.store.book[*].isbn", r#"["0-553","0-395"]"#),
        ("$.empty[*]", "[]"),
        ("$.expensive.*", "[]"),
        ("$..nope", "[]"),
        ("$.n..*", "[1,2,3,4,5]"),
        ("$.n...*", "[1,2,3,4,5]"),
        ("$..tags[*]", r#"["a","b"]"#),
        ("$.store..[1]", r#"[{"category":"fiction","author":"Waugh","title":"Sword","price":12.99},"b"]"#),
    ]);
    assert_eq!(evaluate("$..*", r#"{"a":{"b":1},"c":[2]}"#).as_deref(), Ok(r#"[{"b":1},[2],1,2]"#));
}

#[test]
fn the_third_part_of_a_slice_counts_for_nothing() {
    check(&[("$.n[0:100:2]", "[1,2,3,4,5]"), ("$.n[1:3:0]", "[2,3]")]);
}

#[test]
fn two_dots_pass_over_a_step_that_fits_an_array_and_is_not_the_last() {
    let document = r#"{"l":[{"x":1},{"x":2}]}"#;
    assert_eq!(evaluate("$..[0]", document).as_deref(), Ok(r#"[{"x":1}]"#));
    assert_eq!(evaluate("$..[0].x", document).as_deref(), Ok("[1,2]"));
    assert_eq!(evaluate("$..l[0].x", document).as_deref(), Ok("[1]"));
}

#[test]
fn an_indefinite_path_fails_where_only_a_star_over_an_array_would_go_on() {
    let document = r#"{"l":[{"x":1},{}],"o":{"p":{"x":1},"q":{}},"s":"text"}"#;
    let cause = |path: &str| evaluate(path, document).map_err(|error| error.invalid_path_cause());
    assert_eq!(cause("$.l[*].x").as_deref(), Ok("[1]"));
    assert_eq!(cause("$.l[*].y.z").as_deref(), Ok("[]"));
    for (path, expected) in [
        ("$.l[0:2].x", "No results for path: $['l'][1]['x']"),
        ("$.o.*.x", "No results for path: $['o']['q']['x']"),
        ("$.l[0,7]", "Index out of bounds when evaluating path $['l'][7]"),
        ("$.l[-2:9]", "Index out of bounds when evaluating path $['l'][-2]"),
        ("$.s.x[*]", "Property ['x'] not found in path $['s']"),
        ("$.s[?(@.x)]", "Filter: [?] can not be applied to primitives. Current context is: text"),
        ("$.o[*][0]", "Filter: [0] can only be applied to arrays. Current context is: {x=1}"),
        ("$.l[*]['x','y'].z", "Multi properties can only be used as path leafs: $['l'][0]['x', 'y']"),
        ("$.l[?(@.x[0] == 1)]", "Filter: [0] can only be applied to arrays. Current context is: 1"),
        ("$.l[?(@.x == 'one')]", "'one' is not a number"),
    ] {
        let expected = format!("Invalid path '{path}' : {expected}");
        assert_eq!(cause(path), Err(expected));
    }
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
        ("$.n[10]", "Invalid path '$.n[10]' : Index out of bounds when evaluating path $['n'][10]"),
        ("$.n[-1]", "Invalid path '$.n[-1]' : Index out of bounds when evaluating path $['n'][-1]"),
        (
            "$.n[(@.length-6)]",
            "Invalid path '$.n[(@.length-6)]' : Index out of bounds when evaluating path $['n'][-1]",
        ),
        // Seen on AWS: functions are names to it.
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
        // Brackets count for nothing, so && comes first.
        ("(@.author == 'Rees' || @.author == 'Waugh') && @.price > 10", r#"["Sayings","Sword"]"#),
        ("@.author == 'Waugh' || @.author == 'Rees'", r#"["Sayings","Sword"]"#),
        ("@.author != 'Waugh'", r#"["Sayings","Moby","Rings"]"#),
        ("@.isbn != 'x'", r#"["Moby","Rings"]"#),
        ("@.isbn == null", "[]"),
        ("@.price < $.expensive", r#"["Sayings","Moby"]"#),
        ("@.price < $limit", r#"["Sayings","Moby"]"#),
        ("@.price < $undefined", "[]"),
        ("!@.price < 10", r#"["Sayings","Moby"]"#),
        // Only the right side may be text for a number.
        ("10 > @.price", "[]"),
        ("@.author =~ /.*EL.*/i", r#"["Moby"]"#),
        ("@.author =~ /el/", "[]"),
        (r"@.isbn =~ /0-3\d\d/", r#"["Rings"]"#),
        ("@.price =~ /8.*/", r#"["Sayings","Moby"]"#),
        ("@.price == '8.95'", r#"["Sayings"]"#),
        ("@.price == +8.950e0", r#"["Sayings"]"#),
        ("'Moby' == @.title", r#"["Moby"]"#),
        ("@.tags == 'a'", "[]"),
        ("@.tags != 'a'", "[]"),
        ("@.tags == @.tags", r#"["Rings"]"#),
        ("@.tags[1] == 'b'", r#"["Rings"]"#),
        ("@.tags[(@.length-1)] == 'b'", r#"["Rings"]"#),
        ("@['isbn','tags']", r#"["Rings"]"#),
        ("@.author > 'S'", r#"["Sword","Rings"]"#),
    ] {
        assert_eq!(titles(filter), expected, "{filter}");
    }
    check(&[
        ("$.n[?(@ > 3)]", "[4,5]"),
        ("$.store.bicycle[?(@.color == 'red')].price", "[19.95]"),
        ("$..[?(@.isbn)].title", r#"["Moby","Rings"]"#),
        // An existence test starts at the tested value, even with `$`.
        ("$.store.book[?($.expensive)].title", "[]"),
    ]);
    let document = r#"[{"a":null},{"a":"null"},{"a":1},{"a":true},{"a":"it's"}]"#;
    for (path, expected) in [
        ("$[?(@.a)]", r#"[{"a":"null"},{"a":1},{"a":true},{"a":"it's"}]"#),
        ("$[?(@.a == null)]", r#"[{"a":null},{"a":"null"}]"#),
        ("$[?(@.a > null)]", r#"[{"a":1},{"a":true},{"a":"it's"}]"#),
        ("$[1,3,4][?(@.a == TRUE)]", r#"[{"a":true}]"#),
        (r"$[0,3,4][?(@.a == 'it\'s')]", r#"[{"a":"it's"}]"#),
    ] {
        assert_eq!(evaluate(path, document).as_deref(), Ok(expected), "{path}");
    }
}

#[test]
fn definite_and_indefinite_paths_are_told_apart() {
    for path in ["$", "$.a", "$.a[0]", "$['a','b']", "$$.a", "$v.a", "$.a[(@.length-1)]", "$.a.length()"] {
        assert!(Path::parse(path).unwrap().is_definite(), "{path}");
    }
    for path in ["$.*", "$..a", "$[0,1]", "$[1:]", "$[?(@.a)].b"] {
        assert!(!Path::parse(path).unwrap().is_definite(), "{path}");
    }
    assert!(Path::parse("$").unwrap().is_whole_input());
    assert!(!Path::parse("$$").unwrap().is_whole_input());
}

#[test]
fn what_is_no_path_is_refused() {
    for (text, expected) in [
        ("", "a path must start with '$', found the end of the text at character 1"),
        ("a.b", "a path must start with '$', found 'a' at character 1"),
        ("$.", "expected a name after '.', found the end of the text at character 3"),
        ("$..", "expected a name after '..', found the end of the text at character 4"),
        ("$.a b", "a name with blanks must stand in brackets and quotes, as in ['my name'] at character 4"),
        ("$.a[", "expected ']', found the end of the text at character 5"),
        ("$.a[x]", "expected a quoted name, an index, '*' or '?', found [x] at character 5"),
        ("$.a[ * ]", "expected a quoted name, an index, '*' or '?', found [ * ] at character 5"),
        ("$.a['x']['x", "expected ']', found the end of the text at character 12"),
        ("$.a['x]", "a name is not closed at character 5"),
        ("$.a['x',]", "expected a quoted name, found '' at character 5"),
        ("$.a[:]", "a slice needs a start or an end at character 5"),
        ("$.a[99999999999]", "'99999999999' is not an index at character 5"),
        ("$.a[(@.width-1)]", "expected an index such as (@.length-1), found '(@.width-1)' at character 5"),
        (
            "$.a[(@ .length-1)]",
            "expected an index such as (@.length-1), found '(@ .length-1)' at character 5",
        ),
        ("$.a[?(@.x]", "a filter must stand in brackets, as in [?(@.a == 1)] at character 5"),
        (
            "$.a[?(@.x = 1)]",
            "a name with blanks must stand in brackets and quotes, as in ['my name'] in '@.x = 1' at character 5",
        ),
        ("$.a[?(1)]", "expected a path or a comparison, found '1' at character 5"),
        ("$.a[?()]", "expected a path or a comparison, found '' at character 5"),
        ("$.a[?(@..x == 1)]", "the path '@..x' in a filter can lead to several places at character 5"),
        ("$.a[?(!(@.x))]", "expected a path or a comparison, found '!(@.x' at character 5"),
        ("$['[a'].b", "expected ']', found the end of the text at character 10"),
        ("$.a[0]$", "expected '.' or '[', found '$' at character 8"),
        ("$ab c", "a name with blanks must stand in brackets and quotes, as in ['my name'] at character 4"),
    ] {
        let error = Path::parse(text).expect_err(text);
        assert_eq!(error.to_string(), expected, "{text}");
    }
    for pattern in ["/(?=x)/", r"/(a)\1/", "/a)|(b/", "/(/", "/a/q", "'a'"] {
        assert!(Path::parse(&format!("$[?(@ =~ {pattern})]")).is_err(), "{pattern}");
    }
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
    assert!(Path::parse(&format!("${}", "[?(@.a)]".repeat(513))).is_err());
    assert!(find(&format!("${}", "[?(@.a)]".repeat(512))).is_ok());
    assert!(Path::parse(&format!("$[?({}@.a)]", "!".repeat(100_000))).is_err());
    assert!(Path::parse(&format!("$[?({}@.a{})]", "(".repeat(100_000), ")".repeat(100_000))).is_ok());
    let nested = format!("$[?({}@.a{})]", "@[?(".repeat(10_000), ")]".repeat(10_000));
    assert!(Path::parse(&nested).is_err(), "a path in a filter is definite, so filters do not nest");
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

#[test]
fn functions_and_words_of_later_releases_are_there_where_nothing_else_is_meant() {
    let list = r#"{"n": [1, 2, 3], "length()": 7, "o": [{"k": "a", "t": ["x", "y"]}, {"k": "b", "t": []}]}"#;
    for (path, expected) in [
        ("$.n.length()", "3"),
        ("$.n.sum()", "6"),
        ("$.n.max()", "3"),
        ("$.length()", "7"),
        ("$.o[0:9].k[*].length()", "[]"),
        ("$.o[0][\"k\"]", "\"a\""),
        ("$.o[?(@.k in ['a', 'c'])].k", r#"["a"]"#),
        ("$.o[?(@.k nin ['a'])].k", r#"["b"]"#),
        ("$.o[?(@.t contains 'y')].k", r#"["a"]"#),
        ("$.o[?(@.t subsetof ['x', 'y', 'z'])].k", r#"["a","b"]"#),
        ("$.o[?(@.t anyof ['x'])].k", r#"["a"]"#),
        ("$.o[?(@.t noneof ['x'])].k", r#"["b"]"#),
        ("$.o[?(@.t size 2)].k", r#"["a"]"#),
        ("$.o[?(@.t empty true)].k", r#"["b"]"#),
        ("$.o[?(@['a in b'])].k", "[]"),
    ] {
        assert_eq!(evaluate(path, list).as_deref(), Ok(expected), "{path}");
    }
    assert!(evaluate("$.no.length()", list).is_err());
    assert!(evaluate("$.n.other()", list).is_err());
}
