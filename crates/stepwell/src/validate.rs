//! `stepwell validate`: what is wrong with definitions, all of it at once.
//!
//! One diagnostic, one line on stdout, `FILE:LINE:COLUMN: error: text (pointer)`, which editors and
//! terminals know how to follow, and below it `  hint: ...` where we know one. Warnings are told in
//! the same way and do not count as errors.

use std::path::{Path, PathBuf};

use stepwell_asl::{Definition, Diagnostic, Severity};
use stepwell_value::Value;

use crate::cli;
use crate::complaint::{Complaint, Exit};
use crate::log::escape_controls;

/// Checks every file and prints what was found.
///
/// # Errors
///
/// A [`Complaint`] about the first file that cannot be read, once what was found in the others is
/// printed.
pub fn validate(command: &cli::Validate) -> Result<Exit, Complaint> {
    let mut findings = Vec::new();
    let mut unreadable = None;
    for file in &command.files {
        let text = match read(file) {
            Ok(text) => text,
            Err(complaint) => {
                unreadable = unreadable.or(Some(complaint));
                continue;
            }
        };
        findings.extend(diagnostics(&text).into_iter().map(|diagnostic| (file.clone(), diagnostic)));
    }

    let has_errors = findings.iter().any(|(_, diagnostic)| is_error(diagnostic));
    if command.json {
        println!("{}", Value::array(findings.iter().map(json).collect::<Vec<_>>()));
    } else {
        findings.iter().for_each(|finding| print!("{}", lines(finding)));
    }
    if let Some(complaint) = unreadable {
        return Err(complaint);
    }
    Ok(if has_errors { Exit::Failure } else { Exit::Success })
}

/// The text of a definition.
///
/// # Errors
///
/// A [`Complaint`] if the file cannot be read or is not UTF-8.
pub fn read(file: &Path) -> Result<String, Complaint> {
    let text = std::fs::read_to_string(file).map_err(|error| {
        Complaint::usage("cannot read the definition", format!("{}: {error}", file.display()))
    })?;
    // Some editors put a byte order mark in front.
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

/// Everything that is wrong with a definition, warnings included, from its first line to its last.
pub fn diagnostics(text: &str) -> Vec<Diagnostic> {
    let mut diagnostics = match Definition::parse(text) {
        Ok((_, warnings)) => warnings,
        Err(diagnostics) => diagnostics,
    };
    diagnostics.sort_by_key(|diagnostic| (diagnostic.position.line, diagnostic.position.column));
    diagnostics
}

/// Whether this keeps the definition from being used.
pub fn is_error(diagnostic: &Diagnostic) -> bool {
    match diagnostic.severity {
        Severity::Error => true,
        Severity::Warning => false,
    }
}

/// One finding in one file.
pub type Finding = (PathBuf, Diagnostic);

/// A finding as a person reads it, line ends included.
pub fn lines((file, diagnostic): &Finding) -> String {
    let Diagnostic { message, pointer, position, hint, .. } = diagnostic;
    // AWS's own texts say the pointer at their end; once is enough.
    let message = message.strip_suffix(&format!(" at {pointer}")).unwrap_or(message);
    let pointer = if pointer.is_empty() { "" } else { &format!(" ({pointer})") };
    let line = format!(
        "{}:{}:{}: {}: {message}{pointer}",
        file.display(),
        position.line,
        position.column,
        severity(diagnostic)
    );
    let mut lines = escape_controls(&line) + "\n";
    if let Some(hint) = hint {
        lines += &format!("  hint: {}\n", escape_controls(hint));
    }
    lines
}

/// A finding as a program reads it.
pub fn json((file, diagnostic): &Finding) -> Value {
    let number = |number: usize| Value::from(i64::try_from(number).unwrap_or(i64::MAX));
    Value::object([
        ("file", Value::from(file.display().to_string())),
        ("line", number(diagnostic.position.line)),
        ("column", number(diagnostic.position.column)),
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
    use stepwell_value::Position;

    use super::*;

    fn finding(severity: Severity, pointer: &str, hint: Option<&str>) -> Finding {
        let diagnostic = Diagnostic {
            severity,
            code: "SCHEMA_VALIDATION_FAILED",
            message: "Missing target: Nowhere at /StartAt".to_owned(),
            pointer: pointer.to_owned(),
            position: Position { line: 4, column: 7 },
            hint: hint.map(str::to_owned),
        };
        ("a.asl.json".into(), diagnostic)
    }

    #[test]
    fn a_finding_is_a_line_that_editors_can_follow() {
        assert_eq!(
            lines(&finding(Severity::Error, "/StartAt", Some("did you mean \"Go\"?"))),
            "a.asl.json:4:7: error: Missing target: Nowhere (/StartAt)\n  hint: did you mean \"Go\"?\n"
        );
        assert_eq!(
            lines(&finding(Severity::Warning, "", None)),
            "a.asl.json:4:7: warning: Missing target: Nowhere at /StartAt\n"
        );
    }

    #[test]
    fn a_finding_is_an_object_for_a_program() {
        assert_eq!(
            json(&finding(Severity::Error, "/StartAt", None)).to_string(),
            r#"{"file":"a.asl.json","line":4,"column":7,"severity":"error","code":"SCHEMA_VALIDATION_FAILED","message":"Missing target: Nowhere at /StartAt","pointer":"/StartAt","hint":null}"#
        );
    }
}
