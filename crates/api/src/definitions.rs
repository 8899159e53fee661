//! Whether a definition may become a state machine.

use std::sync::Arc;

use stepwell_asl::{Definition, Diagnostic, Severity};
use stepwell_value::{Payload, Position};

use crate::exception::{Exception, ExceptionKind};
use crate::json_reason::json_reason;

/// From this size on, in bytes, a definition is checked aside, so that other calls go on.
const CHECKED_ASIDE_FROM: usize = 32 * 1024;

/// Refuses a definition that is not valid, with all that is wrong with it.
pub(crate) async fn check(definition: &Arc<str>) -> Result<(), Exception> {
    if definition.len() < CHECKED_ASIDE_FROM {
        parse(definition)
    } else {
        let text = definition.clone();
        crate::aside(move || parse(&text)).await?
    }
}

fn parse(text: &str) -> Result<(), Exception> {
    match Definition::parse(text) {
        Ok(_) => Ok(()),
        Err(diagnostics) => Err(invalid(text, &diagnostics)),
    }
}

/// What is said of a definition that is not valid.
pub(crate) fn invalid(text: &str, diagnostics: &[Diagnostic]) -> Exception {
    let found: Vec<String> = match Payload::parse(text) {
        // Text that is not JSON has no places but lines and columns, and no other troubles.
        Err(error) => {
            let Position { line, column } = error.position;
            let reason = json_reason(text, &error);
            vec![format!("INVALID_JSON_DESCRIPTION: {reason} at line {line}, column {column}")]
        }
        Ok(_) => {
            let errors = diagnostics.iter().filter(|found| found.severity == Severity::Error);
            errors.map(sentence).collect()
        }
    };
    // Recorded for one; several stand side by side with a comma between.
    let message = format!("Invalid State Machine Definition: '{}'", found.join(", "));
    Exception::new(ExceptionKind::InvalidDefinition, message)
}

fn sentence(diagnostic: &Diagnostic) -> String {
    let Diagnostic { code, message, pointer, .. } = diagnostic;
    let place = format!(" at {}", if pointer.is_empty() { "/" } else { pointer });
    // The language says the place in some of its messages already.
    let place = if message.ends_with(&place) { "" } else { &place };
    format!("{code}: {message}{place}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn check(definition: &str, expected: Expect) {
        expected
            .assert_eq(&parse(definition).map_or_else(|exception| exception.message, |()| "ok".to_owned()));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_places() {
        check(r#"{"StartAt":"A","States":{"A":{"Type":"Pass","End":true}}}"#, expect!["ok"]);
        check(
            r#"{"StartAt":"A"}"#,
            expect![
                "Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: These fields are required: [States] at /'"
            ],
        );
        check(
            "not a definition",
            expect![
                "Invalid State Machine Definition: 'INVALID_JSON_DESCRIPTION: Unrecognized token 'not': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false') at line 1, column 1'"
            ],
        );
    }

    #[test]
    fn several_faults_stand_side_by_side() {
        let found = |message: &str, pointer: &str| {
            sentence(&Diagnostic {
                severity: Severity::Error,
                code: "SCHEMA_VALIDATION_FAILED",
                message: message.to_owned(),
                pointer: pointer.to_owned(),
                position: Position { line: 1, column: 1 },
                hint: None,
            })
        };
        assert_eq!(found("no", ""), "SCHEMA_VALIDATION_FAILED: no at /");
        assert_eq!(found("no", "/States/A"), "SCHEMA_VALIDATION_FAILED: no at /States/A");
        assert_eq!(found("no at /States/A", "/States/A"), "SCHEMA_VALIDATION_FAILED: no at /States/A");
    }
}
