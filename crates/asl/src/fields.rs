//! Reading the fields of an object, noting everything that is wrong with it.

use std::cell::RefCell;
use std::ops::RangeInclusive;
use std::sync::Arc;

use stepwell_value::{Map, Position, Value};

use crate::definition::{Diagnostic, Severity};
use crate::query::Language;

/// How many diagnostics are kept: what ValidateStateMachineDefinition shows at most, and a bound on
/// the work of finding their places.
const DIAGNOSTICS_MAX: usize = 100;

/// How many mistakes come with a hint.
const HINTS_MAX: usize = 10;

/// How many names are looked through for a hint.
const HINT_NAMES_MAX: usize = 1_000;

/// Fields that a state has in one language only.
const JSONPATH_ONLY: [&str; 19] = [
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
];
const JSONATA_ONLY: [&str; 4] = ["Arguments", "Output", "Items", "Condition"];

/// What is wrong so far.
#[derive(Default)]
pub(crate) struct Notes(RefCell<Vec<Diagnostic>>);

impl Notes {
    pub(crate) fn into_inner(self) -> Vec<Diagnostic> {
        self.0.into_inner()
    }

    pub(crate) fn has_errors(&self) -> bool {
        self.0.borrow().iter().any(|diagnostic| diagnostic.severity == Severity::Error)
    }

    /// An error of the kind that AWS calls SCHEMA_VALIDATION_FAILED.
    pub(crate) fn error(&self, pointer: &str, message: &str) {
        self.note(Severity::Error, pointer, message, None);
    }

    pub(crate) fn note(&self, severity: Severity, pointer: &str, message: &str, hint: Option<String>) {
        self.push("SCHEMA_VALIDATION_FAILED", severity, pointer, format!("{message} at {pointer}"), hint);
    }

    /// An error with a code of its own.
    pub(crate) fn error_of(&self, code: &'static str, pointer: &str, message: &str) {
        self.push(code, Severity::Error, pointer, format!("{message} at {pointer}"), None);
    }

    /// The same where the text names another place than the pointer (`/` for the whole).
    pub(crate) fn note_at(&self, shown: &str, pointer: &str, message: &str) {
        let text = format!("{message} at {shown}");
        self.push("SCHEMA_VALIDATION_FAILED", Severity::Error, pointer, text, None);
    }

    /// A state leads to one that is not there.
    pub(crate) fn missing_target<'a>(
        &self,
        pointer: &str,
        field: &str,
        target: &str,
        names: impl Iterator<Item = &'a Arc<str>>,
    ) {
        let hint = self.hint(target, names.map(|name| &**name));
        let message = format!("Missing '{field}' target: {target} at {pointer}");
        self.push("MISSING_TRANSITION_TARGET", Severity::Error, pointer, message, hint);
    }

    /// What was probably meant, for the first few mistakes only: looking through thousands of names
    /// for each of thousands of mistakes would take too long.
    fn hint<'a>(&self, word: &str, names: impl Iterator<Item = &'a str>) -> Option<String> {
        if self.0.borrow().len() >= HINTS_MAX {
            return None;
        }
        nearest(word, names).map(|name| format!("did you mean {name:?}?"))
    }

    pub(crate) fn push(
        &self,
        code: &'static str,
        severity: Severity,
        pointer: &str,
        message: String,
        hint: Option<String>,
    ) {
        if self.0.borrow().len() == DIAGNOSTICS_MAX {
            return;
        }
        let position = Position { line: 1, column: 1 };
        let diagnostic = Diagnostic { severity, code, message, pointer: pointer.to_owned(), position, hint };
        self.0.borrow_mut().push(diagnostic);
    }
}

/// An object whose fields are read one by one; what was not asked for by the end is unknown.
pub(crate) struct Fields<'a> {
    map: &'a Map,
    pub(crate) pointer: String,
    pub(crate) notes: &'a Notes,
    known: RefCell<Vec<&'static str>>,
    /// The language of the fields, where they have one.
    language: Option<Language>,
}

