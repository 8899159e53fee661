//! `stepwell validate`: what is wrong with definitions, all of it at once.
//!
//! One diagnostic, one line on stdout, `FILE:LINE:COLUMN: error: text (pointer)`, which editors and
//! terminals know how to follow, and below it `  hint: ...` where we know one. Warnings are told in
//! the same way and do not count as errors.

use std::path::Path;

use stepwell_asl::{Diagnostic, Severity};
use stepwell_value::{Position, Value};

use crate::cli;
use crate::complaint::{Complaint, Exit};
use crate::log::escape_controls;
use crate::source::{Finding, Source};

/// Checks every file and prints what was found.
///
/// # Errors
///
/// A [`Complaint`] about the first file that cannot be read, once what was found in the others is
/// printed.
pub fn validate(command: &cli::Validate) -> Result<Exit, Complaint> {
    let mut found = Vec::new();
    let mut unreadable = None;
    for file in &command.files {
        match Source::read(file) {
            Ok(source) => found.extend(source.findings().into_iter().map(|finding| (file, finding))),
            Err(complaint) => unreadable = unreadable.or(Some(complaint)),
        }
    }

    let has_errors = found.iter().any(|(_, finding)| finding.diagnostic.is_error());
    if command.json {
        let found = found.iter().map(|(file, finding)| json(file, finding));
        println!("{}", Value::array(found.collect::<Vec<_>>()));
    } else {
        found.iter().for_each(|(file, finding)| print!("{}", lines(file, finding)));
    }
    if let Some(complaint) = unreadable {
        return Err(complaint);
    }
    Ok(if has_errors { Exit::Failure } else { Exit::Success })
}

/// A finding in a file as a person reads it, line ends included.
pub fn lines(file: &Path, finding: &Finding) -> String {
    let Finding { diagnostic, position: Position { line, column } } = finding;
    let Diagnostic { message, pointer, hint, .. } = diagnostic;
    let pointer = if pointer.is_empty() { "" } else { &format!(" ({pointer})") };
    let (severity, message) = (severity(diagnostic), message.trim_end());
    let line = format!("{}:{line}:{column}: {severity}: {message}{pointer}", file.display());
    let mut lines = escape_controls(&line) + "\n";
    if let Some(hint) = hint {
        lines += &format!("  hint: {}\n", escape_controls(hint));
    }
    lines
}

/// A finding in a file as a program reads it.
pub fn json(file: &Path, finding: &Finding) -> Value {
    let Finding { diagnostic, position: Position { line, column } } = finding;
    let number = |number: usize| Value::from(i64::try_from(number).unwrap_or(i64::MAX));
    Value::object([
        ("file", Value::from(file.display().to_string())),
        ("line", number(*line)),
        ("column", number(*column)),
        ("severity", Value::from(severity(diagnostic))),
        ("code", Value::from(diagnostic.code)),
        ("message", Value::from(diagnostic.message.as_str())),
        ("pointer", Value::from(diagnostic.pointer.as_str())),
        ("hint", diagnostic.hint.as_deref().map_or(Value::Null, Value::from)),
    ])
}

fn severity(diagnostic: &Diagnostic) -> &'static str {
    match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding() -> Finding {
        let definition = "{\n \"StartAt\": \"Goo\", \"States\": {\"Go\": {\"Type\": \"Succeed\"}}}";
        Source::json(definition.to_owned()).findings().remove(0)
    }

    #[test]
    fn a_finding_is_a_line_that_editors_can_follow() {
        assert_eq!(
            lines(Path::new("a.asl.json"), &finding()),
            "a.asl.json:2:2: error: Missing 'Next' target: Goo (/StartAt)\n  hint: did you mean \"Go\"?\n"
        );
    }

    #[test]
    fn a_finding_is_an_object_for_a_program() {
        assert_eq!(
            json(Path::new("a.asl.json"), &finding()).to_string(),
            r#"{"file":"a.asl.json","line":2,"column":2,"severity":"error","code":"MISSING_TRANSITION_TARGET","message":"Missing 'Next' target: Goo","pointer":"/StartAt","hint":"did you mean \"Go\"?"}"#
        );
    }
}
