//! Paths and documents, as the seed alone decides.

use stepwell_value::Value;

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

/// One question: a path and what it is applied to.
#[derive(Clone)]
pub struct Case {
    steps: Vec<Step>,
    pub document: Value,
    /// Whether a mistake has been put into the text.
    pub broken: bool,
}

#[derive(Clone)]
enum Step {
    Text(String),
    /// Criteria, each but the first with what joins it to the one before.
    Filter(Vec<(&'static str, String)>),
}

impl Case {
    pub fn text(&self) -> String {
        let mut text = String::new();
        for step in &self.steps {
            match step {
                Step::Text(part) => text.push_str(part),
                Step::Filter(criteria) => {
                    text.push_str("[?(");
                    for (at, (joint, criterion)) in criteria.iter().enumerate() {
                        text.push_str(if at > 0 { joint } else { "" });
                        text.push_str(criterion);
                    }
                    text.push_str(")]");
                }
            }
        }
        text
    }

    /// Every case that is this one made a little smaller.
    pub fn smaller(&self) -> Vec<Case> {
        let mut out = Vec::new();
        for at in 1..self.steps.len() {
            let mut fewer = self.clone();
            fewer.steps.remove(at);
            out.push(fewer);
            if let Step::Filter(criteria) = &self.steps[at] {
                for one in 0..criteria.len() {
                    let mut fewer = criteria.clone();
                    fewer.remove(one);
                    if !fewer.is_empty() {
                        let mut smaller = self.clone();
                        smaller.steps[at] = Step::Filter(fewer);
                        out.push(smaller);
                    }
                }
            }
        }
        let smaller = smaller_values(&self.document);
        out.extend(smaller.into_iter().map(|document| Case { document, ..self.clone() }));
        out
    }
}

fn smaller_values(value: &Value) -> Vec<Value> {
    let mut out = Vec::new();
    match value {
        Value::Object(map) => {
            for (key, member) in map.iter() {
                let mut fewer = (**map).clone();
                fewer.remove(key);
                out.push(Value::Object(fewer.into()));
                for smaller in smaller_values(member) {
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
                for smaller in smaller_values(&items[at]) {
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

const NAMES: &[&str] = &[
    "a", "a", "a", "a", "b", "b", "b", "b", "c", "c", "x y", "a-b", "0", "é", "d", "a$b", "@c", "a,b", "*",
    "?", "a(b)", "a.b", "a&&b", "a==b", "length", "a\\b", "[a", "", "😀",
];

const ATOMS: &[&str] = &[
    "0", "1", "2", "3", "-1", "1.5", "10", "2.50", "\"a\"", "\"b\"", "\"\"", "\"10\"", "\"1.5\"", "\"null\"",
    "\"true\"", "\"it's\"", "\"A\"", "\"abc\"", "true", "false", "null", "null", "[]", "{}",
];

fn value(random: &mut Random, depth: usize) -> Value {
    let kind = if depth == 0 { 0 } else { random.below(6) };
    match kind {
        0 | 1 => Value::parse(random.pick(ATOMS)).expect("an atom is JSON"),
        2 | 3 => {
            let count = random.below(4);
            Value::array((0..count).map(|_| value(random, depth - 1)).collect::<Vec<Value>>())
        }
        _ => object(random, depth),
    }
}

fn object(random: &mut Random, depth: usize) -> Value {
    let count = random.below(4) + 1;
    let members: Vec<(&str, Value)> =
        (0..count).map(|_| (random.pick(NAMES), value(random, depth.saturating_sub(1)))).collect();
    Value::object(members)
}

/// A document in which paths find something more often than by chance alone.
fn document(random: &mut Random) -> Value {
    match random.below(5) {
        0 => {
            let items: Vec<Value> = (0..random.below(4) + 1).map(|_| object(random, 2)).collect();
            Value::object([("a", Value::array(items)), ("b", value(random, 2))])
        }
        1 => {
            let items: Vec<Value> = (0..random.below(5)).map(|_| value(random, 1)).collect();
            Value::object([("b", Value::array(items)), ("a", object(random, 2))])
        }
        2 => {
            let items: Vec<Value> = (0..random.below(4)).map(|_| value(random, 3)).collect();
            Value::array(items)
        }
        _ => object(random, 4),
    }
}

fn quoted(random: &mut Random) -> String {
    format!("'{}'", random.pick(NAMES))
}

fn index(random: &mut Random) -> i64 {
    random.below(6) as i64 - if random.below(3) == 0 { 3 } else { 0 }
}

/// A step that leads to one place.
fn definite(random: &mut Random) -> String {
    match random.below(9) {
        0..=3 => format!(
            ".{}",
            random.pick(&[
                "a", "a", "b", "b", "c", "a-b", "0", "é", "d", "length()", "sum()", "a$b", "@c", "a,b", "?",
                "a(b)", "a==b", "length", "a\\b", "*x", "😀",
            ])
        ),
        4 => format!("[{}]", quoted(random)),
        5 => format!(".[{}]", quoted(random)),
        6 => format!("[{}]", index(random)),
        7 => {
            let spelled =
                random.pick(&["(@.length-N)", "(@.size()-N)", "( @.length - N )", "(@.length() - N)"]);
            format!("[{}]", spelled.replace('N', &random.below(4).to_string()))
        }
        _ => format!("[{}]", random.below(3)),
    }
}

fn step(random: &mut Random) -> Step {
    Step::Text(match random.below(24) {
        0..=8 => definite(random),
        9 | 10 => random.pick(&["[*]", ".*", "[*]"]).to_owned(),
        11 => format!("..{}", random.pick(&["a", "b", "c", "*", "d", "x"])),
        12 => format!(
            "..{}",
            random.pick(&[
                "[0]",
                "[*]",
                "['a','b']",
                "[0,1]",
                "[1:]",
                "[?(@.a)]",
                "['a']",
                "[?(@.b == 1)]",
                ".a",
                "..a",
                "[(@.length-1)]"
            ])
        ),
        13 => format!("[{},{}]", quoted(random), quoted(random)),
        14 => format!("[{}, {}]", index(random), index(random)),
        15 => format!("[{}:]", index(random)),
        16 => format!("[:{}]", index(random)),
        17 => format!("[{}:{}]", index(random), index(random)),
        18 => random
            .pick(&[
                "[ 1 : 2 ]",
                "[0:3:2]",
                "[ 0 ]",
                "[ 'a' ]",
                "[0,1,2]",
                "[ 'a' , 'b' ]",
                "[0]a",
                "[*]*",
                "[1 ]",
            ])
            .to_owned(),
        _ => {
            let count = [1, 1, 1, 2, 2, 3][random.below(6)];
            let criteria = (0..count).map(|_| {
                let joint = [" && ", " || ", "&&", "||"][random.below(4)];
                (joint, criterion(random))
            });
            return Step::Filter(criteria.collect());
        }
    })
}

fn inner_path(random: &mut Random) -> String {
    let root = if random.below(5) == 0 { "$" } else { "@" };
    match random.below(10) {
        0 => root.to_owned(),
        1..=6 => format!("{root}.{}", random.pick(&["a", "a", "b", "c", "d"])),
        7 => format!("{root}[{}]", quoted(random)),
        8 => format!("{root}{}{}", definite(random), definite(random)),
        _ => format!(
            "{root}{}",
            random.pick(&["[0]", "['a','b']", "..a", ".*", "[0:1]", "['a'].b", "[?(@.a)]"])
        ),
    }
}

fn operand(random: &mut Random) -> String {
    match random.below(8) {
        0 => inner_path(random),
        _ => random
            .pick(&[
                "1", "2", "10", "1.5", "-1", "2.5", "'a'", "'b'", "'abc'", "''", "'10'", "'1.5'", "true",
                "false", "'true'", "null", "'null'", "+1", ".5", "1e0", "x", "'it\\'s'", "'it's'", "[1]",
                "\"a\"", "01",
            ])
            .to_owned(),
    }
}

fn criterion(random: &mut Random) -> String {
    match random.below(20) {
        0..=3 => inner_path(random),
        4 => format!("!{}", inner_path(random)),
        5 => format!(
            "{} =~ {}",
            inner_path(random),
            random.pick(&["/a.*/", "/A/i", "/[0-9.]+/", "/it's/", "/a|b/", "/a/b/", "/b/q"])
        ),
        6 => format!(
            "{} {} {}",
            inner_path(random),
            random.pick(&["in", "nin", "subsetof", "anyof", "noneof", "size", "empty", "contains", "==="]),
            operand(random)
        ),
        7 => format!("({})", inner_path(random)),
        8 => format!("!({})", inner_path(random)),
        9 => format!("{}{}{}", operand(random), random.pick(&["==", "<", "!="]), inner_path(random)),
        10 => format!("({} == {}", inner_path(random), operand(random)) + ")",
        _ => {
            let operator =
                random.pick(&["==", "==", "!=", "<", "<=", ">", ">=", " == ", " != ", " < ", " >= "]);
            format!("{}{operator}{}", inner_path(random), operand(random))
        }
    }
}

const SCRAPS: &[&str] = &[
    "(", ")", "[", "]", "'", "\"", "*", "@", "$", ".", "..", ",", ":", "?", "!", "&&", "||", "=", "<", " ",
    "-", "\\", "0", "a", "/", "é",
];

pub fn case(random: &mut Random) -> Case {
    let document = document(random);
    let count = random.below(5);
    let mut steps = vec![Step::Text("$".to_owned())];
    let all_definite = random.below(4) == 0;
    for _ in 0..count {
        steps.push(if all_definite { Step::Text(definite(random)) } else { step(random) });
    }
    let mut case = Case { steps, document, broken: false };
    if random.below(10) == 0 {
        let text = case.text();
        let places: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
        let at = places[random.below(places.len())];
        let text = format!("{}{}{}", &text[..at], random.pick(SCRAPS), &text[at..]);
        case.steps = vec![Step::Text(text)];
        case.broken = true;
    }
    case
}