impl<'a> Fields<'a> {
    pub(crate) fn new(map: &'a Map, pointer: String, notes: &'a Notes) -> Fields<'a> {
        Fields { map, pointer, notes, known: RefCell::new(Vec::new()), language: None }
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
                notes.error(&pointer, "Expected value of type Object");
                None
            }
        }
    }

    /// The fields of an object inside this one, in the same language.
    pub(crate) fn inner(&self, value: &'a Value, pointer: String) -> Option<Fields<'a>> {
        let fields = Fields::of(value, pointer, self.notes)?;
        Some(Fields { language: self.language, ..fields })
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

    fn typed<T>(
        &self,
        key: &'static str,
        wanted: &str,
        read: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Option<T> {
        let value = self.get(key)?;
        let result = read(value);
        if result.is_none() {
            self.notes.error(&self.at(key), &format!("Expected value of type {wanted}"));
        }
        result
    }

    pub(crate) fn text(&self, key: &'static str) -> Option<Arc<str>> {
        self.typed(key, "String", |value| match value {
            Value::String(text) => Some(text.clone()),
            _ => None,
        })
    }

    pub(crate) fn boolean(&self, key: &'static str) -> Option<bool> {
        self.typed(key, "Boolean", Value::as_bool)
    }

    pub(crate) fn object(&self, key: &'static str) -> Option<&'a Map> {
        self.typed(key, "Object", Value::as_object)
    }

    pub(crate) fn array(&self, key: &'static str) -> Option<&'a Vec<Value>> {
        self.typed(key, "Array", Value::as_array)
    }

    /// A whole number in a range.
    pub(crate) fn integer(&self, key: &'static str, range: RangeInclusive<u64>) -> Option<u64> {
        let number = self.typed(key, "Integer", |value| {
            value.as_number().filter(|number| number.is_integer()).and_then(|number| number.as_i64())
        })?;
        let number = u64::try_from(number).ok().filter(|number| range.contains(number));
        if number.is_none() {
            let text = format!("Value must be between {} and {}", range.start(), range.end());
            self.notes.error(&self.at(key), &text);
        }
        number
    }

    /// A number of at least `least`.
    pub(crate) fn float(&self, key: &'static str, least: f64) -> Option<f64> {
        let number = self.typed(key, "Number", |value| value.as_number().map(|number| number.as_f64()))?;
        if number >= least && number.is_finite() {
            return Some(number);
        }
        self.notes.error(&self.at(key), &format!("Value must be greater than or equal to {least}"));
        None
    }

    /// Notes that a field is missing.
    pub(crate) fn required(&self, key: &'static str) {
        if !self.has(key) {
            self.notes.error(&self.pointer, &format!("The field '{key}' is required but was missing"));
        }
    }

    /// Notes when more than one of these fields is there.
    pub(crate) fn at_most_one(&self, keys: &[&'static str]) {
        let there: Vec<&str> = keys.iter().copied().filter(|key| self.has(key)).collect();
        if there.len() > 1 {
            let text = format!("Only one of these fields may be used: [{}]", there.join(", "));
            self.notes.error(&self.pointer, &text);
        }
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
        self.notes.error(&self.pointer, &message);
        true
    }

    /// Notes each field that nobody asked for.
    pub(crate) fn finish(&self) {
        let known = self.known.borrow();
        for key in self.map.keys() {
            if !known.iter().any(|name| *name == &**key) {
                if self.is_foreign(key) {
                    continue;
                }
                let hint = self.notes.hint(key, known.iter().copied());
                let message = format!("Field '{key}' is not supported");
                self.notes.note(Severity::Error, &self.at(key), &message, hint);
            }
        }
    }
}

/// A step of a JSON pointer, escaped.
pub(crate) fn escape(step: &str) -> String {
    step.replace('~', "~0").replace('/', "~1")
}

/// The name that differs least from `word`, if it differs little.
fn nearest<'a>(word: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let names = names.take(HINT_NAMES_MAX);
    let distances = names.map(|name| (distance(&word.to_lowercase(), &name.to_lowercase()), name));
    let (distance, name) = distances.min()?;
    // In a word of one or two letters any other is near.
    let letters = word.chars().count();
    let near = if letters < 3 { 0 } else { 1 + letters / 4 };
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
