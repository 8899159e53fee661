//! A file that holds a definition: JSON as AWS takes it, or YAML (`.yaml`, `.yml`), which becomes JSON.
//!
//! Places of mistakes are those of the file, in YAML too. Of YAML this takes what JSON can say: one
//! document of mappings with distinct keys, sequences and scalars after the core schema of YAML 1.2
//! (`yes` is a text, `true` is not), numbers as JSON writes them; anchors and aliases; no tags but those of the core schema.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Tag};
use stepwell_asl::{Definition, Diagnostic};
use stepwell_value::{DEPTH_MAX, Map, Position, Value};

use crate::complaint::Complaint;

/// How large the JSON of a YAML file may become, in bytes: aliases can make much of little. It is
/// beyond what any definition may have.
const JSON_BYTES_MAX: usize = 8 * 1024 * 1024;

/// A definition, and where in the file its parts are.
pub struct Source {
    /// As JSON.
    pub definition: String,
    /// Where each value is in a YAML file, by its pointer; `None` for JSON.
    places: Option<HashMap<String, Position>>,
}

/// Something wrong with a definition, and where in the file.
pub struct Finding {
    /// What.
    pub diagnostic: Diagnostic,
    /// Where.
    pub position: Position,
}

/// A text is not YAML, or says what JSON cannot.
#[derive(Debug, PartialEq)]
pub struct NotYaml {
    /// What is wrong.
    pub message: String,
    /// Where.
    pub position: Position,
}

impl Source {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// A [`Complaint`] if it cannot be read, is not UTF-8, or should be YAML and is not.
    pub fn read(file: &Path) -> Result<Source, Complaint> {
        let text = std::fs::read_to_string(file).map_err(|error| {
            Complaint::usage("cannot read the definition", format!("{}: {error}", file.display()))
        })?;
        // Some editors put a byte order mark in front.
        let text = text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text);
        if !file.extension().is_some_and(|extension| extension == "yaml" || extension == "yml") {
            return Ok(Source::json(text));
        }
        Source::yaml(&text).map_err(|NotYaml { message, position: Position { line, column } }| {
            let subject = format!("{}:{line}:{column}: {message}", file.display());
            Complaint::usage("the definition cannot be read as YAML", subject)
        })
    }

    /// A definition in JSON.
    pub fn json(definition: String) -> Source {
        Source { definition, places: None }
    }

    /// A definition in YAML.
    ///
    /// # Errors
    ///
    /// What is wrong with it, or cannot be said in JSON.
    pub fn yaml(text: &str) -> Result<Source, NotYaml> {
        let mut builder = Builder::default();
        let mut end = Marker::new(0, 1, 0);
        for event in Parser::new_from_str(text) {
            let (event, span) = event.map_err(|error| not_yaml(error.info(), error.marker()))?;
            end = span.start;
            builder.event(event, &span.start)?;
        }
        let Some(value) = builder.root else { return Err(not_yaml("there is nothing in it", &end)) };
        let definition = value.to_json_within(JSON_BYTES_MAX);
        let definition = definition.map_err(|error| not_yaml(&error.to_string(), &end))?;
        Ok(Source { definition, places: Some(builder.places) })
    }

    /// Everything that is wrong, warnings included, from the first line to the last.
    pub fn findings(&self) -> Vec<Finding> {
        let diagnostics = match Definition::parse(&self.definition) {
            Ok((_, warnings)) => warnings,
            Err(diagnostics) => diagnostics,
        };
        let found = diagnostics.into_iter();
        let mut findings: Vec<Finding> =
            found.map(|diagnostic| Finding { position: self.position(&diagnostic), diagnostic }).collect();
        findings.sort_by_key(|finding| (finding.position.line, finding.position.column));
        findings
    }

    fn position(&self, diagnostic: &Diagnostic) -> Position {
        let Some(places) = &self.places else { return diagnostic.position(&self.definition) };
        // What an alias stands for is where the alias is.
        let mut pointer = diagnostic.pointer.as_str();
        loop {
            if let Some(position) = places.get(pointer) {
                return *position;
            }
            match pointer.rsplit_once('/') {
                Some((around, _)) => pointer = around,
                None => return Position { line: 1, column: 1 },
            }
        }
    }
}

fn not_yaml(message: &str, marker: &Marker) -> NotYaml {
    NotYaml { message: message.to_owned(), position: position(marker) }
}

