//! Requests: the members of a JSON object, held against the constraints of AWS's service model.
//!
//! AWS checks all members first and reports what it finds together:
//!
//! > 2 validation errors detected: Value null at 'name' failed to satisfy constraint: Member must
//! > not be null; Value 'x' at 'type' failed to satisfy constraint: Member must satisfy enum value
//! > set: [STANDARD, EXPRESS]
//!
//! Recorded are the messages about length, value and enum; those about null, about members of
//! lists and about secret values, and the exceptions below, are what AWS's other services say.
//!
//! A member of the wrong JSON type is a `SerializationException` and comes before all else. Unknown
//! members are passed over and `null` is the same as nothing, as with AWS.

use std::ops::RangeInclusive;
use std::sync::Arc;

use stepwell_model::Timestamp;
use stepwell_value::{Map, Value};

use crate::Exception;

/// The end of the year 9999, in seconds since the epoch.
const SECONDS_END: f64 = 253_402_300_800.0;

/// A request's body, read.
pub(crate) struct Request {
    body: Value,
}

impl Request {
    /// Reads a body. Nothing at all is taken for an object without members.
    pub(crate) fn parse(body: &[u8]) -> Result<Request, Exception> {
        if body.is_empty() {
            return Ok(Request { body: Value::object::<&str>([]) });
        }
        let text =
            std::str::from_utf8(body).map_err(|_| Exception::serialization("The body is not UTF-8"))?;
        let body = Value::parse(text)
            .map_err(|error| Exception::serialization(format!("The body is not JSON: {error}")))?;
        match body {
            Value::Object(_) => Ok(Request { body }),
            other => Err(wrong_type(&other, "a Structure")),
        }
    }

    /// The object, unchecked.
    pub(crate) fn body(&self) -> &Value {
        &self.body
    }

    /// The members, to be read and checked.
    pub(crate) fn members(&self) -> Members<'_> {
        Members::of(self.body.as_object().expect("parse lets only objects through"), "")
    }
}

/// What a string must satisfy.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Text {
    /// Least length, in UTF-16 units as Java counts.
    min: usize,
    /// Greatest length.
    max: usize,
    /// Whether the value must not be repeated in a message.
    sensitive: bool,
    /// Whether lengths are counted in bytes of UTF-8.
    in_bytes: bool,
    /// The regular expression that the whole value must match.
    pattern: Option<Pattern>,
}

/// A regular expression of AWS's model, and what it asks for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pattern {
    /// As the model spells it.
    text: &'static str,
    /// Whether a value matches.
    matches: fn(&str) -> bool,
}

/// `CharacterRestrictedName`: letters, digits and three signs, but not digits alone.
const RESTRICTED: Pattern = Pattern {
    text: r"^(?=.*[a-zA-Z_\-\.])[a-zA-Z0-9_\-\.]+$",
    matches: |text| {
        let is_sign = |byte: u8| matches!(byte, b'_' | b'-' | b'.');
        text.bytes().all(|byte| byte.is_ascii_alphanumeric() || is_sign(byte))
            && text.bytes().any(|byte| byte.is_ascii_alphabetic() || is_sign(byte))
    },
};

/// `TraceHeader`
const ASCII: Pattern = Pattern { text: r"\p{ASCII}*", matches: |text| text.is_ascii() };

/// `ClientToken`
const VISIBLE: Pattern = Pattern {
    text: "[!-~]+",
    matches: |text| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic()),
};

