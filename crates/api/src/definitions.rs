//! Whether a definition may become a state machine, and what is wrong with it in the words of AWS.

use std::sync::Arc;

use stepwell_asl::{Definition, Diagnostic};
use stepwell_model::MachineType;
use stepwell_value::{Payload, Position, Value};

use crate::exception::{Exception, ExceptionKind};
use crate::json_reason::{json_place, json_reason};
use crate::reply::Reply;

/// From this size on, in bytes, a definition is checked aside, so that other calls go on.
const CHECKED_ASIDE_FROM: usize = 32 * 1024;

/// How many diagnostics one exception tells. AWS's number is not known.
const TOLD_MAX: usize = 100;

/// Everything that is found in a definition, errors and warnings.
pub(crate) async fn diagnose(
    machine_type: MachineType,
    definition: &Arc<str>,
) -> Result<Vec<Diagnostic>, Exception> {
    if definition.len() < CHECKED_ASIDE_FROM {
        Ok(parse(machine_type, definition))
    } else {
        let text = definition.clone();
        crate::aside(move || parse(machine_type, &text)).await
    }
}

/// Something found in a definition, and where in its text.
pub(crate) struct Placed {
    pub(crate) found: Diagnostic,
    pub(crate) position: Position,
}

/// Everything that is found in a definition, from the first line to the last, at most `most` of it. What
/// is wrong with the JSON is said in our own words.
pub(crate) async fn diagnose_in_place(
    machine_type: MachineType,
    definition: &Arc<str>,
    most: usize,
) -> Result<Vec<Placed>, Exception> {
    let text = definition.clone();
    let find = move || {
        let found = match Definition::parse_for(machine_type, &text) {
            Ok((_, warnings)) => warnings,
            Err(diagnostics) => diagnostics,
        };
        let place = |found: Diagnostic| Placed { position: found.position(&text), found };
        let mut placed: Vec<Placed> = found.into_iter().take(most).map(place).collect();
        placed.sort_by_key(|placed| (placed.position.line, placed.position.column));
        placed
    };
    if definition.len() < CHECKED_ASIDE_FROM { Ok(find()) } else { crate::aside(find).await }
}

/// Refuses a definition that is not valid, with all that is wrong with it.
pub(crate) async fn check(machine_type: MachineType, definition: &Arc<str>) -> Result<(), Exception> {
    let found = diagnose(machine_type, definition).await?;
    if found.iter().any(Diagnostic::is_error) { Err(invalid(&found)) } else { Ok(()) }
}

/// What is said of a definition with these errors.
pub(crate) fn invalid(found: &[Diagnostic]) -> Exception {
    let errors = found.iter().filter(|found| found.is_error());
    let told: Vec<String> = errors.take(TOLD_MAX).map(sentence).collect();
    let message = format!("Invalid State Machine Definition: '{}'", told.join(", "));
    Exception::new(ExceptionKind::InvalidDefinition, message)
}

fn parse(machine_type: MachineType, text: &str) -> Vec<Diagnostic> {
    let mut found = match Definition::parse_for(machine_type, text) {
        Ok((_, warnings)) => warnings,
        Err(diagnostics) => diagnostics,
    };
    in_jackson(text, &mut found);
    found
}

/// Says in the words of Jackson, which AWS reads JSON with, why a text is none.
pub(crate) fn in_jackson(text: &str, found: &mut [Diagnostic]) {
    for diagnostic in found.iter_mut().filter(|found| found.code == "INVALID_JSON_DESCRIPTION") {
        let Err(error) = Payload::parse(text) else { continue };
        let place = json_place(text, &error);
        diagnostic.message = format!("{}\n at {place}", json_reason(text, &error));
        diagnostic.location = Some(place);
    }
}

/// What is said of one diagnostic where several stand side by side; measured.
fn sentence(diagnostic: &Diagnostic) -> String {
    let Diagnostic { code, message, location, .. } = diagnostic;
    // AWS is in Java, which writes nothing as null.
    format!("{code}: {message} at {}", location.as_deref().unwrap_or("null"))
}

/// Whether a distributed Map in a definition has this label.
pub(crate) fn has_label(definition: &str, label: &str) -> bool {
    fn is_in(states: &Value, label: &str) -> bool {
        let Some(states) = states.get("States").and_then(Value::as_object) else { return false };
        states.values().any(|state| {
            let below = ["ItemProcessor", "Iterator"].into_iter().filter_map(|field| state.get(field));
            let branches = state.get("Branches").and_then(Value::as_array).into_iter().flatten();
            (state.get("Type").and_then(Value::as_str) == Some("Map")
                && state.get("Label").and_then(Value::as_str) == Some(label))
                || below.chain(branches).any(|states| is_in(states, label))
        })
    }
    Value::parse(definition).is_ok_and(|definition| is_in(&definition, label))
}

