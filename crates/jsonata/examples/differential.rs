//! Compares generated expressions with the official JavaScript; see `conformance/jsonata-differential`.

#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a command starts the reference and has options"
)]

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use stepwell_jsonata::{Budget, Environment, Expression, Profile};
use stepwell_value::{Number, Value};

/// A generator of numbers that the seed alone decides.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    fn pick<'t>(&mut self, from: &[&'t str]) -> &'t str {
        from[self.below(from.len())]
    }
}

/// An expression in pieces, so that it can be shrunk.
#[derive(Clone)]
enum Piece {
    Text(String),
    Tree(Vec<Piece>),
}

impl Piece {
    fn write(&self, out: &mut String) {
        match self {
            Piece::Text(text) => out.push_str(text),
            Piece::Tree(parts) => parts.iter().for_each(|part| part.write(out)),
        }
    }

    fn text(&self) -> String {
        let mut out = String::new();
        self.write(&mut out);
        out
    }

    /// Every tree that is this one made a little smaller.
    fn smaller(&self) -> Vec<Piece> {
        let Piece::Tree(parts) = self else { return Vec::new() };
        let mut out: Vec<Piece> =
            parts.iter().filter(|part| matches!(part, Piece::Tree(_))).cloned().collect();
        for (at, part) in parts.iter().enumerate() {
            if let Piece::Tree(inner) = part {
                let with = |piece: Piece| {
                    let mut parts = parts.clone();
                    parts[at] = piece;
                    Piece::Tree(parts)
                };
                if inner.len() > 1 || inner.iter().any(|piece| piece.text().len() > 4) {
                    out.extend(
                        ["1", "a", "$", "'x'", "nil"]
                            .map(|atom| with(Piece::Tree(vec![Piece::Text(atom.into())]))),
                    );
                }
                out.extend(part.smaller().into_iter().map(with));
            }
        }
        out
    }
}

/// Makes a tree of a template: `§` and a letter stand for a part of that kind, the rest for itself.
fn fill(random: &mut Random, template: &str, depth: usize) -> Piece {
    let mut parts = Vec::new();
    let mut rest = template;
    while let Some(at) = rest.find('§') {
        parts.push(Piece::Text(rest[..at].to_owned()));
        rest = &rest[at + '§'.len_utf8()..];
        let piece = match rest.chars().next() {
            Some('s') => string(random, depth),
            Some('n') => number(random, depth),
            Some('l') => array(random, depth),
            Some('o') => object(random, depth),
            Some('f') => function(random, depth),
            Some('p') => path(random, depth),
            Some('q') => Piece::Tree(vec![Piece::Text(random.pick(PICTURES).to_owned())]),
            Some('r') => Piece::Tree(vec![Piece::Text(random.pick(PATTERNS).to_owned())]),
            Some('d') => Piece::Tree(vec![Piece::Text(date_picture(random))]),
            Some('i') => Piece::Tree(vec![Piece::Text(random.pick(INTEGER_PICTURES).to_owned())]),
            Some('g') => Piece::Tree(vec![Piece::Text(signature(random))]),
            Some('b') => call(random, depth),
            _ => any(random, depth),
        };
        rest = &rest[1..];
        parts.push(piece);
    }
    parts.push(Piece::Text(rest.to_owned()));
    Piece::Tree(parts)
}

/// A picture of a date: a few components with presentations and widths, and what stands between.
fn date_picture(random: &mut Random) -> String {
    let mut out = String::from("'");
    for _ in 0..=random.below(4) {
        out.push_str(random.pick(BETWEEN));
        out.push('[');
        out.push_str(random.pick(COMPONENTS));
        out.push_str(random.pick(PRESENTATIONS));
        out.push_str(random.pick(WIDTHS));
        out.push(']');
    }
    out.push_str(random.pick(BETWEEN));
    out.push('\'');
    out
}

const COMPONENTS: &[&str] = &[
    "Y", "Y", "M", "M", "D", "D", "d", "F", "W", "w", "X", "x", "H", "h", "P", "m", "s", "f", "Z", "z", "C",
    "E", "q", "",
];
const PRESENTATIONS: &[&str] = &[
    "", "", "", "0001", "01", "1", "1o", "001", "#1", "#0", "N", "n", "Nn", "w", "W", "Ww", "Wwo", "I", "i",
    "A", "a", "01:01", "0101", "01:01t", "0", "999", "٠١", "#", "9,999", "00000", "t",
];
const WIDTHS: &[&str] =
    &["", "", "", "", ",2", ",2-2", ",*-2", ",3-3", ",4", ",1-*", ",*", ",-", ",0", ",3-1"];
const BETWEEN: &[&str] = &["", "", "-", "/", " ", "T", ":", "[[", "]]", "at ", ".", "é"];
const INTEGER_PICTURES: &[&str] = &[
    "'0'",
    "'00'",
    "'#0'",
    "'#,##0'",
    "'#,##0;o'",
    "'0000'",
    "'w'",
    "'W'",
    "'Ww'",
    "'w;o'",
    "'Ww;o'",
    "'W;o'",
    "'a'",
    "'A'",
    "'i'",
    "'I'",
    "'I;o'",
    "'a;o'",
    "'٠'",
    "'0٠'",
    "'#'",
    "''",
    "'x'",
    "'0,0'",
    "'0.0,0'",
    "'#:#0'",
    "'0;c'",
    "'0;'",
    "';o'",
    "'0 0'",
    "'α'",
    "'#,0;o'",
    "'00,00,00'",
    "'1'",
    "'123'",
    "'1;o'",
    "'##,##,##0'",
];

/// A signature, right or wrong.
fn signature(random: &mut Random) -> String {
    let mut out = String::from("<");
    for _ in 0..random.below(4) {
        out.push_str(random.pick(&[
            "s", "n", "b", "l", "o", "a", "f", "x", "j", "(sn)", "(ao)", "a<n>", "a<s>", "f<n:n>", "(sao)",
            "u", "s<n>", "(a<n>s)", "a<x>", "(sb",
        ]));
        out.push_str(random.pick(&["", "", "", "-", "?", "+", "?-", "-?"]));
    }
    out.push_str(random.pick(&[":n", ":s", "", ":x", ":a<n>"]));
    out.push('>');
    out
}

