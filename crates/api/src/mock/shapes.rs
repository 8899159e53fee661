//! Whether a mocked result has the shape of what the action answers.
//!
//! The shapes are those of the public service models, in a table that `tools/response_shapes.py`
//! writes and explains: the services that are used most, and what the optimized integrations call and
//! poll. A result of any other action is taken as it is, as are members that the model does not know.
//! Of a job (`.sync`) it is the answer of the call that polls it; what comes back with a task token,
//! from a function named by its ARN, from an activity or over HTTP has no model. What an integration
//! parses in an execution, as the `Payload` of a function, is a string here, as in the model.
//!
//! Source: Developer Guide, "Testing state machines with TestState API", "Mock validation modes"; the
//! texts are recorded, but for those about booleans, objects and lengths that are exceeded.

use stepwell_model::{Pattern, Resource};
use stepwell_value::Value;

const TABLE: &str = include_str!("response_shapes.txt");

/// Checks `result`; the complaint is what the caller is told.
pub(crate) fn check(resource: &Resource, result: &Value, strict: bool) -> Result<(), String> {
    let Resource::Service { service, action, pattern } = resource else { return Ok(()) };
    let service = service.strip_prefix("aws-sdk:").unwrap_or_else(|| sdk_name(service));
    let action = match pattern {
        Pattern::RequestResponse => action,
        Pattern::Sync { .. } => match polling_action(service, action) {
            Some(action) => action,
            None => return Ok(()),
        },
        Pattern::WaitForTaskToken => return Ok(()),
    };
    let Some(shapes) = Shapes::of(service) else { return Ok(()) };
    let Some(response) = shapes.response(action) else { return Ok(()) };
    if result.as_object().is_none() {
        return Err("Mocked result must be a JSON object.".to_owned());
    }
    Check { shapes, strict }
        .shape(response, "", result)
        .map_err(|complaint| format!("Mock result schema validation error: {complaint}"))
}

/// What the AWS SDK calls the service of an optimized integration.
fn sdk_name(service: &str) -> &str {
    match service {
        "states" => "sfn",
        "events" => "eventbridge",
        "elasticmapreduce" => "emr",
        "emr-containers" => "emrcontainers",
        other => other,
    }
}

/// The call that tells how a job is doing.
fn polling_action(service: &str, action: &str) -> Option<&'static str> {
    Some(match (service, action) {
        ("sfn", "startExecution") => "describeExecution",
        ("batch", "submitJob") => "describeJobs",
        ("ecs", "runTask") => "describeTasks",
        ("glue", "startJobRun") => "getJobRun",
        ("codebuild", "startBuild") => "batchGetBuilds",
        ("athena", "startQueryExecution") => "getQueryExecution",
        ("databrew", "startJobRun") | ("emrcontainers", "startJobRun") => "describeJobRun",
        ("emr", "createCluster") => "describeCluster",
        ("emr", "addStep") => "describeStep",
        ("bedrock", "createModelCustomizationJob") => "getModelCustomizationJob",
        ("sagemaker", "createTrainingJob") => "describeTrainingJob",
        ("sagemaker", "createTransformJob") => "describeTransformJob",
        _ => return None,
    })
}

/// The lines of one service.
struct Shapes {
    actions: Vec<&'static str>,
    shapes: Vec<&'static str>,
}

impl Shapes {
    fn of(service: &str) -> Option<Shapes> {
        let mut lines = TABLE.lines().skip_while(|line| line.strip_prefix('@') != Some(service));
        lines.next()?;
        let lines = lines.take_while(|line| !line.starts_with('@'));
        // An action is a name and a number; no other line is, not even that of an enumeration.
        let (actions, shapes) = lines.partition(|line| {
            line.starts_with(|first: char| first.is_ascii_lowercase())
                && line.split_once('=').is_some_and(|(_, number)| number.parse::<usize>().is_ok())
        });
        Some(Shapes { actions, shapes })
    }