/// Tells which variables the states of a definition read, if any does.
pub(crate) fn tell_variables(definition: &Definition, reply: &mut Reply) {
    if definition.variable_references().next().is_none() {
        return;
    }
    reply.nested("variableReferences", |states| {
        for (state, variables) in definition.variable_references() {
            states.texts_under_any_key(state, variables);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn check_for(machine_type: MachineType, definition: &str, expected: Expect) {
        let found = parse(machine_type, definition);
        expected.assert_eq(&found.iter().map(sentence).collect::<Vec<_>>().join("\n"));
    }

    fn check(definition: &str, expected: Expect) {
        check_for(MachineType::Standard, definition, expected);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_places() {
        check(r#"{"StartAt":"A","States":{"A":{"Type":"Pass","End":true}}}"#, expect![""]);
        check(
            r#"{"StartAt":"A"}"#,
            expect!["SCHEMA_VALIDATION_FAILED: These fields are required: [States] at /"],
        );
        check("{}", expect!["SCHEMA_VALIDATION_FAILED: These fields are required: [States, StartAt] at /"]);
        check("[]", expect!["SCHEMA_VALIDATION_FAILED: Definition must be a valid JSON object at null"]);
        check("", expect!["SCHEMA_VALIDATION_FAILED: Definition must be a valid JSON object at null"]);
        check(
            r#"{"StartAt":"A","States":{"A":{"Type":"Pass","Next":"B"}}}"#,
            expect![[r#"
            MISSING_TRANSITION_TARGET: Missing 'Next' target: B at /States/A/Next
            MISSING_END_STATE: Workflow has no terminal state at null"#]],
        );
    }

    #[test]
    fn text_that_is_no_json_is_told_in_jacksons_words_with_its_place() {
        check(
            "not a definition",
            expect![[r#"
            INVALID_JSON_DESCRIPTION: Unrecognized token 'not': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')
             at [Source: (String)"not a definition"; line: 1, column: 4] at [Source: (String)"not a definition"; line: 1, column: 4]"#]],
        );
        check(
            "{\n  \"StartAt\": \"A\",\n}",
            expect![[r#"
            INVALID_JSON_DESCRIPTION: Unexpected character ('}' (code 125)): was expecting double-quote to start field name
             at [Source: (String)"{
              "StartAt": "A",
            }"; line: 3, column: 2] at [Source: (String)"{
              "StartAt": "A",
            }"; line: 3, column: 2]"#]],
        );
        check(
            r#"{"StartAt": "A", "States": {"#,
            expect![[r#"
            INVALID_JSON_DESCRIPTION: Unexpected end-of-input: expected close marker for Object (start marker at [Source: (String)"{"StartAt": "A", "States": {"; line: 1, column: 28])
             at [Source: (String)"{"StartAt": "A", "States": {"; line: 1, column: 29] at [Source: (String)"{"StartAt": "A", "States": {"; line: 1, column: 29]"#]],
        );
    }

    #[test]
    fn an_express_machine_may_do_less() {
        let task = |resource: &str| {
            let members = match resource.contains("startExecution") {
                true => r#""StateMachineArn":"a""#,
                false => r#""QueueUrl":"q","MessageBody":"m""#,
            };
            format!(
                r#"{{"StartAt":"A","States":{{"A":{{"Type":"Task","Resource":"{resource}","Parameters":{{{members}}},"End":true}}}}}}"#
            )
        };
        let express = |resource, expected| check_for(MachineType::Express, &task(resource), expected);
        express("arn:aws:states:::sqs:sendMessage", expect![""]);
        express(
            "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
            expect![
                "SCHEMA_VALIDATION_FAILED: Express state machine does not support '.waitForTaskToken' service integration  at /States/A/Resource"
            ],
        );
        express(
            "arn:aws:states:::states:startExecution.sync:2",
            expect![
                "SCHEMA_VALIDATION_FAILED: Express state machine does not support '.sync' service integration at /States/A/Resource"
            ],
        );
        express(
            "arn:aws:states:us-east-1:123456789012:activity:a",
            expect![
                "SCHEMA_VALIDATION_FAILED: Express state machine does not support Activity ARN at /States/A/Resource"
            ],
        );
    }
}