/// Every built-in function but those that are never the same twice.
const BUILTINS: &[&str] = &[
    "sum",
    "count",
    "max",
    "min",
    "average",
    "string",
    "substring",
    "substringBefore",
    "substringAfter",
    "lowercase",
    "uppercase",
    "length",
    "trim",
    "pad",
    "match",
    "contains",
    "replace",
    "split",
    "join",
    "formatNumber",
    "formatBase",
    "formatInteger",
    "parseInteger",
    "number",
    "floor",
    "ceil",
    "round",
    "abs",
    "sqrt",
    "power",
    "boolean",
    "not",
    "map",
    "zip",
    "filter",
    "single",
    "reduce",
    "sift",
    "keys",
    "lookup",
    "append",
    "exists",
    "spread",
    "merge",
    "reverse",
    "each",
    "error",
    "assert",
    "type",
    "sort",
    "distinct",
    "base64encode",
    "base64decode",
    "encodeUrlComponent",
    "encodeUrl",
    "decodeUrlComponent",
    "decodeUrl",
    "eval",
    "toMillis",
    "fromMillis",
    "clone",
];

/// A built-in function with arguments of any kind and number.
fn call(random: &mut Random, depth: usize) -> Piece {
    let name = random.pick(BUILTINS);
    let mut parts = vec![Piece::Text(format!("${name}("))];
    for index in 0..[0, 1, 1, 1, 2, 2, 2, 3, 3, 4][random.below(10)] {
        if index > 0 {
            parts.push(Piece::Text(", ".into()));
        }
        let depth = depth.saturating_sub(1);
        parts.push(match random.below(9) {
            0 => string(random, depth),
            1 => number(random, depth),
            2 => array(random, depth),
            3 => object(random, depth),
            4 => function(random, depth),
            5 => Piece::Tree(vec![Piece::Text(random.pick(PATTERNS).to_owned())]),
            6 => path(random, depth),
            7 => Piece::Tree(vec![Piece::Text(
                random.pick(&["?", "null", "nil", "true", "''", "[]", "0/0"]).into(),
            )]),
            _ => any(random, depth),
        });
    }
    parts.push(Piece::Text(")".into()));
    Piece::Tree(parts)
}

/// What a mistake puts into a text.
const SCRAPS: &[&str] = &[
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
    "@",
    "#",
    "@$v",
    "#$i",
    "~>",
    ":=",
    "?",
    ":",
    "|",
    "..",
    "^(",
    "^",
    "<",
    ">",
    "!",
    "~",
    "$",
    "$$",
    "-",
    ",",
    ";",
    ".",
    "and",
    "in",
    "or",
    "1e309",
    "12.",
    ".5",
    "0x1",
    "\\",
    "'\\q'",
    "'\\u00'",
    "function",
    "function(",
    "λ",
    "/*",
    "*/",
    "//",
    "/a",
    "null",
    "=",
    "&",
    "é",
    "\u{a0}",
    "😀",
    "function($x)<n:n>",
    "function(1){1}",
    " ",
    "\n",
];

/// The text with a mistake or two. Characters are cut and put in anywhere.
fn broken(random: &mut Random, text: &str) -> String {
    let mut text: Vec<char> = text.chars().collect();
    for _ in 0..=random.below(2) {
        let at = random.below(text.len() + 1);
        let end = (at + random.below(4)).min(text.len());
        match random.below(3) {
            0 => drop(text.drain(at..end)),
            1 => drop(text.splice(at..at, random.pick(SCRAPS).chars())),
            _ => drop(text.splice(at..end, random.pick(SCRAPS).chars())),
        }
    }
    text.into_iter().collect()
}

const PATTERNS: &[&str] = &[
    "/a+?/",
    "/(a|b)*/",
    "/x{2,3}/",
    "/[\\d.]+/",
    "/\\bb/",
    "/(?:a)(b)/",
    "/^/m",
    "/$/",
    "/A/i",
    "/\\u0061/",
    "/[^\\s]+/",
    "/\\//",
    "/./",
    "/\\./",
    "/(\\d+)-(\\d+)/",
    "/a/",
    "/[a-c]+/",
    "/b|c/i",
    "/(a)(b)?/",
    "/\\d+/",
    "/^x/",
    "/[^a]$/",
    "/(\\w)(\\w)/",
    "/ /",
    "/l+/",
    "/./",
    "/(x)|(l)/",
    "/o\\b/",
    "/\\s*,\\s*/",
    "/é/",
    "/[A-Z]/",
];
const PICTURES: &[&str] = &[
    "'0'",
    "'#'",
    "'#,###'",
    "'0.0'",
    "'#.##'",
    "'000'",
    "'#,##,##0.0'",
    "'0.0,0'",
    "'x0y'",
    "'0;x'",
    "'0%'",
    "'‰0'",
    "'0.#'",
    "'#0.0;-#0.00'",
    "'0,0'",
    "'#,#0.00'",
    "''",
    "'..'",
    "'0.0.0'",
    "'0#'",
    "',0'",
    "'0,'",
    "'0,.0'",
    "'#.#0'",
    "'%0%'",
    "'0,,0'",
    "'a'",
    "'0;0;0'",
];
const NAMES: &[&str] = &["a", "b", "c", "d", "e", "list", "x y"];
const VARIABLES: &[&str] = &["$x", "$y", "$v", "$i", "$f", "$", "$$"];

fn name(random: &mut Random) -> String {
    match random.pick(NAMES) {
        "x y" => random.pick(&["`x y`", "\"x y\""]).to_owned(),
        name => name.to_owned(),
    }
}

