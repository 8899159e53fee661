//! Log lines on stderr: one event, one line.
//!
//! As JSON: `ts` (RFC 3339, UTC), `level`, `event` (a stable snake_case name), `message`, and fields
//! by their AWS names (`executionArn`, `stateMachineArn`, `requestId`). As text: the same in this
//! order, the fields as `name=value`. Control characters never reach the terminal raw, and there
//! are no colours, so a line is the same in a file and on a screen.
//!
//! Source: `docs/contracts.md`, "Log lines".

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use stepwell_model::Timestamp;
use stepwell_value::{Value, quote};

/// How much an event matters; a logger writes those of its own level and above.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Something was not done, or will not be.
    Error,
    /// Something may need a person's eye.
    Warn,
    /// What happened, a few lines a run.
    Info,
    /// What helps to find a fault; payloads may show here and nowhere else.
    Debug,
}

impl Level {
    /// Every level, the gravest first.
    pub const ALL: [Level; 4] = [Level::Error, Level::Warn, Level::Info, Level::Debug];

    /// As flags and log lines spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            Level::Error => "error",
            Level::Warn => "warn",
            Level::Info => "info",
            Level::Debug => "debug",
        }
    }
}

/// How a line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For a person.
    Text,
    /// For a program.
    Json,
}

impl Format {
    /// Every format.
    pub const ALL: [Format; 2] = [Format::Text, Format::Json];

    /// As flags spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            Format::Text => "text",
            Format::Json => "json",
        }
    }
}

/// A field of a line: its AWS name and its value.
pub type Field<'a> = (&'a str, Value);

/// Where log lines go. Clones write to the same place.
#[derive(Clone)]
pub struct Log {
    level: Level,
    format: Format,
    out: Arc<Mutex<dyn Write + Send>>,
}

impl Log {
    /// A log on stderr.
    pub fn to_stderr(level: Level, format: Format) -> Log {
        Log { level, format, out: Arc::new(Mutex::new(std::io::stderr())) }
    }

    /// Writes one line, if `level` is wanted.
    pub fn line(&self, level: Level, event: &str, message: &str, fields: &[Field]) {
        if level > self.level {
            return;
        }
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = Timestamp::from_epoch_ms(0).after(since_epoch);
        let line = match self.format {
            Format::Text => text(now, level, event, message, fields),
            Format::Json => json(now, level, event, message, fields),
        };
        // A log that cannot be written has nobody left to tell; the server goes on. A thread that
        // panicked while it wrote left at worst half a line.
        let mut out = self.out.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let _ = out.write_all(line.as_bytes());
    }

    /// Writes one line at level warn.
    pub fn warn(&self, event: &str, message: &str, fields: &[Field]) {
        self.line(Level::Warn, event, message, fields);
    }

    /// Writes one line at level info.
    pub fn info(&self, event: &str, message: &str, fields: &[Field]) {
        self.line(Level::Info, event, message, fields);
    }
}

fn text(now: Timestamp, level: Level, event: &str, message: &str, fields: &[Field]) -> String {
    let mut line = format!("{} {:<5} {event}", now.to_rfc3339(), level.as_str());
    if !message.is_empty() {
        line += &format!(": {message}");
    }
    for (name, value) in fields {
        line += &format!(" {name}={value}");
    }
    let mut line = escape_controls(&line);
    line.push('\n');
    line
}

fn json(now: Timestamp, level: Level, event: &str, message: &str, fields: &[Field]) -> String {
    let mut line = format!(
        "{{\"ts\":\"{}\",\"level\":\"{}\",\"event\":\"{event}\",\"message\":",
        now.to_rfc3339(),
        level.as_str()
    );
    quote(message, &mut line);
    for (name, value) in fields {
        line.push(',');
        quote(name, &mut line);
        line += &format!(":{value}");
    }
    line.push('}');
    // JSON escapes what is below a space; these control characters it lets through.
    let mut line = escape_json_controls(&line);
    line.push('\n');
    line
}

/// `text` with its control characters, and those that turn the direction of writing, as `\n` or
/// `\u{1b}`.
pub fn escape_controls(text: &str) -> String {
    escape(text, |character, out| out.extend(character.escape_default()))
}

/// JSON text with the same characters as JSON escapes. They occur within strings alone.
fn escape_json_controls(text: &str) -> String {
    escape(text, |character, out| *out += &format!("\\u{:04X}", u32::from(character)))
}

fn escape(text: &str, mut put: impl FnMut(char, &mut String)) -> String {
    if !text.contains(is_unprintable) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match is_unprintable(character) {
            true => put(character, &mut out),
            false => out.push(character),
        }
    }
    out
}

fn is_unprintable(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2028}' | '\u{2029}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_epoch_ms(1_795_000_000_123);

    fn both(message: &str, fields: &[Field]) -> (String, String) {
        (
            text(NOW, Level::Info, "execution_set_aside", message, fields),
            json(NOW, Level::Info, "execution_set_aside", message, fields),
        )
    }

    #[test]
    fn both_formats_say_the_same() {
        let (text, json) = both("cannot go on", &[("executionArn", "arn:x".into()), ("row", 7_i64.into())]);
        assert_eq!(
            text,
            "2026-11-18T11:06:40.123Z info  execution_set_aside: cannot go on executionArn=\"arn:x\" row=7\n"
        );
        assert_eq!(
            json,
            "{\"ts\":\"2026-11-18T11:06:40.123Z\",\"level\":\"info\",\"event\":\"execution_set_aside\",\
             \"message\":\"cannot go on\",\"executionArn\":\"arn:x\",\"row\":7}\n"
        );
    }

    #[test]
    fn hostile_text_stays_on_its_line_and_off_the_terminal() {
        let hostile = "a\n{\"level\":\"error\"}\u{1b}[31m\u{202e}\u{9b}";
        let (text, json) = both(hostile, &[("cause", hostile.into())]);
        for line in [&text, &json] {
            assert_eq!(line.matches('\n').count(), 1, "{line}");
            assert!(!line.trim_end().contains(is_unprintable), "{line}");
        }
        let read = Value::parse(&json).unwrap();
        assert_eq!(read.get("message").unwrap().as_str(), Some(hostile));
        assert_eq!(read.get("cause").unwrap().as_str(), Some(hostile));
    }

    #[test]
    fn a_level_lets_through_what_is_as_grave_or_graver() {
        let out = Arc::new(Mutex::new(Vec::new()));
        let log = Log { level: Level::Warn, format: Format::Text, out: out.clone() };
        log.line(Level::Error, "one", "", &[]);
        log.warn("two", "", &[]);
        log.info("three", "", &[]);
        log.line(Level::Debug, "four", "", &[]);
        let written = String::from_utf8(out.lock().unwrap().clone()).unwrap();
        assert_eq!(written.lines().count(), 2, "{written}");
    }
}
