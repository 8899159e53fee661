//! No text and no input panics, hangs or breaks a budget.

#![expect(
    clippy::disallowed_methods,
    reason = "a test takes its seed from outside and shares between threads"
)]

use stepwell_jsonata::{Budget, Environment, Expression, Profile};
use stepwell_value::Value;

const EXPRESSIONS: &[&str] = &[
    "Account.Order[0].Product.{'a': Price * Quantity, 'b': %.OrderID}[]^(>a, b)",
    "list@$v.list#$i[$v.a = a].{'v': $v, 'i': $i, $string($i): %.%.a}",
    "($f := function($n, $m)<n-n?:n> { $n <= 1 ? 1 : $n * $f($n - 1) }; $map([1..5], $f) ~> $sum() ~> $string)",
    "$replace('abcabc', /(a)(b)?[^x-z]{1,2}$/i, function($m) { $uppercase($m.match) & $m.groups[1] }, 2)",
    "$fromMillis(1e12, '[Y0001]-[M01,2-3]-[DWwo] [FNn,3-4] [H#1]:[m]:[s].[f,3-3] [Z01:01t] [z]', '-0530')",
    "$toMillis('27th April 2008 12:30 pm', '[D1o] [MNn] [Y0001] [h]:[m] [P]') - $toMillis('2018-W12-3', '[X]-W[W]-[F1]')",
    "$formatNumber(-12345.678, '#,##0.00;(#,##0.0#)', {'decimal-separator': '.', 'zero-digit': '\\u0660'})",
    "$formatInteger(-1234567, '#,##0;o') & $formatInteger(1e300, 'w') & $parseInteger('one thousand and two', 'w')",
    "list ~> |a[b > 1]|{'c': $count($.**), 'd': *}, ['e', 'list']| ~> $merge",
    "$sort(list, function($l, $r) { $l.a > $r.a })[a in [1, 2, null, 'x']].$each(function($v, $k) { {$k: $v} })",
    "$pad($substring('héllo 😀', -3, 2), -20, 'ab') & $join($split('a, b;c', /[,;]\\s*/), '-') & $trim(' a  b ')",
    "$match('2024-01-02', /(\\d+)-(?<m>\\d{2})-(\\d\\d)/).groups[0] ~> $number() ~> $power(2) ~> $formatBase(16)",
    "$reduce([1..10], function($a, $b, $i, $all) { $a + $b * $i }, 0) & $zip([1, 2], ['a', 'b']) & $distinct([1, 1.0, '1'])",
    "$eval('[1,2,3][$ > 1]') and $exists($lookup({'a': {'b': 1}}, 'a').b) or $boolean([0, []]) ? `a b` : \"c\"",
    "$decodeUrlComponent('%E2%82%AC') & $encodeUrl('http://x/é?a=b') & $base64decode($base64encode('abc'))",
    "/* note */ (1e300 * 1e10; -5 % 3; 7 / 0; 0.1 + 0.2 = 0.3; [-1..-3]; 'a' < 'b'; $$.list[-1])",
    "$single([1, 2, 3], function($x) { $x = 2 }) + $round(2.5, 0) + $floor(-1.5) + $abs(-1) + $sqrt(16)",
    "$substringBefore(?, '-') ~> $uppercase ~> function($s) { $s & '!' }",
    "$sift({'a': 1, 'b': 2}, function($v, $k) { $k = 'a' }) ~> $spread() ~> $keys() ~> $reverse() ~> $shuffle()",
    "list.a{$type($): $count($)}; $error('x') ; $assert(false, 'y'); $now('[Y]', '+01'); $random(); $clone({'a': [1]})",
];

const FRAGMENTS: &[&str] = &[
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "'",
    "\"",
    "`",
    "/",
    "*",
    "**",
    "%",
    "@$x",
    "#$x",
    "~>",
    ":=",
    "?",
    ":",
    "|",
    "..",
    "^(",
    "<",
    ">",
    "!",
    "$",
    "$$",
    "-",
    "1e308",
    "99999999999999999999",
    "-1",
    "0.5",
    "null",
    "[1..3]",
    "\\",
    "\\u00",
    "function(",
    "λ",
    "é",
    "😀",
    ".",
    ",",
    ";",
    "and",
    "in",
    "~",
    "\u{0}",
    "1/0",
    "0/0",
    "$sum",
    "[]",
    "{}",
    "(%)",
];

struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) % bound as u64) as usize
    }
}

fn mutated(random: &mut Random) -> String {
    let mut text: Vec<char> = EXPRESSIONS[random.below(EXPRESSIONS.len())].chars().collect();
    for _ in 0..=random.below(4) {
        let at = random.below(text.len() + 1);
        let end = (at + random.below(8)).min(text.len());
        match random.below(4) {
            0 => drop(text.drain(at..end)),
            1 => drop(text.splice(at..at, FRAGMENTS[random.below(FRAGMENTS.len())].chars())),
            2 => drop(text.splice(at..end, FRAGMENTS[random.below(FRAGMENTS.len())].chars())),
            _ => {
                let other: Vec<char> = EXPRESSIONS[random.below(EXPRESSIONS.len())].chars().collect();
                let from = random.below(other.len());
                let to = (from + random.below(30)).min(other.len());
                text.splice(at..end, other[from..to].iter().copied());
            }
        }
    }
    text.into_iter().collect()
}

#[test]
fn no_text_and_no_input_panics() {
    let inputs: Vec<Value> = [
        r#"{"a": 1, "list": [{"a": 1, "b": 2, "list": [{"a": 1}]}, {"a": "x", "e": null}], "a b": true}"#,
        r#"[{"Price": 1, "Quantity": 2}, [1, [2, []]], null, "text", 1e400, -0]"#,
        "\"just a text\"",
        "12345678901234567890",
    ]
    .iter()
    .map(|text| Value::parse(text).unwrap())
    .collect();
    let budget = Budget { fuel: 100_000, memory_bytes: 4 << 20, ..Budget::default() };
    let seed = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let count = std::env::var("COUNT").ok().and_then(|count| count.parse().ok()).unwrap_or(20_000);
    let mut random = Random(seed);
    let mut evaluated = 0;
    for case in 0..count {
        let text = if case < EXPRESSIONS.len() { EXPRESSIONS[case].to_owned() } else { mutated(&mut random) };
        for profile in [Profile::jsonata(), Profile::step_functions()] {
            let Ok(expression) = Expression::compile(&text, &profile) else { continue };
            let input = &inputs[case % inputs.len()];
            let bindings = |name: &str| (name == "x").then(|| input.clone());
            let environment = Environment {
                bindings: &bindings,
                budget: budget.clone(),
                random: &|| 0x1234_5678_9ABC_DEF0,
                ..Environment::of(input)
            };
            let outcome =
                std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| expression.evaluate(&environment)));
            assert!(outcome.is_ok(), "{text} on {input}");
            evaluated += 1;
        }
    }
    println!("{evaluated} evaluated");
}

#[test]
fn an_expression_is_shared_between_threads() {
    fn shared<T: Send + Sync + 'static>(_: &T) {}
    let expression =
        Expression::compile("$contains(a, /b+/) and $sum(list) > 2", &Profile::jsonata()).unwrap();
    shared(&expression);
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let expression = expression.clone();
            std::thread::spawn(move || {
                let input = Value::parse(r#"{"a": "abb", "list": [1, 2]}"#).unwrap();
                expression.evaluate(&Environment::of(&input))
            })
        })
        .collect();
    for thread in threads {
        assert_eq!(thread.join().unwrap(), Ok(Some(Value::Bool(true))));
    }
}