fn leaf(random: &mut Random, templates: &[&str]) -> Piece {
    let text = random.pick(templates).to_owned();
    let text = if text == "NAME" {
        name(random)
    } else if text == "VARIABLE" {
        random.pick(VARIABLES).to_owned()
    } else {
        text
    };
    Piece::Tree(vec![Piece::Text(text)])
}

fn choose(random: &mut Random, leaves: &[&str], templates: &[&str], depth: usize) -> Piece {
    if depth == 0 || random.below(6) == 0 {
        return leaf(random, leaves);
    }
    let template = random.pick(templates);
    fill(random, template, depth - 1)
}

const NUMBERS: &[&str] = &[
    "1e308",
    "9007199254740993",
    "0.30000000000000004",
    "-0",
    "1e-300",
    "123456789",
    "99.995",
    "1/0",
    "0/0",
    "5e-324",
    "1700000000000",
    "0",
    "1",
    "2",
    "3",
    "-1",
    "1.5",
    "2.5",
    "-0.5",
    "10",
    "100",
    "0.1",
    "1e3",
    "12345.678",
    "1e21",
    "1e-7",
    "NAME",
    "VARIABLE",
    "list[0]",
];
const NUMBER_FORMS: &[&str] = &[
    "$parseInteger(§s, §i)",
    "$parseInteger($formatInteger(§n, §i), §i)",
    "$toMillis($fromMillis(§n, §d), §d)",
    "$toMillis(§s, §d)",
    "$toMillis('2018-03-27T14:03:00.123Z')",
    "$length($string(§n))",
    "$floor(§n / 7) * §n",
    "$power(§n, §n)",
    "$round(§n, -1)",
    "§b",
    "$count($shuffle(§l))",
    "$number('0b101') + $number('0o17')",
    "§n + §n",
    "§n - §n",
    "§n * §n",
    "§n / §n",
    "§n % §n",
    "-§n",
    "(§n)",
    "$sum(§l)",
    "$count(§a)",
    "$max(§l)",
    "$min(§l)",
    "$average(§l)",
    "$length(§s)",
    "$number(§s)",
    "$abs(§n)",
    "$floor(§n)",
    "$ceil(§n)",
    "$round(§n)",
    "$round(§n, §n)",
    "$sqrt(§n)",
    "$power(§n, 2)",
    "$reduce(§l, function($p, $q){$p + $q})",
    "$toMillis(§s)",
    "$parseInteger(§s, '#0')",
    "$parseInteger(§s, 'w')",
    "$parseInteger('XIV', 'I')",
    "$toMillis('2020-01-02', '[Y]-[M]-[D]')",
    "$count(§p)",
    "$number(§a)",
    "$toMillis(§s, '[Y0001]-[M01]-[D01]')",
    "$sum(§p)",
    "$length(§a)",
    "$round(§a, 1)",
];

fn number(random: &mut Random, depth: usize) -> Piece {
    choose(random, NUMBERS, NUMBER_FORMS, depth)
}

const STRINGS: &[&str] = &[
    "'2018-03-27T14:03:00.123Z'",
    "'2018-03-27'",
    "'one hundred and two'",
    "'12,345'",
    "'\\u00e9\\n'",
    "\"a'b\"",
    "'%41%zz'",
    "'aGVsbG8='",
    "'a/b?c=d&e'",
    "'list.a'",
    "'1 + 1'",
    "'$x'",
    "'[1,'",
    "'Ünï'",
    "'\\ud83d\\ude00'",
    "''",
    "'a'",
    "'abc'",
    "'hello, world'",
    "'a b a'",
    "\"x\"",
    "'12'",
    "'1.50'",
    "'é😀'",
    "'-'",
    "'AbC'",
    "NAME",
    "VARIABLE",
    "'0x1f'",
    "'2020-01-02'",
    "' pad  me '",
];
const STRING_FORMS: &[&str] = &[
    "$formatInteger(§n, §i)",
    "$fromMillis(§n, §d)",
    "$fromMillis(§n * 1000000007, §d)",
    "$fromMillis(§n * 86400007, §d, §s)",
    "$fromMillis(§n, §d, '-0130')",
    "$formatNumber(§n, §q, {'minus-sign': '~', 'zero-digit': '٠', 'digit': 'D'})",
    "$formatNumber(§n, '0.0E0', {'exponent-separator': 'E'})",
    "$formatNumber(§n, §q, §o)",
    "$decodeUrl(§s)",
    "$decodeUrl($encodeUrl(§s))",
    "$base64decode($base64encode(§s))",
    "$string(§f)",
    "$string(§o, true)",
    "$string(§l, true)",
    "§b",
    "§s.$length()",
    "§s.$substring(§n)",
    "$type(§b)",
    "$replace(§s, §r, §s, §n)",
    "$replace(§s, §r, §f)",
    "$pad(§s, §n, §s)",
    "$join($map(§l, $string), §s)",
    "$substring(§s, -§n, §n)",
    "$trim(§a)",
    "§s & §s",
    "§a & §s",
    "$string(§a)",
    "$string(§a, true)",
    "$uppercase(§s)",
    "$lowercase(§s)",
    "$trim(§s)",
    "$substring(§s, §n)",
    "$substring(§s, §n, §n)",
    "$substringBefore(§s, §s)",
    "$substringAfter(§s, §s)",
    "$pad(§s, 5)",
    "$pad(§s, -7, '#')",
    "$pad(§s, 6, '+-')",
    "$join(§l)",
    "$join(§l, §s)",
    "$replace(§s, §s, §s)",
    "$replace(§s, §r, §s)",
    "$replace(§s, §r, '[$1$2$0$$]')",
    "$replace(§s, §r, function($m){$m.match & '!'})",
    "$replace(§s, 'a', 'b', §n)",
    "$formatNumber(§n, '#,##0.00')",
    "$formatNumber(§n, '00.0##')",
    "$formatNumber(§n, '#0%')",
    "$formatNumber($abs(§n) + 1, '0.0e0')",
    "$formatNumber($abs(§n) + 0.001, '##0.0##e00')",
    "$formatNumber(§n, '#;(#)')",
    "$formatNumber(§n, §q)",
    "$formatNumber(§n, §q, {'decimal-separator': ',', 'grouping-separator': '.'})",
    "$formatBase(§n, 2)",
    "$formatBase(§n, 36)",
    "$formatBase(§n, §n)",
    "$formatInteger(§n, 'w')",
    "$formatInteger(§n, 'Ww;o')",
    "$formatInteger(§n, '#,##0;o')",
    "$formatInteger(§n, 'a')",
    "$formatInteger(§n, '0000')",
    "$fromMillis(§n)",
    "$fromMillis(§n, '[FNn], [D1o] [MNn] [Y]')",
    "$fromMillis(§n, '[H01]:[m01] [P] [z]', '+0530')",
    "$fromMillis(§n * 1000000000, '[X]-W[W01]-[F1] [d] [w] [x]')",
    "$fromMillis(§n * 86400000, '[M#1]/[D01]/[Y,2-2] [h]:[m]:[s].[f001] [PN]')",
    "$base64encode(§s)",
    "$base64decode(§s)",
    "$encodeUrl(§s)",
    "$encodeUrlComponent(§s)",
    "$decodeUrlComponent(§s)",
    "$type(§a)",
    "$keys(§o)[0]",
    "$uppercase(§a)",
    "$error(§s)",
    "§a & §a",
];