impl Text {
    /// `Arn`
    pub(crate) const ARN: Text = Text::new(1, 256);
    /// `LongArn`
    pub(crate) const LONG_ARN: Text = Text::new(1, 2000);
    /// `Name`
    pub(crate) const NAME: Text = Text::new(1, 80);
    /// `PageToken`
    pub(crate) const PAGE_TOKEN: Text = Text::new(1, 1024);
    /// `ListExecutionsPageToken`
    pub(crate) const EXECUTIONS_PAGE_TOKEN: Text = Text::new(1, 3096);
    /// `TraceHeader`
    pub(crate) const TRACE_HEADER: Text = Text::new(0, 256).matching(ASCII);
    /// `CharacterRestrictedName`
    pub(crate) const RESTRICTED_NAME: Text = Text::new(1, 80).matching(RESTRICTED);
    /// `RevisionId`
    pub(crate) const REVISION_ID: Text = Text::new(0, usize::MAX);
    /// `AliasDescription`
    pub(crate) const ALIAS_DESCRIPTION: Text = Text::new(0, 256).secret();
    /// `KmsKeyId`
    pub(crate) const KMS_KEY_ID: Text = Text::new(1, 2048);
    /// `TagKey`
    pub(crate) const TAG_KEY: Text = Text::new(1, 128);
    /// `TagValue`
    pub(crate) const TAG_VALUE: Text = Text::new(0, 256);
    /// `SensitiveError`
    pub(crate) const ERROR: Text = Text::new(0, 256).secret();
    /// `SensitiveCause`
    pub(crate) const CAUSE: Text = Text::new(0, 32_768).secret();
    /// `TaskToken`
    pub(crate) const TASK_TOKEN: Text = Text::new(1, 2048).secret();
    /// `ClientToken`
    pub(crate) const CLIENT_TOKEN: Text = Text::new(1, 64).matching(VISIBLE);
    /// `VersionDescription`
    pub(crate) const VERSION_DESCRIPTION: Text = Text::new(0, 256).secret();

    /// So many UTF-16 units.
    pub(crate) const fn new(min: usize, max: usize) -> Text {
        Text { min, max, sensitive: false, in_bytes: false, pattern: None }
    }

    /// A value that messages do not repeat.
    pub(crate) const fn secret(self) -> Text {
        Text { sensitive: true, ..self }
    }

    /// A payload or a definition of at most so many bytes: here AWS means bytes.
    pub(crate) const fn bytes(min: usize, max: usize) -> Text {
        Text { min, max, sensitive: true, in_bytes: true, pattern: None }
    }

    /// A value that matches a regular expression of the model.
    pub(crate) const fn matching(self, pattern: Pattern) -> Text {
        Text { pattern: Some(pattern), ..self }
    }

    fn violation(&self, value: &str) -> Option<String> {
        // No text has more units than bytes, so most are never counted.
        let length =
            if self.in_bytes || value.len() <= self.max { value.len() } else { value.encode_utf16().count() };
        if length > self.max {
            return Some(format!("Member must have length less than or equal to {}", self.max));
        }
        let too_short = self.min > 0 && (value.is_empty() || length < self.min);
        too_short.then(|| format!("Member must have length greater than or equal to {}", self.min))
    }
}

/// The members of an object, and what has been found wrong with them so far. Ask for members, then
/// [`Members::check`]; until then what a required member gave may be a stand-in.
pub(crate) struct Members<'a> {
    object: &'a Map,
    /// What stands before the names in messages, such as `loggingConfiguration.`.
    prefix: String,
    violations: Vec<String>,
    malformed: Option<Exception>,
}

impl<'a> Members<'a> {
    fn of(object: &'a Map, prefix: &str) -> Members<'a> {
        Members { object, prefix: prefix.to_owned(), violations: Vec::new(), malformed: None }
    }

    fn member(&self, name: &str) -> Option<&'a Value> {
        self.object.get(name).filter(|value| !value.is_null())
    }

    fn malformed(&mut self, value: &Value, wanted: &str) {
        self.malformed.get_or_insert_with(|| wrong_type(value, wanted));
    }

    fn violated(&mut self, value: &str, name: &str, constraint: &str) {
        let prefix = &self.prefix;
        self.violations
            .push(format!("{value} at '{prefix}{name}' failed to satisfy constraint: {constraint}"));
    }