fn position(marker: &Marker) -> Position {
    // The parser counts columns from 0.
    Position { line: marker.line(), column: marker.col() + 1 }
}

/// A collection that is being read.
enum Open {
    Sequence { items: Vec<Value>, anchor: usize },
    Mapping { map: Map, key: Option<Arc<str>>, anchor: usize },
}

/// Makes a value of the parser's events.
#[derive(Default)]
struct Builder {
    open: Vec<Open>,
    /// The steps to what is being read.
    pointer: Vec<String>,
    anchors: HashMap<usize, Value>,
    places: HashMap<String, Position>,
    root: Option<Value>,
}

impl Builder {
    fn event(&mut self, event: Event, marker: &Marker) -> Result<(), NotYaml> {
        match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
            Event::DocumentStart(_) if self.root.is_some() => {
                Err(not_yaml("there is more than one document", marker))
            }
            Event::DocumentStart(_) => Ok(()),
            Event::Alias(anchor) => match self.anchors.get(&anchor).cloned() {
                Some(value) => {
                    self.begin(marker)?;
                    self.add(value, marker)
                }
                None => Err(not_yaml("an alias cannot stand inside of what it stands for", marker)),
            },
            Event::Scalar(text, style, anchor, tag) => {
                let is_text = match tag.as_deref() {
                    Some(tag) if is_core(tag, "str") => true,
                    Some(tag) => return Err(unknown_tag(tag, marker)),
                    None => style != ScalarStyle::Plain,
                };
                if let Some(Open::Mapping { key: key @ None, .. }) = self.open.last_mut() {
                    *key = Some(text.as_ref().into());
                    if anchor > 0 {
                        self.anchors.insert(anchor, Value::from(text.as_ref()));
                    }
                    self.pointer.push(text.replace('~', "~0").replace('/', "~1"));
                    return self.place(marker);
                }
                self.begin(marker)?;
                let value = if is_text { Value::from(text.as_ref()) } else { plain(&text) };
                self.keep(anchor, &value);
                self.add(value, marker)
            }
            Event::SequenceStart(anchor, tag) => {
                self.collection(tag.as_deref(), "seq", marker)?;
                self.open.push(Open::Sequence { items: Vec::new(), anchor });
                Ok(())
            }
            Event::MappingStart(anchor, tag) => {
                self.collection(tag.as_deref(), "map", marker)?;
                self.open.push(Open::Mapping { map: Map::default(), key: None, anchor });
                Ok(())
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let (value, anchor) = match self.open.pop() {
                    Some(Open::Sequence { items, anchor }) => (Value::array(items), anchor),
                    Some(Open::Mapping { map, anchor, .. }) => (Value::Object(Arc::new(map)), anchor),
                    None => return Err(not_yaml("a collection ends that has not begun", marker)),
                };
                self.keep(anchor, &value);
                self.add(value, marker)
            }
        }
    }

    fn keep(&mut self, anchor: usize, value: &Value) {
        // 0 is no anchor.
        if anchor > 0 {
            self.anchors.insert(anchor, value.clone());
        }
    }

    fn collection(&mut self, tag: Option<&Tag>, name: &str, marker: &Marker) -> Result<(), NotYaml> {
        if let Some(tag) = tag.filter(|tag| !is_core(tag, name)) {
            return Err(unknown_tag(tag, marker));
        }
        if self.open.len() == DEPTH_MAX {
            return Err(not_yaml(&format!("nesting deeper than {DEPTH_MAX} levels"), marker));
        }
        self.begin(marker)
    }

    /// A value begins; that of a key has its place already.
    fn begin(&mut self, marker: &Marker) -> Result<(), NotYaml> {
        match self.open.last() {
            Some(Open::Mapping { key: Some(_), .. }) => Ok(()),
            Some(Open::Mapping { key: None, .. }) => Err(not_yaml("a key must be a text", marker)),
            Some(Open::Sequence { items, .. }) => {
                self.pointer.push(items.len().to_string());
                self.place(marker)
            }
            None => self.place(marker),
        }
    }

    fn place(&mut self, marker: &Marker) -> Result<(), NotYaml> {
        let pointer: String = self.pointer.iter().flat_map(|step| ["/", step]).collect();
        match self.places.insert(pointer, position(marker)) {
            None => Ok(()),
            Some(_) => Err(not_yaml("this key is there twice", marker)),
        }
    }

    /// A value has ended.
    fn add(&mut self, value: Value, marker: &Marker) -> Result<(), NotYaml> {
        match self.open.last_mut() {
            Some(Open::Sequence { items, .. }) => items.push(value),
            Some(Open::Mapping { map, key, .. }) => match key.take() {
                Some(key) => _ = map.insert(key, value),
                None => return Err(not_yaml("a key must be a text", marker)),
            },
            None => {
                self.root = Some(value);
                return Ok(());
            }
        }
        self.pointer.pop();
        Ok(())
    }
}