fn string(random: &mut Random, depth: usize) -> Piece {
    choose(random, STRINGS, STRING_FORMS, depth)
}

const ARRAYS: &[&str] = &[
    "[null]",
    "[[]]",
    "[[[1]]]",
    "[1, [2, [3]]]",
    "[{'a': [1, 2]}, {'a': [3]}]",
    "[{'a': 1, 'b': 'x'}, {'a': 1, 'b': 'y'}, {'a': 0}]",
    "['a', 'b', 'a']",
    "[nil, 1]",
    "[true, false]",
    "[]",
    "[1]",
    "[1, 2, 3]",
    "[3, 1, 2]",
    "['b', 'a']",
    "[1..4]",
    "list",
    "list[]",
    "[[1, 2], [3]]",
    "[{'a': 1}, {'a': 2}]",
    "NAME",
    "VARIABLE",
    "[1, null]",
    "['a', 1]",
];
const ARRAY_FORMS: &[&str] = &[
    "§b",
    "[§a..§a]",
    "[§n..§n, §n..§n]",
    "$zip(§l)",
    "$zip(§l, §l, §l)",
    "$append(§b, §l)",
    "$single(§l)",
    "$sort(§l, function($l, $r){$l.a < $r.a})",
    "§l^(a, >b)",
    "§l^(<§a, >§a)",
    "$reduce(§l, function($p, $q, $i, $a){$append($p, [$i, $count($a)])}, [])",
    "§l[[§n, §n]]",
    "§l[§l]",
    "(§l)[§n..§n]",
    "$match(§s, §r)[0].groups",
    "$match(§s, §f)",
    "$split(§s, §f)",
    "$eval(§s)",
    "$eval(§s, §a)",
    "$each(§o, function($v, $k, $o){[$k, $count($keys($o))]})",
    "$map(§l, function($v, $i, $a){[$i, $v, $count($a)]})",
    "$filter(§l, function($v, $i, $a){$v = $a[0]})",
    "[§a]",
    "[§a, §a]",
    "[§a, §a, §a]",
    "[§n..§n]",
    "[[§a]]",
    "$append(§a, §a)",
    "$reverse(§l)",
    "$sort(§l)",
    "$sort(§l, function($l, $r){§a})",
    "$sort(§l, function($l, $r){$l > $r})",
    "$distinct(§l)",
    "$map(§l, §f)",
    "$filter(§l, §f)",
    "$filter(§l, function($v, $i){§a})",
    "$map(§l, function($v, $i, $a){§a})",
    "$zip(§l, §l)",
    "$split(§s, §s)",
    "$split(§s, §r)",
    "$split(§s, §s, §n)",
    "$match(§s, §r)",
    "$match(§s, §r, §n)",
    "$keys(§a)",
    "$spread(§a)",
    "$each(§o, function($v, $k){§a})",
    "$each(§o, §f)",
    "§p",
    "§p[]",
    "§l[§a]",
    "§l[§n]",
    "§l^(§a)",
    "§l^(>§a, §a)",
    "(§l)[[0, 1]]",
    "$lookup(§a, §s)",
    "§l.(§a)",
    "§l.[§a]",
    "§l.{'k': §a}",
    "§a.*",
    "§a.**",
    "§l#$i.[$, $i]",
    "§l@$v.(§a)",
    "$single(§l, §f)",
    "$reduce(§l, function($p, $q){[$p, $q]}, §a)",
];

fn array(random: &mut Random, depth: usize) -> Piece {
    choose(random, ARRAYS, ARRAY_FORMS, depth)
}

