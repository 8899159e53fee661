//! One log record: a history event as the message that AWS sends to CloudWatch Logs.
//!
//! | member              | what                                                                    |
//! |---------------------|-------------------------------------------------------------------------|
//! | `id`                | the id of the event, as a string                                        |
//! | `type`              | its type                                                                |
//! | `details`           | the members that `GetExecutionHistory` shows as `…EventDetails`, sorted |
//! | `previous_event_id` | as a string                                                             |
//! | `event_timestamp`   | milliseconds since the epoch, as a string                               |
//! | `execution_arn`     | the ARN of the execution                                                |
//! | `redrive_count`     | how often it has been redriven, as a string                             |
//!
//! Without execution data inputs, outputs, parameters, variables and the members beside them are
//! left out; names, ARNs, errors and causes stay. A payload whose escaped text is longer than
//! [`PAYLOAD_BYTES_MAX`] is cut there, and the member beside it says `"truncated":true`.
//!
//! Source: the recorded cases of the area `logs`; for the cut, the Developer Guide, "CloudWatch Logs
//! payloads", which speaks of inputs and outputs. That parameters and variables are cut alike, that
//! numbers in `details` are numbers, and that types without details have `"details":{}` is not
//! recorded.

use std::fmt::Write;

use stepwell_model::{Detail, HistoryEvent};

/// The longest payload in a record, in bytes of its escaped text: AWS's 248 KB.
pub(crate) const PAYLOAD_BYTES_MAX: usize = 248 * 1024;

/// What the records of an execution have in common.
pub(crate) struct RecordWriter {
    include_execution_data: bool,
    /// What each record ends with.
    end: String,
}

