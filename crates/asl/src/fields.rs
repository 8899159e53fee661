//! Reading the fields of an object, noting everything that is wrong with it.
//!
//! The texts are AWS's, as measured with ValidateStateMachineDefinition; those of a few rules that were
//! never measured are marked where they stand.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::rc::Rc;
use std::sync::Arc;

use stepwell_model::MachineType;
use stepwell_value::{Map, Value};

use crate::definition::Severity;
use crate::query::Language;

/// How many errors are kept, and how many warnings: far more than anybody reads, and a bound on memory.
const DIAGNOSTICS_MAX: usize = 1_000;

/// How many mistakes come with a hint.
const HINTS_MAX: usize = 10;

/// How many names are looked through for a hint.
const HINT_NAMES_MAX: usize = 1_000;

/// AWS's code for all that has no code of its own.
pub(crate) const SCHEMA: &str = "SCHEMA_VALIDATION_FAILED";

/// Fields that a state has in one language only.
const JSONPATH_ONLY: [&str; 20] = [
    "InputPath",
    "OutputPath",
    "Parameters",
    "Result",
    "ResultPath",
    "ResultSelector",
    "ItemsPath",
    "SecondsPath",
    "TimestampPath",
    "TimeoutSecondsPath",
    "HeartbeatSecondsPath",
    "MaxConcurrencyPath",
    "ToleratedFailureCountPath",
    "ToleratedFailurePercentagePath",
    "ErrorPath",
    "CausePath",
    "Variable",
    "MaxItemsPath",
    "MaxItemsPerBatchPath",
    "MaxInputBytesPerBatchPath",
];
const JSONATA_ONLY: [&str; 4] = ["Arguments", "Output", "Items", "Condition"];

/// Where a mistake is shown.
#[derive(Debug)]
pub(crate) enum Shown {
    /// Where it is.
    There,
    /// At the object around it, by its pointer.
    Around(String),
    /// Nowhere: it is about the definition as a whole.
    Nowhere,
}

/// One thing that is wrong, before its place is written as AWS writes it.
#[derive(Debug)]
pub(crate) struct Note {
    pub(crate) code: &'static str,
    pub(crate) severity: Severity,
    pub(crate) pointer: String,
    pub(crate) shown: Shown,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
}

/// What is wrong so far, and for what type of machine.
pub(crate) struct Notes {
    pub(crate) machine_type: MachineType,
    notes: RefCell<Vec<Note>>,
}

impl Notes {
    pub(crate) fn new(machine_type: MachineType) -> Notes {
        Notes { machine_type, notes: RefCell::default() }
    }

    pub(crate) fn into_inner(self) -> Vec<Note> {
        self.notes.into_inner()
    }

    pub(crate) fn is_express(&self) -> bool {
        self.machine_type == MachineType::Express
    }

    /// An error of the kind that AWS calls SCHEMA_VALIDATION_FAILED.
    pub(crate) fn error(&self, pointer: &str, message: &str) {
        self.error_of(SCHEMA, pointer, message);
    }

    /// An error with a code of its own.
    pub(crate) fn error_of(&self, code: &'static str, pointer: &str, message: &str) {
        self.error_shown(code, pointer, Shown::There, message, None);
    }

    /// An error that is shown elsewhere than where it is.
    pub(crate) fn error_shown(
        &self,
        code: &'static str,
        pointer: &str,
        shown: Shown,
        message: &str,
        hint: Option<String>,
    ) {
        let (pointer, message) = (pointer.to_owned(), message.to_owned());
        self.push(Note { code, severity: Severity::Error, pointer, shown, message, hint });
    }

    /// Something doubtful.
    pub(crate) fn warn(&self, code: &'static str, pointer: &str, message: String) {
        let (severity, pointer) = (Severity::Warning, pointer.to_owned());
        self.push(Note { code, severity, pointer, shown: Shown::There, message, hint: None });
    }

    /// What was probably meant, for the first few mistakes only: looking through thousands of names
    /// for each of thousands of mistakes would take too long.
    pub(crate) fn hint<'n>(&self, word: &str, names: impl Iterator<Item = &'n str>) -> Option<String> {
        if self.notes.borrow().len() >= HINTS_MAX {
            return None;
        }
        nearest(word, names).map(|name| format!("did you mean {name:?}?"))
    }

    fn push(&self, note: Note) {
        let mut notes = self.notes.borrow_mut();
        if notes.iter().filter(|other| other.severity == note.severity).count() < DIAGNOSTICS_MAX {
            notes.push(note);
        }
    }
}

/// An object whose fields are read one by one; what was not asked for by the end is unknown.
pub(crate) struct Fields<'a> {
    pub(crate) map: &'a Map,
    pub(crate) pointer: String,
    pub(crate) notes: &'a Notes,
    known: RefCell<Vec<&'static str>>,
    /// The language of the fields, where they have one.
    language: Option<Language>,
    /// The variables that are read in a state's fields.
    variables: Rc<RefCell<BTreeSet<Arc<str>>>>,
}

