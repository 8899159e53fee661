//! What is meant to exhaust a machine ends in an error, soon and small.

#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a test watches the clock and needs a thread's stack"
)]

use std::time::{Duration, Instant};

use stepwell_jsonata::{Budget, Environment, Expression, Profile};
use stepwell_value::Value;

fn check(text: &str, codes: &[&str]) {
    let input = Value::parse(r#"{"items": [1, 2, 3], "text": "aaaaaaaaaaaaaaaaaaaaaaaaaaaa!"}"#).unwrap();
    let started = Instant::now();
    let expired = || started.elapsed() > Duration::from_secs(1);
    let environment = Environment { expired: Some(&expired), ..Environment::of(&input) };
    let code = match Expression::compile(text, &Profile::jsonata()) {
        Err(error) => error.code,
        Ok(expression) => match expression.evaluate(&environment) {
            Err(error) => error.code,
            Ok(_) => "no error",
        },
    };
    let shown: String = text.chars().take(80).collect();
    println!("{:>6} ms {code} {shown}", started.elapsed().as_millis());
    assert!(codes.contains(&code), "{shown}: {code}");
    // Slow machines must not fail the test; the promise is for one that is not busy.
    assert!(started.elapsed() < Duration::from_secs(10), "{shown} took {:?}", started.elapsed());
}

#[test]
fn memory_bombs_end_before_the_memory_is_taken() {
    for text in [
        "$pad('x', 2e9)",
        "$pad('', 1e300, 'abc')",
        "[1..1e7]",
        "[1..1000].[1..1000].[1..1000]",
        "[1..100].([1..100].([1..100].([1..100].($))))",
        "($f := function($s, $n) { $n = 0 ? $s : $f($s & $s, $n - 1) }; $f('ab', 60))",
        "($f := function($s, $n) { $n = 0 ? $s : $f($join([$s, $s]), $n - 1) }; $f('ab', 60))",
        "($f := function($s, $n) { $n = 0 ? $s : $f($replace($s, 'a', 'aa'), $n - 1) }; $f('ab', 60))",
        "($f := function($s, $n) { $n = 0 ? $s : $f($replace($s, /a/, 'aa'), $n - 1) }; $f('ab', 60))",
        "($f := function($a, $n) { $n = 0 ? $a : $f($append($a, $a), $n - 1) }; $f([1, 2], 60))",
        "($f := function($o, $n) { $n = 0 ? $string($o) : $f({'a': $o, 'b': $o}, $n - 1) }; $f(1, 60))",
        "[1..100000].{'a': $, 'b': [$], 'c': {'d': $}, 'e': $string($), 'f': 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx'}",
        "$map([1..10000], function($x) { [1..$x] })",
        "[1..1000000].$pad('x', 100)",
        "[1..1000000].function() { 1 }",
        "$reduce([1..1000000], function($a, $b) { $append($a, [$b, [$b]]) })",
        "$split($pad('x', 5000000), '')",
        "$match($pad('x', 1000000), /./)",
        "$toMillis('1', '[Y,*-999999999]') & $fromMillis(0, '[Y,999999999-999999999]')",
        "$zip([1..500000], [1..500000], [1..500000])",
        "$join([1..100000].(''), $pad('', 1000000, 'x'))",
        "$replace($pad('', 1000000, 'a'), /(a+)/, $pad('', 1000000, '$1'))",
        "$count([1..1000000]{$string($): $})",
        "[1..1000000].$eval('/a[b-z]{100}c/')",
        "($a := [1..20000].[[]]; [1..1000].$clone($a))",
        "$string($pad('', 10000000, '\\u0001') & 1 ~> $split(''))",
        "($o := $merge([1..5000].{'k' & $: $}); $f := function() { $each($o, $f) }; $f())",
        "($o := [1..50000]; $f := function() { $sort($o, $f) }; $f())",
    ] {
        check(text, &["U1001", "U1002", "U1003", "D3130", "D3136"]);
    }
}

#[test]
fn large_results_are_refused() {
    check(
        "($f := function($o, $n) { $n = 0 ? $o : $f({'a': $o, 'b': $o}, $n - 1) }; $f(1, 60))",
        &["U1002", "U1003"],
    );
    check("($x := $pad('x', 1000000); [1..100].$x)", &["U1003"]);
}

#[test]
fn endless_work_ends() {
    for text in [
        "($f := function() { $f() }; $f())",
        "($f := function($n) { 1 + $f($n + 1) }; $f(0))",
        "($f := function($n) { $map([1, 2], function($x) { $f($n + 1) }) }; $f(0))",
        "($f := function($n) { $f($n + 1) + $f($n + 2) }; $f(0))",
        "($f := function() { $eval('$f()') }; $f())",
        "($e := '$eval($e)'; $eval($e))",
        "[1..3000].([1..3000].([1..3000].(1)[2]))",
        "$sort([1..300000], function($a, $b) { $sum([1..1000]) })",
        "$distinct([1..200000].[$])",
        "($a := [1..5000]; $a[$ in $a[$ in $a]])",
        "$replace($pad('', 200000, 'ab'), /a.*?c|a/, function($m) { $m.match & 'b' }) ~> $length()",
        "$contains($pad('', 3000000, 'ab'), /(a*b*)*c/) or [1..1e7]",
        "($s := $pad('', 5000000, '1') & '2'; $t := $pad('', 5000000, '1') & '3'; [1..1000000].($s = $t)[0])",
        "($s := $pad('', 5000000, '1') & '2'; $t := $pad('', 5000000, '1') & '3'; [1..1000000].($s in [$t])[0])",
        "($s := $pad('', 5000000, '1') & '2'; [1..1000000].($number($s))[0])",
        "[1..1000000].$toMillis('2020', '[Y0001]-[M01]-[D01] [MNn] [FNn]')",
        "[1..1000000].$formatNumber(1, '#,#,#,#,#,#,#,#,#,#,#,#,#,#,#,#,#,#,#,#,#,#,#,#,#,#,#,#,#,#,#,0')",
        "items[items[items[items[items[$f := 1]]]]] or ($f := function($n) {[$f($n), $f($n)]}; $f(1))",
    ] {
        check(text, &["U1001", "U1002"]);
    }
}

#[test]
fn deep_values_are_refused() {
    for text in [
        "($f := function($n, $a) { $n = 0 ? $a : $f($n - 1, [[$a]]) }; $f(100000, 1))",
        "($f := function($n, $a) { $n = 0 ? $a : $f($n - 1, {'a': $a}) }; $f(100000, 1))",
        "($f := function($n, $a) { $n = 0 ? $a : $f($n - 1, $substringBefore(?, $a)) }; $f(100000, 1))",
        "($f := function($n, $a) { $n = 0 ? $a : $f($n - 1, $a.function() { $ }) }; $f(100000, $sum))",
    ] {
        check(text, &["U1003", "U1002", "U1001"]);
    }
    // Long chains of functions are no trouble by themselves, and neither are those of partial ones.
    check(
        "($g := function($f, $n) { $n = 0 ? $f(1, 2) : $g(($n = 50000 ? function($a, $b) { $a } : $f)(?, ?), $n - 1) }; $g(1, 50000))",
        &["no error"],
    );
    check(
        "($f := function($n, $g) { $n = 0 ? $error('done') : $f($n - 1, function() { $g() }) }; $f(20000, $sum))",
        &["D3137"],
    );
    check(
        "($g := $reduce([1..3000].($string ~> $length), function($a, $b) { $a ~> $b }); $g(1))",
        &["U1001"],
    );
}

#[test]
fn deep_sources_are_refused() {
    for part in [
        "(",
        "[",
        "{'a':",
        "-",
        "$f(",
        "a[",
        "function(){",
        "|a|",
        "1?",
        "(1;",
        "a.(",
        "%.",
        "/*",
        "'",
        "`",
        "/(",
    ] {
        check(
            &part.repeat(1_000_000 / part.len()),
            &["S0501", "S0106", "S0211", "S0101", "S0105", "S0302", "S0203", "S0201"],
        );
    }
    for part in ["1+", "a.", "a~>", "1&", "a^(", "a[0]", "a{'b':c}", "$f()", "()", "a@$b.", "a#$b."] {
        let text = part.repeat(300_000 / part.len()) + "1";
        check(&text, &["S0501", "S0201", "S0210", "S0214", "U1001"]);
    }
}

#[test]
fn long_sources_are_refused_or_cheap() {
    let terms = |term: &str, count: usize| vec![term; count].join(",");
    let names = |count: usize| (0..count).map(|name| format!("$v{name} := 1")).collect::<Vec<_>>().join(";");
    for text in [
        format!("[1..500000]^({})", terms("$", 1_000)),
        format!("function()<{}>{{1}}", "x?".repeat(100_000)),
        format!("[1, {}]", terms("/a[b-z]{100}c/", 15_000)),
        format!("({}; [1..1000000].$v0)", names(10_000)),
        format!("({}; [1..1000000].$missing)", names(10_000)),
    ] {
        check(&text, &["S0501", "S0303", "U1001", "U1002"]);
    }
    // Patterns are matched again and again, but nothing is tried twice.
    let arguments = terms("1", 40);
    check(&format!("function()<{}s>{{1}}({arguments})", "x?".repeat(60)), &["T0410"]);
    check(&format!("($f := function()<{}s>{{1}}; $f({arguments}))", "x+".repeat(60)), &["T0410"]);
    check(&format!("['{}'][0].a", "x".repeat(200_000)), &["no error"]);
}

/// The default budget holds on the stack of a thread that Rust starts.
#[test]
fn deep_recursion_fits_a_thread() {
    let thread = std::thread::spawn(|| {
        for depth in [100, 400, 2_000, 100_000] {
            let text = format!("($f := function($n) {{ $n = 0 ? 0 : 1 + $f($n - 1) }}; $f({depth}))");
            let expression = Expression::compile(&text, &Profile::jsonata()).unwrap();
            let budget = Budget { depth: usize::MAX, ..Budget::default() };
            let result = expression.evaluate(&Environment { budget, ..Environment::empty() });
            println!("{depth}: {result:?}");
            if depth <= 400 {
                assert!(result.is_ok());
            }
        }
    });
    thread.join().unwrap();
}

/// Honest work on a few hundred kilobytes stays within the default budget.
#[test]
fn large_texts_and_arrays_are_no_bombs() {
    for (text, expected) in [
        ("$length($replace($pad('', 200000, 'ab cd '), 'ab', 'xyz'))", "233334"),
        ("$length($replace($pad('', 200000, 'ab cd '), /[ab]+/, '<$0>'))", "266668"),
        ("$count($match($pad('', 100000, 'ab,'), /[^,]+/))", "33334"),
        ("$count($split($pad('', 200000, 'ab,'), ','))", "66667"),
        ("$count($split($pad('', 200000, 'ab,'), /,/))", "66667"),
        ("$length($string([1..20000].{'id': $, 'name': 'item ' & $}))", "637789"),
        ("$sum($map([1..100000], function($x) { $x * 2 }))", "10000100000"),
        ("$count($sort([1..20000], function($a, $b) { $a < $b }))", "20000"),
        ("$count($distinct([1..50000].($ % 1000)))", "1000"),
        ("$count($reduce([1..3000], function($all, $x) { $append($all, [$x]) }, []))", "3000"),
        ("$count($keys($merge([1..5000].{'k' & $: $})))", "5000"),
        ("$count($keys([1..20000]{'k' & ($ % 500): $sum($)}))", "500"),
    ] {
        let expression = Expression::compile(text, &Profile::jsonata()).unwrap();
        let started = Instant::now();
        let result = expression.evaluate(&Environment::empty());
        println!("{:>6} ms {text}", started.elapsed().as_millis());
        assert_eq!(
            result.map(|value| value.unwrap_or_default().to_string()),
            Ok(expected.to_owned()),
            "{text}"
        );
    }
}