    /// A string, if it is there.
    pub(crate) fn text(&mut self, name: &str, rule: &Text) -> Option<&'a Arc<str>> {
        match self.member(name)? {
            Value::String(text) => {
                self.check_text(text, name, rule);
                Some(text)
            }
            other => {
                self.malformed(other, "a String");
                None
            }
        }
    }

    fn check_text(&mut self, text: &str, name: &str, rule: &Text) {
        let unmatched = rule.pattern.filter(|pattern| !(pattern.matches)(text));
        let unmatched = unmatched
            .map(|pattern| format!("Member must satisfy regular expression pattern: {}", pattern.text));
        for constraint in rule.violation(text).into_iter().chain(unmatched) {
            let shown = if rule.sensitive { "Value".to_owned() } else { format!("Value '{text}'") };
            self.violated(&shown, name, &constraint);
        }
    }

    /// A string that must be there.
    pub(crate) fn required(&mut self, name: &str, rule: &Text) -> Arc<str> {
        self.require(name);
        self.text(name, rule).cloned().unwrap_or_default()
    }

    /// Notes that a member must be there.
    pub(crate) fn require(&mut self, name: &str) {
        if self.member(name).is_none() {
            self.violated("Value null", name, "Member must not be null");
        }
    }

    /// A whole number, if it is there.
    pub(crate) fn integer(&mut self, name: &str, range: RangeInclusive<i64>) -> Option<i64> {
        let value = self.member(name)?;
        let Some(number) = value.as_i64() else {
            self.malformed(value, "an Integer");
            return None;
        };
        let constraint = if number > *range.end() {
            format!("Member must have value less than or equal to {}", range.end())
        } else if number < *range.start() {
            format!("Member must have value greater than or equal to {}", range.start())
        } else {
            return Some(number);
        };
        self.violated(&format!("Value '{number}'"), name, &constraint);
        None
    }

    /// A moment in seconds since the epoch, if it is there.
    pub(crate) fn moment(&mut self, name: &str) -> Option<Timestamp> {
        let value = self.member(name)?;
        let Some(seconds) = value.as_number().map(|number| number.as_f64()) else {
            self.malformed(value, "a Timestamp");
            return None;
        };
        if !(0.0..SECONDS_END).contains(&seconds) {
            let constraint = "Member must be in the years from 1970 to 9999";
            self.violated(&format!("Value '{value}'"), name, constraint);
            return None;
        }
        Some(Timestamp::from_epoch_ms((seconds * 1_000.0) as u64))
    }

    /// A boolean, if it is there.
    pub(crate) fn flag(&mut self, name: &str) -> Option<bool> {
        let value = self.member(name)?;
        if value.as_bool().is_none() {
            self.malformed(value, "a Boolean");
        }
        value.as_bool()
    }

    /// One of a closed list of words, if it is there.
    pub(crate) fn choice(&mut self, name: &str, words: &[&'static str]) -> Option<&'static str> {
        let text = self.text(name, &Text::new(0, usize::MAX))?;
        let found = words.iter().copied().find(|word| *word == &**text);
        if found.is_none() {
            let constraint = format!("Member must satisfy enum value set: [{}]", words.join(", "));
            self.violated(&format!("Value '{text}'"), name, &constraint);
        }
        found
    }

    /// An object, if it is there; `read` reads it and what is wrong in it counts here.
    pub(crate) fn nested<T>(&mut self, name: &str, read: impl FnOnce(&mut Members<'a>) -> T) -> Option<T> {
        let value = self.member(name)?;
        let Some(object) = value.as_object() else {
            self.malformed(value, "a Structure");
            return None;
        };
        let mut members = Members::of(object, &format!("{}{name}.", self.prefix));
        let result = read(&mut members);
        self.violations.append(&mut members.violations);
        self.malformed = self.malformed.take().or(members.malformed);
        Some(result)
    }

    /// A list of objects, if it is there; each is read with `read`.
    pub(crate) fn list<T>(
        &mut self,
        name: &str,
        mut read: impl FnMut(&mut Members<'a>) -> T,
    ) -> Option<Vec<T>> {
        let value = self.member(name)?;
        let Some(items) = value.as_array() else {
            self.malformed(value, "a List");
            return None;
        };
        let mut results = Vec::new();
        for (at, item) in items.iter().enumerate() {
            let Some(object) = item.as_object() else {
                self.malformed(item, "a Structure");
                continue;
            };
            // Coral counts members of lists from 1.
            let mut members = Members::of(object, &format!("{}{name}.{}.member.", self.prefix, at + 1));
            results.push(read(&mut members));
            self.violations.append(&mut members.violations);
            self.malformed = self.malformed.take().or(members.malformed);
        }
        Some(results)
    }

    /// A list of strings, if it is there.
    pub(crate) fn texts(&mut self, name: &str, rule: &Text) -> Option<Vec<Arc<str>>> {
        let value = self.member(name)?;
        let Some(items) = value.as_array() else {
            self.malformed(value, "a List");
            return None;
        };
        let mut texts = Vec::new();
        for (at, item) in items.iter().enumerate() {
            match item {
                Value::String(text) => {
                    self.check_text(text, &format!("{name}.{}.member", at + 1), rule);
                    texts.push(text.clone());
                }
                other => self.malformed(other, "a String"),
            }
        }
        Some(texts)
    }

    /// Notes that a list of `count` items is too short or too long; `shown` is how Java writes it.
    pub(crate) fn bound_list(&mut self, name: &str, shown: &str, count: usize, range: RangeInclusive<usize>) {
        let constraint = if count > *range.end() {
            format!("Member must have length less than or equal to {}", range.end())
        } else if count < *range.start() {
            format!("Member must have length greater than or equal to {}", range.start())
        } else {
            return;
        };
        self.violated(&format!("Value '{shown}'"), name, &constraint);
    }

    /// A number, whole or not, if it is there.
    pub(crate) fn float(&mut self, name: &str, range: RangeInclusive<i32>) -> Option<f64> {
        let value = self.member(name)?;
        let Some(number) = value.as_number().map(|number| number.as_f64()) else {
            self.malformed(value, "a Float");
            return None;
        };
        let constraint = if number > f64::from(*range.end()) {
            format!("Member must have value less than or equal to {}", range.end())
        } else if number < f64::from(*range.start()) {
            format!("Member must have value greater than or equal to {}", range.start())
        } else {
            return Some(number);
        };
        self.violated(&format!("Value '{number}'"), name, &constraint);
        None
    }

    /// Ends the reading: what was wrong, all at once.
    pub(crate) fn check(self) -> Result<(), Exception> {
        if let Some(malformed) = self.malformed {
            return Err(malformed);
        }
        match self.violations.len() {
            0 => Ok(()),
            1 => Err(Exception::validation(format!("1 validation error detected: {}", self.violations[0]))),
            count => {
                let all = self.violations.join("; ");
                Err(Exception::validation(format!("{count} validation errors detected: {all}")))
            }
        }
    }
}

fn wrong_type(value: &Value, wanted: &str) -> Exception {
    let found = match value {
        Value::Null => "NULL_VALUE",
        Value::Bool(true) => "TRUE_VALUE",
        Value::Bool(false) => "FALSE_VALUE",
        Value::Number(_) => "NUMBER_VALUE",
        Value::String(_) => "STRING_VALUE",
        Value::Array(_) => return Exception::serialization("Start of list found where not expected"),
        Value::Object(_) => {
            return Exception::serialization("Start of structure or map found where not expected.");
        }
    };
    Exception::serialization(format!("{found} can not be converted to {wanted}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn check(body: &str, expected: Expect) {
        let request = match Request::parse(body.as_bytes()) {
            Ok(request) => request,
            Err(exception) => return expected.assert_eq(&exception.to_json()),
        };
        let mut members = request.members();
        members.required("name", &Text::new(1, 5));
        members.text("secret", &Text::new(0, 3).secret());
        members.integer("size", 0..=10);
        members.flag("on");
        members.choice("type", &["STANDARD", "EXPRESS"]);
        members.text("trace", &Text::TRACE_HEADER);
        members.nested("inner", |inner| inner.required("arn", &Text::ARN));
        members.list("tags", |tag| tag.required("key", &Text::TAG_KEY));
        match members.check() {
            Ok(()) => expected.assert_eq("ok"),
            Err(exception) => expected.assert_eq(&exception.message),
        }
    }

    #[test]
    fn constraints_are_reported_in_the_words_of_aws() {
        check(r#"{"name":"abc","unknown":[1]}"#, expect!["ok"]);
        check(
            "",
            expect![
                "1 validation error detected: Value null at 'name' failed to satisfy constraint: Member must not be null"
            ],
        );
        check(
            r#"{"name":null}"#,
            expect![
                "1 validation error detected: Value null at 'name' failed to satisfy constraint: Member must not be null"
            ],
        );
        check(
            r#"{"name":""}"#,
            expect![
                "1 validation error detected: Value '' at 'name' failed to satisfy constraint: Member must have length greater than or equal to 1"
            ],
        );
        check(
            r#"{"name":"abcdef"}"#,
            expect![
                "1 validation error detected: Value 'abcdef' at 'name' failed to satisfy constraint: Member must have length less than or equal to 5"
            ],
        );
        check(
            r#"{"name":"a","secret":"pass"}"#,
            expect![
                "1 validation error detected: Value at 'secret' failed to satisfy constraint: Member must have length less than or equal to 3"
            ],
        );
        check(
            r#"{"name":"a","size":11}"#,
            expect![
                "1 validation error detected: Value '11' at 'size' failed to satisfy constraint: Member must have value less than or equal to 10"
            ],
        );
        check(
            r#"{"name":"a","size":-1}"#,
            expect![
                "1 validation error detected: Value '-1' at 'size' failed to satisfy constraint: Member must have value greater than or equal to 0"
            ],
        );
        check(
            r#"{"name":"a","type":"standard"}"#,
            expect![
                "1 validation error detected: Value 'standard' at 'type' failed to satisfy constraint: Member must satisfy enum value set: [STANDARD, EXPRESS]"
            ],
        );
        check(
            r#"{"name":"a","trace":"é"}"#,
            expect![[
                r"1 validation error detected: Value 'é' at 'trace' failed to satisfy constraint: Member must satisfy regular expression pattern: \p{ASCII}*"
            ]],
        );
        check(
            r#"{"size":11,"inner":{}}"#,
            expect![
                "3 validation errors detected: Value null at 'name' failed to satisfy constraint: Member must not be null; Value '11' at 'size' failed to satisfy constraint: Member must have value less than or equal to 10; Value null at 'inner.arn' failed to satisfy constraint: Member must not be null"
            ],
        );
        check(
            r#"{"name":"a","tags":[{"key":""}]}"#,
            expect![
                "1 validation error detected: Value '' at 'tags.1.member.key' failed to satisfy constraint: Member must have length greater than or equal to 1"
            ],
        );
    }

    #[test]
    fn patterns_are_those_of_the_model() {
        let name = |text: &str| {
            let body = Value::object([("name", Value::from(text))]).to_json().unwrap();
            let request = Request::parse(body.as_bytes()).unwrap();
            let mut members = request.members();
            members.required("name", &Text::RESTRICTED_NAME);
            members.check().err().map(|exception| exception.message)
        };
        for good in ["PROD", "a", "1.", "-", "v1_2"] {
            assert_eq!(name(good), None, "{good}");
        }
        for bad in ["123", "a b", "a@", "größe"] {
            let message = name(bad).unwrap();
            let pattern =
                r"Member must satisfy regular expression pattern: ^(?=.*[a-zA-Z_\-\.])[a-zA-Z0-9_\-\.]+$";
            assert!(message.ends_with(pattern), "{message}");
        }
        assert!(name("").unwrap().starts_with("2 validation errors detected: Value '' at 'name' failed"));
    }

    #[test]
    fn lengths_are_counted_as_java_counts_them() {
        check("{\"name\":\"ééééé\"}", expect!["ok"]);
        check("{\"name\":\"😀😀\"}", expect!["ok"]);
        check(
            "{\"name\":\"😀😀😀\"}",
            expect![
                "1 validation error detected: Value '😀😀😀' at 'name' failed to satisfy constraint: Member must have length less than or equal to 5"
            ],
        );
    }

    #[test]
    fn the_wrong_json_is_a_serialization_exception() {
        check(
            "[]",
            expect![[
                r#"{"__type":"com.amazon.coral.service#SerializationException","message":"Start of list found where not expected"}"#
            ]],
        );
        check(
            "{",
            expect![[
                r#"{"__type":"com.amazon.coral.service#SerializationException","message":"The body is not JSON: expected a key in double quotes, found the end of the text at line 1, column 2"}"#
            ]],
        );
        check(r#"{"name":1}"#, expect!["NUMBER_VALUE can not be converted to a String"]);
        check(r#"{"size":"1"}"#, expect!["STRING_VALUE can not be converted to an Integer"]);
        check(r#"{"name":"a","on":"true"}"#, expect!["STRING_VALUE can not be converted to a Boolean"]);
        check(r#"{"name":"a","tags":[1]}"#, expect!["NUMBER_VALUE can not be converted to a Structure"]);
    }
}