    /// The line of the shape of an action's response.
    fn response(&self, action: &str) -> Option<&'static str> {
        let number = self.actions.iter().find_map(|line| line.strip_prefix(action)?.strip_prefix('='))?;
        self.shapes.get(number.parse::<usize>().ok()?).copied()
    }
}

struct Check {
    shapes: Shapes,
    strict: bool,
}

impl Check {
    fn kind(&self, kind: &str, name: &str, value: &Value) -> Result<(), String> {
        let (first, bounds) = kind.split_at(1);
        match (first, value) {
            ("#", _) => {
                match bounds.parse::<usize>().ok().and_then(|number| self.shapes.shapes.get(number)) {
                    Some(shape) => self.shape(shape, name, value),
                    None => Ok(()),
                }
            }
            ("s", Value::String(text)) => {
                let (least, most) = read_bounds(bounds);
                let length = text.chars().count() as f64;
                if least.is_some_and(|least| length < least) {
                    return Err(format!("Field '{name}' is smaller than the minimum length"));
                }
                if most.is_some_and(|most| length > most) {
                    return Err(format!("Field '{name}' exceeds the maximum length"));
                }
                Ok(())
            }
            ("n", Value::Number(number)) => {
                let (least, most) = read_bounds(bounds);
                let number = number.as_f64();
                if least.is_some_and(|least| number < least) {
                    return Err(format!("Field '{name}' is less than the minimum value"));
                }
                if most.is_some_and(|most| number > most) {
                    return Err(format!("Field '{name}' exceeds the maximum value"));
                }
                Ok(())
            }
            ("b", Value::Bool(_)) => Ok(()),
            ("s", _) => Err(format!("Field '{name}' must be a string")),
            ("n", _) => Err(format!("Field '{name}' must be a number")),
            ("b", _) => Err(format!("Field '{name}' must be a boolean")),
            _ => Ok(()),
        }
    }

    fn shape(&self, shape: &str, name: &str, value: &Value) -> Result<(), String> {
        let (first, rest) = shape.split_at(1);
        match (first, value) {
            ("{", Value::Object(members)) => rest.split(' ').try_for_each(|member| {
                let Some((member, kind)) = member.split_once('=') else { return Ok(()) };
                let (member, required) = match member.strip_suffix('!') {
                    Some(member) => (member, true),
                    None => (member, false),
                };
                match members.get(member) {
                    None if required && self.strict => Err(format!("Required field '{member}' is missing")),
                    None => Ok(()),
                    Some(value) => self.kind(kind, member, value),
                }
            }),
            ("[", Value::Array(items)) => items.iter().try_for_each(|item| self.kind(rest, name, item)),
            ("<", Value::Object(members)) => {
                members.values().try_for_each(|item| self.kind(rest, name, item))
            }
            ("e", Value::String(text)) if rest.split('|').any(|known| known == &**text) => Ok(()),
            ("e", Value::String(_)) => Err(format!("Field '{name}' is not an expected value")),
            ("e", _) => Err(format!("Field '{name}' must be a string")),
            ("[", _) => Err(format!("Field '{name}' must be an array")),
            (_, _) => Err(format!("Field '{name}' must be an object")),
        }
    }
}