const OBJECTS: &[&str] = &[
    "{'a': 1, 'b': {'a': 2}}",
    "{'a': null}",
    "{'a': nil}",
    "{'b': [], 'a': {}}",
    "{}",
    "{'a': 1}",
    "{'a': 1, 'b': 'x'}",
    "NAME",
    "VARIABLE",
    "{'a': [1, 2], 'list': [{'b': 1}, {'b': 2}]}",
    "$",
    "{'a': {'b': {'c': 3}}}",
];
const OBJECT_FORMS: &[&str] = &[
    "§b",
    "§l{§s: $count($), 'n': §a}",
    "§l{a: $sum(b)}",
    "§l{'k' & a: $}",
    "$merge(§l{§s: §a})",
    "§o ~> |$|{'b': §a}, §s|",
    "§o ~> |**[§a]|{'z': 1}|",
    "$clone(§l)",
    "$sift(§o, function($v, $k, $o){$count($keys($o)) > 1})",
    "$.{'a': §a}",
    "§p.{§s: §a}",
    "$match(§s, §r)[0]",
    "§o.{'x': §p, 'y': §a}",
    "{'a': §a}",
    "{'a': §a, 'b': §a}",
    "{§s: §a}",
    "§l{§s: §a}",
    "§p{§s: §a}",
    "§p{$string(§a): §a, §s: §a}",
    "$merge(§l)",
    "$merge([§o, §o])",
    "$sift(§o, §f)",
    "$sift(§o, function($v, $k){§a})",
    "§o ~> |§p|{'z': §a}|",
    "§o ~> |§p|{'a': §a}, ['b', 'c']|",
    "§o ~> |§p|§a, §s|",
    "$clone(§o)",
    "$lookup(§o, §s)",
    "$spread(§o)[0]",
    "$reduce(§l, function($p, $q){$merge([$p, {'q': $q}])}, {})",
    "$map(§l, function($v){{'v': $v}})",
    "$eval(§s)",
];

fn object(random: &mut Random, depth: usize) -> Piece {
    choose(random, OBJECTS, OBJECT_FORMS, depth)
}

const FUNCTIONS: &[&str] = &[
    "$",
    "$sum(?)",
    "$join",
    "$map(?, $string)",
    "$reverse",
    "$merge",
    "$sort",
    "$error",
    "$eval",
    "function($x, $y){[$x, $y]}",
    "function($x, $y, $z, $w){$w}",
    "λ($v){$v}",
    "$lowercase ~> $trim",
    "/a/",
    "$zip",
    "$each",
    "$boolean",
    "$type ~> $uppercase",
    "$string",
    "$uppercase",
    "$sum",
    "$count",
    "function($v){$v}",
    "function($v, $i){$i}",
    "function(){1}",
    "$length",
    "$boolean",
    "$f",
    "$number",
    "$keys",
    "$append",
    "$substring",
    "$type",
    "$exists",
    "$not",
];
const FUNCTION_FORMS: &[&str] = &[
    "function($v)§g{§a}",
    "function($v, $i)§g{[$v, $i]}",
    "function($v, $i, $a)§g{§a}",
    "$replace(?, §r, §s)",
    "$f(?, §a)",
    "$reduce(?, §f, §a)",
    "§f(?)",
    "$pad(?, ?, §s)",
    "($g := §f; function($v){$g($v)})",
    "§b",
    "function($v){function($w){[$v, $w, §a]}}",
    "function($v){§a}",
    "function($v, $i){§a}",
    "function($x, $y, $i){§a}",
    "$append(?, §a)",
    "$substring(?, §n)",
    "§f ~> §f",
    "function($v)<x:x>{§a}",
    "function($v)<n-:n>{§a}",
    "function($v)<s:s>{§a}",
    "function($v, $i)<a<n>n?:a>{§a}",
    "function($v){$v > §n}",
    "function($v){§f}",
    "(§f)",
    "function($v, $y)<(ns)-x?>{[$v, $y]}",
    "|§p|{'t': §a}|",
    "function($x){$x.§p}",
    "§r",
    "$substringBefore(?, §s)",
    "function($x, $y){§a}",
];

fn function(random: &mut Random, depth: usize) -> Piece {
    choose(random, FUNCTIONS, FUNCTION_FORMS, depth)
}

const PATHS: &[&str] = &[
    "a.b.c",
    "list[0..1].a",
    "list^(a)",
    "list^(>a).b",
    "list#$i",
    "list@$v",
    "list.a#$i",
    "list@$v.$v.a",
    "list{a: b}",
    "$$",
    "list.list.%.a",
    "**[a]",
    "*[0]",
    "list[b].a",
    "list[a = 'a']",
    "list.(a & b)",
    "\"x y\".a",
    "e.*.a",
    "$.*.list",
    "a",
    "b",
    "list",
    "a.b",
    "list.a",
    "list.b.c",
    "$.a",
    "$$.list",
    "*",
    "**",
    "a.*",
    "list[0]",
    "list[-1].a",
    "`x y`",
    "list.a[]",
    "a[]",
    "list[a]",
    "$x.a",
    "**.a",
    "%.a",
    "list.%",
    "list.a.%.b",
];
const PATH_FORMS: &[&str] = &[
    "§p^(§a, >§a)",
    "§p^(%.§p)",
    "§p[%.%.§p]",
    "§p.list@$v.§p#$i.[$v.a, $i, a]",
    "§p.list#$i[$i > 0]@$v.§p",
    "§p.list@$v#$i[$v.§p]^($v.a).{'v': $v, 'p': %}",
    "list@$v.list@$w[$v.a = $w.a].{'v': $v.b, 'w': $w.b}",
    "§p.**.%",
    "§p.list.%[§p].a",
    "§p.%.%.§p",
    "(§p)#$i[§a].{'i': $i, 'a': §p}",
    "§p[$i = §n]#$i",
    "§p.$map(§f)",
    "§p.$filter(function($v){§a})",
    "§p ~> §f",
    "§p.list[§n].%.§p",
    "§p@$x.§p@$y.[$x, $y]",
    "§p{$string(%.a): §a}",
    "§p.($v := §p; $v)",
    "§p.§b",
    "§p.§l",
    "§p.§o[§a]",
    "§p.[§p][0]",
    "[§p].§p",
    "{'a': §p}.§p",
    "§p[][0]",
    "§p[§n][]",
    "§p.(§a)[]",
    "§p.a[].b",
    "§p.§p",
    "§p[§a]",
    "§p[§n]",
    "§p[]",
    "§p.(§a)",
    "§p.{'k': §a, 'm': §a}",
    "§p.[§a, §a]",
    "§p^(§a)",
    "§p^(>§p)",
    "§p@$v.§p",
    "§p#$i[$i = 0]",
    "§p#$i.§p",
    "(§p)",
    "(§p).§p",
    "§p.%",
    "§p.%.§p",
    "§p[%.§p = §a]",
    "§p@$v.§p[$v.a = a]",
    "§p@$v.§p#$i.{'v': $v, 'i': $i, 'c': $}",
    "§p.$string()",
    "§p.$sum(§l)",
    "§p.$f(§a)",
    "§p[§p > §n]",
    "§p[§s = §p]",
    "§p[§a in §l]",
    "§p{§s: §a}",
    "§l.§p",
    "§o.§p",
    "§p.*",
    "§p.**",
    "§p.$count($)",
    "§p.(%.§p)",
    "§p.{'p': %.§p}",
    "§p#$i^($i)",
    "§p@$v#$i.[$v, $i]",
    "§p[][§a]",
    "§p.function($q){§a}(§a)",
    "§p.§s",
    "§p.'a'",
    "§p[$exists(§p)]",
    "§p{§s: §a}.§p",
    "§p@$v{$string($v): §a}",
    "§p[$i]#$i",
    "§p[[§n..§n]]",
    "§p.$keys()",
    "§p.$lookup($, §s)",
    "§p.%[§a]",
    "§p.(§p; §p)",
    "§p.($x := §a; §a)",
];

