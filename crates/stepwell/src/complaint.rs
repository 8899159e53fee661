//! What a person is told when something went wrong, and what the shell is told.
//!
//! One line on stderr, `error: what happened: the thing it happened to. hint: what to do.`; with
//! `--json` an object `{"error", "subject", "hint"}` instead. Source: `docs/contracts.md`, "Errors
//! to people".

use stepwell_value::{Value, quote};

use crate::log::escape_controls;

/// How a command ended, as a shell sees it. Every command that can end so uses the same number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 0: it did what was asked.
    Success,
    /// 1: it could not, or what it was asked to run or check was not right.
    Failure,
    /// 2: it was asked in a way it does not understand.
    Usage,
    /// 3: the data directory is in use, not writable, damaged, or of a newer release.
    Data,
}

impl Exit {
    /// The number.
    pub fn code(self) -> u8 {
        match self {
            Exit::Success => 0,
            Exit::Failure => 1,
            Exit::Usage => 2,
            Exit::Data => 3,
        }
    }
}

/// Why a command ends early: the line for the person and the number for the shell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complaint {
    /// What happened, in lower case and without a full stop.
    pub what: String,
    /// What it happened to, such as a flag, a file or an address; empty where `what` says it all.
    pub subject: String,
    /// What to do about it; empty where we know nothing that helps.
    pub hint: String,
    /// How the command ends.
    pub exit: Exit,
}

impl Complaint {
    /// A complaint without a hint.
    pub fn new(exit: Exit, what: impl Into<String>, subject: impl Into<String>) -> Complaint {
        Complaint { what: what.into(), subject: subject.into(), hint: String::new(), exit }
    }

    /// A complaint about how the command was called: flags, variables, configuration, definitions.
    pub fn usage(what: impl Into<String>, subject: impl Into<String>) -> Complaint {
        Complaint::new(Exit::Usage, what, subject)
    }

    /// The same with a hint.
    pub fn hint(self, hint: impl Into<String>) -> Complaint {
        Complaint { hint: hint.into(), ..self }
    }

    /// The line for a person, without its end. Control characters are escaped, so that nothing that
    /// came from a file or a peer can forge a second line.
    pub fn line(&self) -> String {
        let mut line = format!("error: {}", self.what);
        if !self.subject.is_empty() {
            line += &format!(": {}", self.subject);
        }
        if !line.ends_with(['.', '!', '?']) {
            line.push('.');
        }
        if !self.hint.is_empty() {
            line += &format!(" hint: {}", self.hint);
            if !line.ends_with(['.', '!', '?']) {
                line.push('.');
            }
        }
        escape_controls(&line)
    }

    /// The line for a program, without its end.
    pub fn json(&self) -> String {
        Value::object([
            ("error", Value::from(self.what.as_str())),
            ("subject", Value::from(self.subject.as_str())),
            ("hint", Value::from(self.hint.as_str())),
        ])
        .to_string()
    }

    /// Tells it on stderr.
    pub fn tell(&self, as_json: bool) {
        eprintln!("{}", if as_json { self.json() } else { self.line() });
    }
}

/// `text` in double quotes, so that a person sees where it begins and ends.
pub fn quoted(text: &str) -> String {
    let mut out = String::new();
    quote(text, &mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_reads_one_line_with_a_hint() {
        let complaint = Complaint::usage("unknown configuration key", "listn").hint("did you mean listen?");
        assert_eq!(complaint.line(), "error: unknown configuration key: listn. hint: did you mean listen?");
        assert_eq!(Complaint::usage("no file was given", "").line(), "error: no file was given.");
    }

    #[test]
    fn a_program_reads_an_object() {
        let complaint = Complaint::usage("unknown configuration key", "li\"stn").hint("did you mean listen?");
        assert_eq!(
            complaint.json(),
            r#"{"error":"unknown configuration key","subject":"li\"stn","hint":"did you mean listen?"}"#
        );
    }

    #[test]
    fn nothing_can_forge_a_second_line() {
        assert_eq!(
            Complaint::usage("no such file", "a\nerror: \u{1b}[31mb").line(),
            "error: no such file: a\\nerror: \\u{1b}[31mb."
        );
    }
}