fn is_core(tag: &Tag, name: &str) -> bool {
    tag.is_yaml_core_schema() && tag.suffix == name
}

fn unknown_tag(tag: &Tag, marker: &Marker) -> NotYaml {
    not_yaml(&format!("the tag {}{} is not supported", tag.handle, tag.suffix), marker)
}

/// A plain scalar after the core schema.
fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        _ => {}
    }
    // Numbers as JSON writes them, with a plus or zeros in front if need be.
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let is_digit = |first: char| first.is_ascii_digit();
    if !unsigned.starts_with(is_digit) {
        return Value::from(text);
    }
    let sign = if text.starts_with('-') { "-" } else { "" };
    let digits = unsigned.trim_start_matches('0');
    let zero = if digits.starts_with(is_digit) { "" } else { "0" };
    match Value::parse(&format!("{sign}{zero}{digits}")) {
        Ok(number @ Value::Number(_)) => number,
        _ => Value::from(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn check(yaml: &str, expected: Expect) {
        let told = match Source::yaml(yaml) {
            Ok(source) => source.definition,
            Err(NotYaml { message, position }) => {
                format!("{}:{}: {message}", position.line, position.column)
            }
        };
        expected.assert_eq(&told);
    }

    #[test]
    fn yaml_becomes_json() {
        check(
            "a: 1\nb: [x, 'y', \"z\", 1.5, -007, +2, true, null, ~]\nc:\n  - d: |\n      two\n      lines\n",
            expect![[r#"{"a":1,"b":["x","y","z",1.5,-7,2,true,null,null],"c":[{"d":"two\nlines\n"}]}"#]],
        );
        check(
            "t: 2016-03-14T01:59:00Z\nv: '1.0'\nw: 1e3\nx: .5\ny: yes\nz:\n",
            expect![[r#"{"t":"2016-03-14T01:59:00Z","v":"1.0","w":1e3,"x":".5","y":"yes","z":null}"#]],
        );
        check("retry: &r\n  - {A: 1}\nB: *r\n", expect![[r#"{"retry":[{"A":1}],"B":[{"A":1}]}"#]]);
        check("!!str 5", expect![[r#""5""#]]);
    }

    #[test]
    fn what_json_cannot_say_is_refused_with_its_place() {
        check("a: 1\nb: 2\na: 3\n", expect!["3:1: this key is there twice"]);
        check("a: !Sub x\n", expect!["1:9: the tag !Sub is not supported"]);
        check("? [a]\n: b\n", expect!["1:3: a key must be a text"]);
        check("a: 1\n---\nb: 2\n", expect!["2:1: there is more than one document"]);
        check("a: [1\n", expect!["2:1: while parsing a flow sequence, expected ',' or ']'"]);
        check("", expect!["1:1: there is nothing in it"]);
        check(&format!("a: &a {}", "[".repeat(2_000)), expect!["1:262: recursion limit exceeded"]);
    }

    #[test]
    fn aliases_cannot_make_gigabytes() {
        let mut yaml = "a0: &a0 [xxxxxxxxxx, xxxxxxxxxx]\n".to_owned();
        for n in 1..40 {
            yaml += &format!("a{n}: &a{n} [*a{0}, *a{0}]\n", n - 1);
        }
        assert!(Source::yaml(&yaml).is_err());
    }

    #[test]
    fn findings_in_yaml_have_the_places_of_the_file() {
        let yaml = "\
StartAt: First
States:
  First:
    Type: Pass
    Nxt: Second
    End: true
  a/b:
    Type: Wait
    Seconds: -1
    End: true
";
        let findings = Source::yaml(yaml).unwrap().findings();
        let told: Vec<String> = findings
            .iter()
            .map(|finding| {
                let Position { line, column } = finding.position;
                format!("{line}:{column} {}", finding.diagnostic.message)
            })
            .collect();
        expect![[r#"
            5:5 Field 'Nxt' is not supported
            7:3 State "a/b" is not reachable.
            9:5 Minimum value is 0"#]]
        .assert_eq(&told.join("\n"));
    }
}