fn path(random: &mut Random, depth: usize) -> Piece {
    choose(random, PATHS, PATH_FORMS, depth)
}

const ANYTHING: &[&str] = &[
    "true", "false", "null", "nil", "NAME", "VARIABLE", "1", "0", "'a'", "''", "[]", "{}", "list", "and",
    "or", "in",
];
const FORMS: &[&str] = &[
    "§b",
    "§b",
    "§b",
    "§b",
    "(§f)(§a, §a, §a)",
    "(function($v)§g{§a})(§a)",
    "(function($v, $i)§g{[$v, $i]})(§a, §a)",
    "(function($v, $i)§g{[$v, $i]})(§a)",
    "§p.(function($v, $i)§g{[$v, $i]})(§a)",
    "§a ~> §b",
    "§l ~> $filter(§f) ~> $map(§f) ~> $join(§s)",
    "($f := §f; $g := §f; $h := $f ~> $g; $h(§a))",
    "($f := function($n){$n <= 0 ? §a : $f($n - 1)}; $f(3))",
    "($x := §a; ($x := §a; $x) = $x)",
    "§a[§a] = §a",
    "§a in §a",
    "§l = §l",
    "§o = §o",
    "(§a)[§b]",
    "§s < §s",
    "§l.$ < §n",
    "[§a][§n]",
    "$x ? §a : $y ? §a",
    "(§a ; )",
    "()",
    "§a.()",
    "§a != §b",
    "-(§a)",
    "-§p",
    "§a & §b",
    "[§l, §p, §o]",
    "{'a': §l, §s: §p}.a",
    "(§p@$v).§a",
    "§a.**.§p",
    "§o.*",
    "§n",
    "§n",
    "§s",
    "§s",
    "§l",
    "§l",
    "§o",
    "§p",
    "§p",
    "§p",
    "§f",
    "§a = §a",
    "§a != §a",
    "§n < §n",
    "§s <= §s",
    "§a > §a",
    "§a >= §a",
    "§a and §a",
    "§a or §a",
    "§a in §l",
    "$not(§a)",
    "$boolean(§a)",
    "$exists(§a)",
    "$contains(§s, §s)",
    "$contains(§s, §r)",
    "§a ? §a : §a",
    "§a ? §a",
    "(§a; §a)",
    "($x := §a; §a)",
    "($f := §f; §a)",
    "($x := §a; $y := §a; §a)",
    "$f(§a)",
    "(§f)(§a)",
    "(§f)(§a, §a)",
    "§a ~> §f",
    "§a ~> $string()",
    "§a ~> $map(§f)",
    "§l ~> $sum()",
    "§s ~> $uppercase() ~> $length()",
    "$assert(§a, §s)",
    "§a[§n]",
    "§a[§a]",
    "(§a)[]",
    "(§a){§s: §a}",
    "§a.§a",
    "§a[0].§a",
    "$type(§f)",
    "$f := §f",
    "/* note */ §a",
    "(§a)",
    "§s ~> §r",
    "($x := §l; $x[§a])",
    "($f := function($x){$x ? §a : §a}; $f(§a))",
    "($f := function($x, $y)<xx?:x>{§a}; $f(§a, §a))",
    "§a[]",
    "-§a",
    "($f := §f; §l.$f($))",
    "($v := §a; $map(§l, function($i){§a}))",
    "(§a)[§a][§a]",
    "(§a)[][§n]",
    "(§a)#$i.[$i, $]",
    "§a^(§a)",
    "(§a).§p",
];

fn any(random: &mut Random, depth: usize) -> Piece {
    choose(random, ANYTHING, FORMS, depth)
}

/// A random input.
fn input(random: &mut Random, depth: usize) -> Value {
    let float = |number: f64| Number::from_f64(number).map_or(Value::Null, Value::Number);
    match random.below(if depth == 0 { 7 } else { 12 }) {
        0 => Value::Null,
        1 => Value::Bool(random.below(2) == 0),
        2 => Value::from(random.below(5) as i64),
        3 => float([1.5, -2.0, 0.1, 1e21, 100.0, 34.45][random.below(6)]),
        4..7 => Value::from(random.pick(&["", "a", "b", "abc", "hello", "12", "A b", "é"])),
        7..9 => {
            let len = random.below(5);
            Value::array((0..len).map(|_| input(random, depth - 1)).collect::<Vec<_>>())
        }
        _ => members(random, depth),
    }
}

fn members(random: &mut Random, depth: usize) -> Value {
    let mut members = Vec::new();
    for name in NAMES {
        if random.below(2) == 0 {
            let value = if *name == "list" && random.below(4) > 0 {
                let len = random.below(4);
                let deeper = depth.saturating_sub(1);
                Value::array((0..len).map(|_| self::members(random, deeper)).collect::<Vec<_>>())
            } else {
                input(random, depth.saturating_sub(1))
            };
            members.push((*name, value));
        }
    }
    Value::object(members)
}

