//! Expressions and inputs, as the seed alone decides.

use stepwell_value::{Number, Value};

use crate::forms::*;
use crate::words::*;

/// A generator of numbers that the seed alone decides.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    pub fn pick<'t>(&mut self, from: &[&'t str]) -> &'t str {
        from[self.below(from.len())]
    }
}

/// An expression in pieces, so that it can be shrunk.
#[derive(Clone)]
pub enum Piece {
    Text(String),
    Tree(Vec<Piece>),
}

impl Piece {
    pub fn write(&self, out: &mut String) {
        match self {
            Piece::Text(text) => out.push_str(text),
            Piece::Tree(parts) => parts.iter().for_each(|part| part.write(out)),
        }
    }

    pub fn text(&self) -> String {
        let mut out = String::new();
        self.write(&mut out);
        out
    }

    /// Every tree that is this one made a little smaller.
    pub fn smaller(&self) -> Vec<Piece> {
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
pub fn fill(random: &mut Random, template: &str, depth: usize) -> Piece {
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
pub fn date_picture(random: &mut Random) -> String {
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

/// A signature, right or wrong.
pub fn signature(random: &mut Random) -> String {
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

/// A built-in function with arguments of any kind and number.
pub fn call(random: &mut Random, depth: usize) -> Piece {
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

/// The text with a mistake or two. Characters are cut and put in anywhere.
pub fn broken(random: &mut Random, text: &str) -> String {
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

pub fn name(random: &mut Random) -> String {
    match random.pick(NAMES) {
        "x y" => random.pick(&["`x y`", "\"x y\""]).to_owned(),
        name => name.to_owned(),
    }
}

pub fn leaf(random: &mut Random, templates: &[&str]) -> Piece {
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

pub fn choose(random: &mut Random, leaves: &[&str], templates: &[&str], depth: usize) -> Piece {
    if depth == 0 || random.below(6) == 0 {
        return leaf(random, leaves);
    }
    let template = random.pick(templates);
    fill(random, template, depth - 1)
}

pub fn number(random: &mut Random, depth: usize) -> Piece {
    choose(random, NUMBERS, NUMBER_FORMS, depth)
}

pub fn string(random: &mut Random, depth: usize) -> Piece {
    choose(random, STRINGS, STRING_FORMS, depth)
}

pub fn array(random: &mut Random, depth: usize) -> Piece {
    choose(random, ARRAYS, ARRAY_FORMS, depth)
}

pub fn object(random: &mut Random, depth: usize) -> Piece {
    choose(random, OBJECTS, OBJECT_FORMS, depth)
}

pub fn function(random: &mut Random, depth: usize) -> Piece {
    choose(random, FUNCTIONS, FUNCTION_FORMS, depth)
}

pub fn path(random: &mut Random, depth: usize) -> Piece {
    choose(random, PATHS, PATH_FORMS, depth)
}

pub fn any(random: &mut Random, depth: usize) -> Piece {
    choose(random, ANYTHING, FORMS, depth)
}

/// A random input.
pub fn input(random: &mut Random, depth: usize) -> Value {
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

pub fn members(random: &mut Random, depth: usize) -> Value {
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