fn read_bounds(bounds: &str) -> (Option<f64>, Option<f64>) {
    bounds.split_once(',').map_or((None, None), |(least, most)| (least.parse().ok(), most.parse().ok()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn check(action: &str, result: &str, strict: bool, expected: Expect) {
        let resource = Resource::parse(&format!("arn:aws:states:::{action}")).unwrap();
        let complaint = super::check(&resource, &Value::parse(result).unwrap(), strict).err();
        let complaint = complaint.unwrap_or_else(|| "ok".to_owned());
        expected.assert_eq(complaint.trim_start_matches("Mock result schema validation error: "));
    }

    #[test]
    fn required_members_are_wanted_of_a_strict_mock_only() {
        let action = "states:startExecution";
        check(action, "{}", true, expect!["Required field 'ExecutionArn' is missing"]);
        check(action, "{}", false, expect!["ok"]);
        check(action, r#"{"executionArn":1}"#, false, expect!["ok"]);
        check(action, r#"{"ExecutionArn":1}"#, false, expect!["Field 'ExecutionArn' must be a string"]);
        check(action, "[]", true, expect!["Mocked result must be a JSON object."]);
    }

    #[test]
    fn what_is_there_has_the_type_and_bounds_of_the_model() {
        let memory = |size: u64| format!(r#"{{"Configuration":{{"MemorySize":{size}}}}}"#);
        let action = "aws-sdk:lambda:getFunction";
        check(action, &memory(127), true, expect!["Field 'MemorySize' is less than the minimum value"]);
        check(action, &memory(128), true, expect!["ok"]);
        check(action, &memory(10_241), false, expect!["Field 'MemorySize' exceeds the maximum value"]);
        check(
            "aws-sdk:s3:getObject",
            r#"{"StorageClass":"Papyrus"}"#,
            true,
            expect!["Field 'StorageClass' is not an expected value"],
        );
        check(
            "aws-sdk:kms:encrypt",
            r#"{"CiphertextBlob":""}"#,
            true,
            expect!["Field 'CiphertextBlob' is smaller than the minimum length"],
        );
        check(
            "aws-sdk:s3:listObjectsV2",
            r#"{"IsTruncated":"no"}"#,
            true,
            expect!["Field 'IsTruncated' must be a boolean"],
        );
        check(
            "events:putEvents",
            r#"{"Entries":[{"EventId":"a"},{"EventId":["b"]}]}"#,
            true,
            expect!["Field 'EventId' must be a string"],
        );
        check("events:putEvents", r#"{"Entries":"a"}"#, true, expect!["Field 'Entries' must be an array"]);
        check("dynamodb:getItem", r#"{"Item":[]}"#, true, expect!["Field 'Item' must be an object"]);
        check(
            "dynamodb:getItem",
            r#"{"Item":{"a":{"L":[{"S":1}]}}}"#,
            true,
            expect!["Field 'S' must be a string"],
        );
    }

    #[test]
    fn a_job_is_mocked_as_the_call_that_polls_it_answers() {
        let action = "states:startExecution.sync";
        check(
            action,
            r#"{"ExecutionArn":"a"}"#,
            true,
            expect!["Required field 'StateMachineArn' is missing"],
        );
        check(action, r#"{"Output":{}}"#, false, expect!["Field 'Output' must be a string"]);
        check(
            "glue:startJobRun.sync",
            r#"{"JobRun":{"Id":1}}"#,
            true,
            expect!["Field 'Id' must be a string"],
        );
    }

    #[test]
    fn what_has_no_model_is_taken_as_it_is() {
        check("lambda:invoke", r#"{"Payload":"{}","pokemon":[]}"#, true, expect!["ok"]);
        check("sqs:sendMessage.waitForTaskToken", "1", true, expect!["ok"]);
        check("http:invoke", "{}", true, expect!["ok"]);
        check("aws-sdk:nothing:known", "1", true, expect!["ok"]);
    }

    #[test]
    fn every_shape_of_the_table_can_be_followed() {
        for service in TABLE.lines().filter_map(|line| line.strip_prefix('@')) {
            let shapes = Shapes::of(service).unwrap();
            for line in &shapes.actions {
                let (action, _) = line.split_once('=').unwrap();
                assert!(
                    shapes.response(action).is_some_and(|shape| shape.starts_with('{')),
                    "{service} {line}"
                );
            }
            for shape in &shapes.shapes {
                for number in shape.split('#').skip(1) {
                    let number = number.split(' ').next().unwrap();
                    assert!(number.parse::<usize>().unwrap() < shapes.shapes.len(), "{service} {shape}");
                }
            }
        }
    }
}