impl<'a> Fields<'a> {
    pub(crate) fn new(map: &'a Map, pointer: String, notes: &'a Notes) -> Fields<'a> {
        Fields { map, pointer, notes, known: RefCell::default(), language: None, variables: Rc::default() }
    }

    /// Tells the language of the fields.
    pub(crate) fn speaking(mut self, language: Language) -> Fields<'a> {
        self.language = Some(language);
        self
    }

    /// Whether the fields are in JSONata.
    pub(crate) fn in_jsonata(&self) -> bool {
        self.language == Some(Language::Jsonata)
    }

    /// The fields of `value`, which should be an object.
    pub(crate) fn of(value: &'a Value, pointer: String, notes: &'a Notes) -> Option<Fields<'a>> {
        match value.as_object() {
            Some(map) => Some(Fields::new(map, pointer, notes)),
            None => {
                notes.error(&pointer, "Expected value of type [OBJECT]");
                None
            }
        }
    }

    /// The fields of an object inside this one, of the same state and in the same language.
    pub(crate) fn inner(&self, value: &'a Value, pointer: String) -> Option<Fields<'a>> {
        let fields = Fields::of(value, pointer, self.notes)?;
        Some(Fields { language: self.language, variables: self.variables.clone(), ..fields })
    }

    /// The fields of the object in a field, likewise.
    pub(crate) fn inside(&self, key: &'static str) -> Option<Fields<'a>> {
        self.inner(self.get(key)?, self.at(key))
    }

    /// Notes that these variables are read.
    pub(crate) fn reads(&self, variables: impl IntoIterator<Item = Arc<str>>) {
        self.variables.borrow_mut().extend(variables);
    }

    /// The variables that are read, in the order of their names.
    pub(crate) fn variables(&self) -> Vec<Arc<str>> {
        self.variables.borrow().iter().cloned().collect()
    }

    /// The pointer of a field.
    pub(crate) fn at(&self, key: &str) -> String {
        format!("{}/{}", self.pointer, escape(key))
    }

    /// A field as it is.
    pub(crate) fn get(&self, key: &'static str) -> Option<&'a Value> {
        if !self.known.borrow().contains(&key) {
            self.known.borrow_mut().push(key);
        }
        self.map.get(key)
    }

    /// Whether a field is there.
    pub(crate) fn has(&self, key: &'static str) -> bool {
        self.get(key).is_some()
    }

    /// Notes something about a field.
    pub(crate) fn error_at(&self, key: &str, message: &str) {
        self.notes.error(&self.at(key), message);
    }

    /// Notes something about a field that AWS shows at the object which has it.
    pub(crate) fn error_around(&self, key: &str, message: &str, hint: Option<String>) {
        self.notes.error_shown(SCHEMA, &self.at(key), Shown::Around(self.pointer.clone()), message, hint);
    }

    fn typed<T>(
        &self,
        key: &'static str,
        wanted: &str,
        read: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Option<T> {
        let value = self.get(key)?;
        let result = read(value);
        if result.is_none() {
            self.error_at(key, &format!("Expected value of type {wanted}"));
        }
        result
    }

    pub(crate) fn text(&self, key: &'static str) -> Option<Arc<str>> {
        self.typed(key, "[STRING]", |value| match value {
            Value::String(text) => Some(text.clone()),
            _ => None,
        })
    }

    /// A text that is one of a few.
    pub(crate) fn choice(&self, key: &'static str, values: &[&'static str]) -> Option<&'static str> {
        let text = self.text(key)?;
        let found = values.iter().find(|value| **value == &*text);
        if found.is_none() {
            let values = values.join(", ");
            self.error_at(key, &format!("Value should be one of the following: [{values}]"));
        }
        found.copied()
    }

    pub(crate) fn boolean(&self, key: &'static str) -> Option<bool> {
        self.typed(key, "[BOOLEAN]", Value::as_bool)
    }

    pub(crate) fn object(&self, key: &'static str) -> Option<&'a Map> {
        self.typed(key, "[OBJECT]", Value::as_object)
    }

    /// An array, and the pointer to it.
    pub(crate) fn array(&self, key: &'static str) -> Option<&'a Vec<Value>> {
        self.typed(key, "[ARRAY]", Value::as_array)
    }

    /// An array that has something in it.
    pub(crate) fn filled_array(&self, key: &'static str) -> Option<&'a Vec<Value>> {
        let values = self.array(key)?;
        if values.is_empty() {
            self.error_at(key, "Value cannot be empty");
        }
        Some(values)
    }

    /// A whole number in a range.
    pub(crate) fn integer(&self, key: &'static str, range: RangeInclusive<u64>) -> Option<u64> {
        let number =
            self.typed(key, "Integer", |value| value.as_number().filter(|number| number.is_integer()))?;
        let (least, most) = (*range.start(), *range.end());
        // What does not fit into 64 bits is beyond every range.
        let text = match number.as_i64() {
            Some(number) if u64::try_from(number).is_ok_and(|number| range.contains(&number)) => {
                return u64::try_from(number).ok();
            }
            Some(number) if i128::from(number) > i128::from(most) => format!("Maximum value is {most}"),
            None if number.as_f64() > 0.0 => format!("Maximum value is {most}"),
            Some(_) | None => format!("Minimum value is {least}"),
        };
        self.error_at(key, &text);
        None
    }

    /// A number in a range.
    pub(crate) fn float(&self, key: &'static str, range: RangeInclusive<f64>) -> Option<f64> {
        // The word is not measured.
        let number = self.typed(key, "Number", |value| value.as_number().map(|number| number.as_f64()))?;
        let text = if number < *range.start() {
            format!("Minimum value is {:.1}", range.start())
        } else if number > *range.end() || !number.is_finite() {
            format!("Maximum value is {:.1}", range.end())
        } else {
            return Some(number);
        };
        self.error_at(key, &text);
        None
    }

    /// Notes the fields that are missing.
    pub(crate) fn required(&self, keys: &[&'static str]) {
        let missing: Vec<&str> = keys.iter().copied().filter(|key| !self.has(key)).collect();
        if !missing.is_empty() {
            let missing = missing.join(", ");
            self.notes.error(&self.pointer, &format!("These fields are required: [{missing}]"));
        }
    }

    /// Notes when more than one of these fields is there.
    pub(crate) fn at_most_one(&self, keys: &[&'static str]) {
        if keys.iter().filter(|key| self.has(key)).count() > 1 {
            let keys = keys.join(", ");
            let text = format!("There should only be one of the following fields: [{keys}]");
            self.notes.error(&self.pointer, &text);
        }
    }

    /// Notes when none of these fields is there, or more than one.
    pub(crate) fn exactly_one(&self, keys: &[&'static str]) {
        if keys.iter().any(|key| self.has(key)) {
            return self.at_most_one(keys);
        }
        let keys = keys.join(", ");
        let text = format!("This object should have only one of the following fields: [{keys}]");
        self.notes.error(&self.pointer, &text);
    }

    /// Notes a field of the other language.
    fn is_foreign(&self, key: &str) -> bool {
        let (own, other) = match self.language {
            Some(own @ Language::JsonPath) if JSONATA_ONLY.contains(&key) => (own, Language::Jsonata),
            Some(own @ Language::Jsonata) if JSONPATH_ONLY.contains(&key) => (own, Language::JsonPath),
            _ => return false,
        };
        let (own, other) = (own.name(), other.name());
        let message = format!(
            "The QueryLanguage is set to '{own}', but field '{key}' is only supported for the '{other}' \
             QueryLanguage"
        );
        self.error_around(key, &message, None);
        true
    }

    /// Notes each field that a state of its type never has, and each that it has in the other
    /// language only; of the latter nothing where `mixed` says that the language is a mistake itself.
    pub(crate) fn only(&self, allowed: &[&[&'static str]], mixed: bool) {
        for key in self.map.keys() {
            let names = || allowed.iter().copied().flatten().copied();
            if !names().any(|name| name == &**key) {
                self.unknown(key, names());
            } else if !mixed {
                self.is_foreign(key);
            }
        }
    }

    fn unknown<'n>(&self, key: &str, known: impl Iterator<Item = &'n str>) {
        let hint = self.notes.hint(key, known);
        self.error_around(key, &format!("Field '{key}' is not supported"), hint);
    }

    /// Notes each field that nobody asked for.
    pub(crate) fn finish(&self) {
        let known = self.known.borrow();
        for key in self.map.keys() {
            if !known.iter().any(|name| *name == &**key) && !self.is_foreign(key) {
                self.unknown(key, known.iter().copied());
            }
        }
    }
}

/// A step of a JSON pointer, escaped.
pub(crate) fn escape(step: &str) -> String {
    step.replace('~', "~0").replace('/', "~1")
}

/// A pointer as AWS shows it: nothing is escaped, and places in arrays stand in brackets, as in
/// `/States/C/Choices[0]/Condition`. `root` is what the pointer leads through.
pub(crate) fn location(root: &Value, pointer: &str) -> String {
    let mut text = String::new();
    let mut value = Some(root);
    for step in pointer.split('/').skip(1) {
        match value {
            Some(Value::Array(items)) => {
                text.push_str(&format!("[{step}]"));
                value = step.parse().ok().and_then(|place: usize| items.get(place));
            }
            other => {
                let step = step.replace("~1", "/").replace("~0", "~");
                text.push_str(&format!("/{step}"));
                value = other.and_then(|value| value.as_object()).and_then(|map| map.get(&step));
            }
        }
    }
    if text.is_empty() { "/".to_owned() } else { text }
}

/// The name that differs least from `word`, if it differs little.
fn nearest<'a>(word: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let names = names.take(HINT_NAMES_MAX);
    let distances = names.map(|name| (distance(&word.to_lowercase(), &name.to_lowercase()), name));
    let (distance, name) = distances.min()?;
    // In a word of one or two letters any other is near.
    let letters = word.chars().count();
    let near = if letters < 3 { 0 } else { 1 + letters / 5 };
    (distance <= near).then_some(name)
}

/// How many characters must be put in, taken out or changed to make one word of the other.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().take(100).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().take(100).enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let changed = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}