impl RecordWriter {
    /// For the records of the execution of this ARN, which has been redriven so often.
    pub(crate) fn new(execution_arn: &str, redrive_count: u64, include_execution_data: bool) -> RecordWriter {
        let mut end = String::from(r#"","execution_arn":"#);
        quote(execution_arn, &mut end);
        write!(end, r#","redrive_count":"{redrive_count}"}}"#).expect(TAKES);
        RecordWriter { include_execution_data, end }
    }

    /// Appends the record of `event`, a JSON object without a line's end in it.
    pub(crate) fn write(&self, out: &mut String, event: &HistoryEvent) {
        let kind = event.kind.type_name();
        write!(out, r#"{{"id":"{}","type":"{kind}","details":{{"#, event.id).expect(TAKES);
        let mut details = event.kind.details().unwrap_or_default();
        details.sort_unstable_by_key(|(key, _)| *key);
        let mut members = Members { out: &mut *out, is_first: true };
        for (key, detail) in &details {
            members.write(key, detail, self.include_execution_data);
        }
        let (previous, moment) = (event.previous_event_id, event.timestamp.epoch_ms);
        write!(out, r#"}},"previous_event_id":"{previous}","event_timestamp":"{moment}"#).expect(TAKES);
        out.push_str(&self.end);
    }
}

const TAKES: &str = "a String takes what it is given";

/// The members of `details`, one after the other.
struct Members<'a> {
    out: &'a mut String,
    is_first: bool,
}

impl Members<'_> {
    fn separate(&mut self) {
        if !std::mem::take(&mut self.is_first) {
            self.out.push(',');
        }
    }

    /// A key of ours, which needs no escaping.
    fn key(&mut self, key: &str) {
        self.separate();
        self.out.push('"');
        self.out.push_str(key);
        self.out.push_str("\":");
    }

    fn write(&mut self, key: &str, detail: &Detail<'_>, include_execution_data: bool) {
        match detail {
            Detail::Text(text) => {
                self.key(key);
                quote(text, self.out);
            }
            Detail::Number(number) => {
                self.key(key);
                self.out.push_str(&number.to_string());
            }
            Detail::Payload { .. } | Detail::Variables { .. } if !include_execution_data => (),
            Detail::Payload { payload, details } => {
                self.key(key);
                let is_cut = quote_within(payload.text(), PAYLOAD_BYTES_MAX, self.out);
                if let Some(details) = details {
                    self.truncated(details, is_cut);
                }
            }
            Detail::Variables { variables, details } => {
                self.key(key);
                self.out.push('{');
                let mut room = PAYLOAD_BYTES_MAX;
                let mut is_cut = false;
                let mut variables_out = Members { out: &mut *self.out, is_first: true };
                for (name, value) in *variables {
                    if is_cut {
                        break;
                    }
                    variables_out.separate();
                    quote(name, variables_out.out);
                    variables_out.out.push(':');
                    let before = variables_out.out.len();
                    is_cut = quote_within(value.text(), room, variables_out.out);
                    room = room.saturating_sub(variables_out.out.len() - before);
                }
                self.out.push('}');
                self.truncated(details, is_cut);
            }
        }
    }

    fn truncated(&mut self, key: &str, is_cut: bool) {
        self.key(key);
        self.out.push_str(if is_cut { "{\"truncated\":true}" } else { "{\"truncated\":false}" });
    }
}

/// Appends `text` as a JSON string.
fn quote(text: &str, out: &mut String) {
    quote_within(text, usize::MAX, out);
}

/// Appends `text` as a JSON string of at most `room` bytes between the quotation marks, and says
/// whether it had to be cut, which it never is within a character or an escape.
///
/// Beside what JSON wants escaped, the other control characters and the separators of lines are: a
/// record stays one line for whoever reads it, and harmless in a terminal.
fn quote_within(text: &str, room: usize, out: &mut String) -> bool {
    out.push('"');
    let end = out.len().saturating_add(room);
    let mut plain_from = 0;
    for (at, byte) in text.bytes().enumerate() {
        // Nearly all bytes stand for themselves; the others are looked at as characters.
        if !matches!(byte, b'"' | b'\\' | 0..b' ' | 0x7f | 0xc2 | 0xe2) {
            continue;
        }
        let character = text[at..].chars().next().expect("these bytes begin a character");
        let escape = match character {
            '"' => "\\\"",
            '\\' => "\\\\",
            '\n' => "\\n",
            '\r' => "\\r",
            '\t' => "\\t",
            '\u{8}' => "\\b",
            '\u{c}' => "\\f",
            '\0'..' ' | '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' => "",
            _ => continue,
        };
        let length = if escape.is_empty() { UNICODE_ESCAPE_BYTES } else { escape.len() };
        if !push_within(&text[plain_from..at], end, out) || out.len() + length > end {
            out.push('"');
            return true;
        }
        plain_from = at + character.len_utf8();
        match escape {
            "" => write!(out, "\\u{:04X}", u32::from(character)).expect(TAKES),
            short => out.push_str(short),
        }
    }
    let is_cut = !push_within(&text[plain_from..], end, out);
    out.push('"');
    is_cut
}

/// The length of `\u001F`.
const UNICODE_ESCAPE_BYTES: usize = 6;

/// Appends as much of `plain` as fits before `end`, in whole characters; whether that is all of it.
fn push_within(plain: &str, end: usize, out: &mut String) -> bool {
    let room = end.saturating_sub(out.len());
    if plain.len() <= room {
        out.push_str(plain);
        return true;
    }
    let mut length = room;
    while !plain.is_char_boundary(length) {
        length -= 1;
    }
    out.push_str(&plain[..length]);
    false
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use stepwell_model::{Failure, HistoryEventKind, Resource, StateType, TaskEvent, Timestamp};
    use stepwell_value::{Payload, Value};

    use super::*;

    fn record(kind: HistoryEventKind, include_execution_data: bool) -> String {
        let timestamp = Timestamp::from_epoch_ms(1_700_000_000_123);
        let event = HistoryEvent { id: 3, previous_event_id: 2, timestamp, kind };
        let mut out = String::new();
        RecordWriter::new("arn:aws:states:us-east-1:123456789012:execution:m:e", 0, include_execution_data)
            .write(&mut out, &event);
        out
    }

    fn check(kind: HistoryEventKind, include_execution_data: bool, expected: Expect) {
        let line = record(kind, include_execution_data);
        let inner = line
            .strip_prefix(r#"{"id":"3","type":"#)
            .and_then(|line| {
                line.strip_suffix(
                    r#","previous_event_id":"2","event_timestamp":"1700000000123","execution_arn":"arn:aws:states:us-east-1:123456789012:execution:m:e","redrive_count":"0"}"#,
                )
            })
            .expect("records begin and end alike");
        expected.assert_eq(inner);
    }

    fn exited(output: &str, assigned: &[(&str, &str)]) -> HistoryEventKind {
        let payload = |text: &str| Payload::parse(text).unwrap();
        HistoryEventKind::StateExited {
            state_type: StateType::Pass,
            name: "A".into(),
            output: payload(output),
            assigned_variables: assigned.iter().map(|(name, text)| ((*name).into(), payload(text))).collect(),
        }
    }

    /// The `details` of a record, as a client reads them.
    fn details(line: &str) -> Value {
        Value::parse(line).unwrap().get("details").unwrap().clone()
    }

    #[test]
    fn a_record_is_what_aws_sends() {
        check(
            exited(r#"{"a": 1}"#, &[("x", "1"), ("y\"", "\"t\"")]),
            true,
            expect![[
                r#""PassStateExited","details":{"assignedVariables":{"x":"1","y\"":"\"t\""},"assignedVariablesDetails":{"truncated":false},"name":"A","output":"{\"a\": 1}","outputDetails":{"truncated":false}}"#
            ]],
        );
        check(
            HistoryEventKind::ExecutionStarted {
                input: Payload::empty_object(),
                role_arn: "r".into(),
                version_arn: None,
                alias_arn: None,
            },
            true,
            expect![[
                r#""ExecutionStarted","details":{"input":"{}","inputDetails":{"truncated":false},"roleArn":"r"}"#
            ]],
        );
        check(
            HistoryEventKind::MapIterationStarted { name: "M".into(), index: 4 },
            true,
            expect![[r#""MapIterationStarted","details":{"index":4,"name":"M"}"#]],
        );
        check(
            HistoryEventKind::ParallelStateStarted,
            true,
            expect![[r#""ParallelStateStarted","details":{}"#]],
        );
    }

    #[test]
    fn without_execution_data_no_payload_is_logged_but_errors_are() {
        check(
            exited(r#"{"a": "secret"}"#, &[("x", "\"secret\"")]),
            false,
            expect![[r#""PassStateExited","details":{"name":"A"}"#]],
        );
        let resource = Resource::parse("arn:aws:states:::sqs:sendMessage").unwrap();
        let scheduled = TaskEvent::Scheduled {
            parameters: Payload::parse(r#"{"a": "secret"}"#).unwrap(),
            region: "us-east-1".into(),
            timeout_seconds: Some(60),
            heartbeat_seconds: None,
        };
        check(
            HistoryEventKind::Task(resource, scheduled),
            false,
            expect![[
                r#""TaskScheduled","details":{"region":"us-east-1","resource":"sendMessage","resourceType":"sqs","timeoutInSeconds":60}"#
            ]],
        );
        check(
            HistoryEventKind::ExecutionSucceeded { output: Payload::parse("\"secret\"").unwrap() },
            false,
            expect![[r#""ExecutionSucceeded","details":{}"#]],
        );
        check(
            HistoryEventKind::ExecutionFailed(Failure::new("E", "why")),
            false,
            expect![[r#""ExecutionFailed","details":{"cause":"why","error":"E"}"#]],
        );
    }

    #[test]
    fn a_payload_is_cut_where_its_escaped_text_grows_too_long() {
        let check = |output: String, kept: usize| {
            let line = record(exited(&output, &[]), true);
            let details = details(&line);
            let text = details.get("output").unwrap().as_str().unwrap();
            assert_eq!(text.len(), kept);
            assert!(output.starts_with(text));
            let is_cut = details.get("outputDetails").unwrap().get("truncated").unwrap().as_bool();
            assert_eq!(is_cut, Some(kept < output.len()));
        };
        let max = PAYLOAD_BYTES_MAX;
        // Two quotation marks take four bytes.
        let letters = |count: usize| format!("\"{}\"", "a".repeat(count));
        check(letters(max - 4), max - 2);
        check(letters(max - 3), max - 2);
        check(letters(max), max - 1);
        // Each of these takes two bytes of the payload and three of the record.
        let backslashes = format!("\"{}\"", "\\n".repeat(max));
        check(backslashes, 1 + (max - 2) / 3 * 2);
        // A character is whole or not there.
        check(format!("\"{}\"", "\u{fc}".repeat(max)), 1 + (max - 2) / 2 * 2);
    }

    #[test]
    fn variables_share_what_room_there_is() {
        let half = format!("\"{}\"", "a".repeat(PAYLOAD_BYTES_MAX / 2));
        let details = details(&record(exited("{}", &[("x", &half), ("y", &half), ("z", "1")]), true));
        let variables = details.get("assignedVariables").unwrap();
        assert_eq!(variables.get("x").unwrap().as_str(), Some(&*half));
        assert!(half.starts_with(variables.get("y").unwrap().as_str().unwrap()));
        assert_eq!(variables.get("z"), None);
        let is_cut = details.get("assignedVariablesDetails").unwrap().get("truncated").unwrap();
        assert_eq!(is_cut.as_bool(), Some(true));
        let is_cut = details.get("outputDetails").unwrap().get("truncated").unwrap();
        assert_eq!(is_cut.as_bool(), Some(false));
    }

    #[test]
    fn whatever_a_payload_holds_a_record_is_one_harmless_line() {
        let nasty: String = (0..0x2100).filter_map(char::from_u32).collect();
        let output = Value::string(nasty.clone()).to_json().unwrap();
        let raw = Payload::trusted(output.clone());
        let failure = Failure::new("E\n\u{1b}[2J", &*nasty);
        for kind in [exited(&output, &[]), HistoryEventKind::ExecutionFailed(failure)] {
            let line = record(kind, true);
            assert!(!line.chars().any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')));
            let details = details(&line);
            match details.get("cause") {
                Some(cause) => assert_eq!(cause.as_str(), Some(&*nasty)),
                None => assert_eq!(details.get("output").unwrap().as_str(), Some(raw.text())),
            }
        }
    }
}