/// The official JavaScript, one question and one answer a line.
struct Oracle {
    child: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Oracle {
    fn start() -> Oracle {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../conformance/jsonata-differential");
        if !folder.join("node_modules").is_dir() {
            let installed = Command::new("npm")
                .args(["install", "--no-audit", "--no-fund"])
                .current_dir(&folder)
                .status();
            assert!(
                installed.is_ok_and(|status| status.success()),
                "npm install failed in {}",
                folder.display()
            );
        }
        let mut child = Command::new("node")
            .arg("oracle.js")
            .current_dir(&folder)
            .env("TZ", "UTC")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("node can be started");
        let questions = child.stdin.take().expect("its input is piped");
        let answers = BufReader::new(child.stdout.take().expect("its output is piped"));
        Oracle { child, questions, answers }
    }

    fn send(&mut self, text: &str, input: &Value) {
        let question = Value::array([Value::from(text), input.clone()]);
        writeln!(self.questions, "{}", question.to_json().expect("inputs are shallow"))
            .expect("node listens");
    }

    fn receive(&mut self) -> Value {
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("node answers");
        match Value::parse(&line) {
            Ok(answer) => answer,
            // Half a character is not ours to compare.
            Err(error) if error.to_string().contains("surrogate") => {
                Value::object([("n", Value::from("half"))])
            }
            Err(error) => panic!("an answer is JSON: {error}: {line:?}"),
        }
    }

    fn ask(&mut self, text: &str, input: &Value) -> Value {
        self.send(text, input);
        self.questions.flush().expect("node listens");
        self.receive()
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

enum Own {
    Value(Value),
    Undefined,
    Function,
    Error { code: &'static str, message: String, token: Option<String>, position: Option<usize> },
}

fn evaluate(text: &str, input: &Value) -> Own {
    let expression = match Expression::compile(text, &Profile::jsonata()) {
        Ok(expression) => expression,
        Err(error) => {
            let (code, message, token) = (error.code, error.message, error.token);
            return Own::Error { code, message, token, position: Some(error.position) };
        }
    };
    let budget = Budget { stack_bytes: 4 << 20, depth: 10_000, ..Budget::default() };
    match expression.evaluate(&Environment { budget, ..Environment::of(input) }) {
        Ok(Some(value)) => Own::Value(value),
        Ok(None) => Own::Undefined,
        Err(error) if error.code == "U1004" => Own::Function,
        Err(error) => {
            let (code, message, token) = (error.code, error.message, error.token);
            Own::Error { code, message, token, position: error.position }
        }
    }
}

/// How a case came out.
#[derive(PartialEq)]
enum Verdict {
    Same,
    /// JavaScript failed by itself.
    Native,
    /// Both failed, at different places of one constructor.
    OtherError,
    /// A difference that is known and not worth imitating.
    Known(String),
    Different(String),
}

fn shows_a_value(code: &str) -> bool {
    matches!(
        code,
        "D3110"
            | "D3030"
            | "D3061"
            | "D3060"
            | "T1003"
            | "D1009"
            | "D1001"
            | "D1002"
            | "T2011"
            | "T2012"
            | "T2009"
            | "T2007"
            | "D3121"
            | "D3120"
            | "D3100"
            | "S0213"
            | "D2014"
            | "D3137"
            | "D3141"
    )
}

/// Known differences that are not worth imitating: what `*` and `**` find inside a function, which to
/// JavaScript is an object; half characters; and what JavaScript does when a partial application or a
/// function that is passed on has gone around a signature.
fn is_known(text: &str, own: &Own, answer: &Value) -> bool {
    let inside = answer.to_string();
    let wildcard = text.contains('*');
    let function = text.contains("function") || text.contains('λ') || text.contains(['/', '|', '?', '~']);
    let builtin = inside.contains("definition") || names_builtin(text);
    (wildcard && (function || builtin))
        // `.` and the like match half a character.
        || (text.contains(['😀', '\\']) && text.contains('/'))
        || (["(?", ", ?"].iter().any(|hole| text.contains(hole))
            && (matches!(own, Own::Error { code: "T0410", .. }) || inside.contains("[object Object]")))
}

/// Whether the text has a built-in function that is not called, as a value.
fn names_builtin(text: &str) -> bool {
    BUILTINS.iter().any(|name| {
        text.match_indices(&format!("${name}")).any(|(at, found)| {
            !text[at + found.len()..].starts_with(|next: char| next == '(' || next.is_alphanumeric())
        })
    })
}

fn compare(text: &str, input: &Value, answer: &Value) -> Verdict {
    let verdict = compare_exactly(text, input, answer);
    match verdict {
        Verdict::Different(how) if is_known(text, &evaluate(text, input), answer) => Verdict::Known(how),
        other => other,
    }
}

fn compare_exactly(text: &str, input: &Value, answer: &Value) -> Verdict {
    let own = evaluate(text, input);
    let shown = match &own {
        Own::Value(value) => format!("{value}"),
        Own::Undefined => "undefined".to_owned(),
        Own::Function => "a function".to_owned(),
        Own::Error { code, message, token, position } => {
            format!("{code} {token:?} at {position:?} {message}")
        }
    };
    if answer.get("n").is_some() {
        return Verdict::Native;
    }
    if let Some(code) = answer.get("c").and_then(Value::as_str) {
        let message = answer.get("m").and_then(Value::as_str).unwrap_or("");
        return match &own {
            Own::Error { code: own_code, message: own_message, token: own_token, position: own_position }
                if *own_code == code =>
            {
                let same_text =
                    without_function(message) == without_function(own_message) || shows_a_value(code);
                let position = answer.get("p").and_then(Value::as_i64);
                // Where a function is not called by name, the reference names its last call in the process
                // and that one's place; the place is not known here then. Some mistakes have none there.
                let same_place = match (position, own_position) {
                    (None, own) => own.is_none_or(|own| own == 0 || code == "S0217"),
                    (Some(_), None) => !code.starts_with('S'),
                    (Some(position), Some(own)) => position == *own as i64,
                };
                let token = answer.get("t").map(|token| match token {
                    Value::String(token) => token.to_string(),
                    other => other.to_string(),
                });
                let same_token = !code.starts_with('S') || token == *own_token;
                if same_text && same_place && same_token {
                    Verdict::Same
                } else if same_text && !code.starts_with('S') && text.contains(['[', '{']) && text.contains(',') {
                    Verdict::OtherError
                } else {
                    Verdict::Different(format!("{shown}\n  but {answer}"))
                }
            }
            Own::Error { code: own_code, .. }
                if !own_code.starts_with('S') && (text.contains('[') || text.contains('{')) =>
            {
                Verdict::OtherError
            }
            _ => Verdict::Different(format!("{shown}\n  but {code} {message}")),
        };
    }
    let same = match &own {
        Own::Undefined => answer.get("u").is_some(),
        Own::Function => answer.get("f").is_some(),
        Own::Value(value) => answer.get("r").is_some_and(|expected| expected == value),
        Own::Error { .. } => false,
    };
    if same { Verdict::Same } else { Verdict::Different(format!("{shown}\n  but {answer}")) }
}

/// A message without the name of a function: where a function is not called by name, the reference
/// shows the name of its last call in the process.
fn without_function(message: &str) -> String {
    match message.split_once(" function ") {
        Some((before, after)) => {
            let rest = after.split_once(' ').map_or("", |(_, rest)| rest);
            format!("{before} function {rest}")
        }
        None => message.to_owned(),
    }
}

fn shrink(piece: Piece, input: Value, oracle: &mut Oracle) -> (String, Value) {
    let (mut piece, mut input) = (piece, input);
    let mut differs = |text: &str, input: &Value| {
        matches!(compare(text, input, &oracle.ask(text, input)), Verdict::Different(_))
    };
    'again: for _ in 0..500 {
        for candidate in piece.smaller() {
            let text = candidate.text();
            if text.len() < piece.text().len() && differs(&text, &input) {
                piece = candidate;
                continue 'again;
            }
        }
        for candidate in smaller_inputs(&input) {
            if differs(&piece.text(), &candidate) {
                input = candidate;
                continue 'again;
            }
        }
        break;
    }
    (piece.text(), input)
}

fn smaller_inputs(input: &Value) -> Vec<Value> {
    let mut out = Vec::new();
    match input {
        Value::Object(map) => {
            for key in map.keys() {
                let mut fewer = (**map).clone();
                fewer.remove(key);
                out.push(Value::Object(fewer.into()));
                for smaller in map.get(key).map(smaller_inputs).unwrap_or_default() {
                    let mut changed = (**map).clone();
                    changed.insert(key.clone(), smaller);
                    out.push(Value::Object(changed.into()));
                }
            }
        }
        Value::Array(items) => {
            for at in 0..items.len() {
                let mut fewer = (**items).clone();
                fewer.remove(at);
                out.push(Value::array(fewer));
                for smaller in smaller_inputs(&items[at]) {
                    let mut changed = (**items).clone();
                    changed[at] = smaller;
                    out.push(Value::array(changed));
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    out
}

/// How many cases are sent before their answers are read.
const BATCH: usize = 100;

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let option = |name: &str, default: u64| {
        let at = args.iter().position(|arg| arg == name);
        at.and_then(|at| args.get(at + 1)).map_or(default, |text| text.parse().expect("a whole number"))
    };
    let (count, seed, show) = (option("--count", 10_000), option("--seed", 1), option("--show", 20));
    let mut oracle = Oracle::start();
    let (mut same, mut native, mut other, mut known, mut different, mut values) =
        (0u64, 0u64, 0u64, 0u64, 0u64, 0u64);
    let show_known = args.iter().any(|arg| arg == "--show-known");
    let mut done = 0;
    while done < count {
        let batch = BATCH.min((count - done) as usize);
        let mut cases = Vec::with_capacity(batch);
        for index in 0..batch {
            let mut random = Random(seed.wrapping_mul(1_000_003).wrapping_add(done + index as u64));
            random.next();
            let depth = 1 + random.below(4);
            let piece = any(&mut random, depth);
            let data = if random.below(4) == 0 { input(&mut random, 3) } else { members(&mut random, 3) };
            let piece = if random.below(10) == 0 {
                Piece::Tree(vec![Piece::Text(broken(&mut random, &piece.text()))])
            } else {
                piece
            };
            oracle.send(&piece.text(), &data);
            cases.push((piece, data));
        }
        oracle.questions.flush().expect("node listens");
        let answers: Vec<Value> = (0..batch).map(|_| oracle.receive()).collect();
        for ((piece, data), answer) in cases.into_iter().zip(answers) {
            match compare(&piece.text(), &data, &answer) {
                Verdict::Same => {
                    same += 1;
                    values += u64::from(answer.get("r").is_some());
                }
                Verdict::Native => native += 1,
                Verdict::OtherError => other += 1,
                Verdict::Known(how) => {
                    known += 1;
                    if show_known {
                        println!("known: {}\n  on {data}\n  is {how}", piece.text());
                    }
                }
                Verdict::Different(_) => {
                    different += 1;
                    if different <= show {
                        let (text, data) = shrink(piece, data, &mut oracle);
                        let Verdict::Different(how) = compare(&text, &data, &oracle.ask(&text, &data)) else {
                            continue;
                        };
                        println!("{text}\n  on {data}\n  is {how}");
                    }
                }
            }
        }
        done += batch as u64;
    }
    println!(
        "seed {seed}: {count} cases, {same} the same ({values} with a value), {native} errors of JavaScript itself, {other} with another error of several, {known} known differences, {different} different"
    );
    std::process::exit(i32::from(different > 0));
}
