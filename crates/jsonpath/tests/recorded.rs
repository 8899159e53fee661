//! Replays what AWS answered to intrinsic functions and paths in `Pass` states.
//!
//! The recordings lie beside the repository (`shared/conformance`); where they are not, the test
//! counts them as skipped and says so.

#![expect(clippy::disallowed_methods, reason = "a test reads its data files")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use stepwell_jsonpath::{Scope, Template};
use stepwell_value::Value;

/// The areas of the recordings, and how many executions of each are comparable at least.
const AREAS: &[(&str, usize)] = &[("intrinsic_functions", 60), ("base", 7)];

fn cases(area: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/conformance").join(area);
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    files
}

/// The template of the first state, if the machine is one `Pass` state in JSONPath with one.
fn template(definition: &Value) -> Option<&Value> {
    let state = definition.get("States")?.get(definition.get("StartAt")?.as_str()?)?;
    let plain = state.get("Type")?.as_str() == Some("Pass") && state.get("QueryLanguage").is_none();
    if plain { state.get("Parameters") } else { None }
}

/// The outputs of the first states to exit, in the order of the executions.
fn outputs(case: &Value) -> Vec<&Value> {
    let mut outputs = Vec::new();
    for (_, answer) in case.get("expect").unwrap().as_object().unwrap().iter() {
        let events = answer.get("events").unwrap_or(answer);
        let Some(events) = events.as_array() else { continue };
        let mut details = events.iter().filter_map(|event| event.get("stateExitedEventDetails"));
        outputs.extend(details.next().and_then(|details| details.get("output")));
    }
    outputs
}

/// The recorder turned strings that begin with `{` and are JSON into objects; texts stay apart.
fn is_same(ours: &Value, recorded: &Value) -> bool {
    match (ours, recorded) {
        (_, Value::String(text)) if &**text == "RandomNumberGenerated" => ours.as_i64().is_some(),
        // The recorder writes for the name of the machine what it is called there.
        (Value::String(name), Value::String(text)) if &**text == "<ArnPart_0idx>" => &**name == "machine",
        (Value::Array(ours), Value::Array(recorded)) => {
            ours.len() == recorded.len() && ours.iter().zip(recorded.iter()).all(|(o, r)| is_same(o, r))
        }
        (Value::Object(ours), Value::Object(recorded)) => {
            ours.len() == recorded.len()
                && ours
                    .iter()
                    .all(|(key, ours)| recorded.get(key).is_some_and(|recorded| is_same(ours, recorded)))
        }
        (ours, recorded) => ours == recorded,
    }
}

#[test]
fn templates_give_what_aws_gave() {
    let mut compared: BTreeMap<&str, usize> = BTreeMap::new();
    for (area, least) in AREAS {
        let files = cases(area);
        if files.is_empty() {
            println!("skipped: the recordings of {area} are not here");
            continue;
        }
        for file in files {
            let case = Value::parse(&std::fs::read_to_string(&file).unwrap()).unwrap();
            let machines = case.get("state_machines").unwrap().as_array().unwrap();
            let Some(Value::String(definition)) =
                machines.first().and_then(|machine| machine.get("definition"))
            else {
                continue;
            };
            let definition = Value::parse(definition).unwrap();
            let Some(template) = template(&definition) else { continue };
            let template =
                Template::compile(template).unwrap_or_else(|errors| panic!("{file:?}: {errors:?}"));

            let executions = case.get("executions").unwrap().as_array().unwrap();
            let outputs = outputs(&case);
            assert_eq!(executions.len(), outputs.len(), "{file:?}: one output for each execution");
            for (execution, recorded) in executions.iter().zip(outputs) {
                let input = Value::parse(execution.get("input").unwrap().as_str().unwrap()).unwrap();
                let scope = Scope {
                    input: &input,
                    context: &|| Value::parse(r#"{"StateMachine":{"Name":"machine"}}"#).unwrap(),
                    variable: &|_| None,
                    random: &|| 7,
                };
                let ours = template.evaluate(&scope).unwrap_or_else(|error| panic!("{file:?}: {error}"));
                assert!(is_same(&ours, recorded), "{file:?}: {input}\n  ours {ours}\n   AWS {recorded}");
                *compared.entry(area).or_default() += 1;
            }
        }
        let compared = compared.get(area).copied().unwrap_or(0);
        println!("{area}: {compared} recorded executions compared");
        assert!(compared >= *least, "only {compared} executions of {area} compared");
    }
}

/// One recorded machine calls most functions in its `Assign`; `$` is its `Result` there.
#[test]
fn assigned_functions_give_what_aws_gave() {
    let wanted = |file: &PathBuf| file.to_string_lossy().contains("BASE_ASSIGN_FROM_INTRINSIC_FUNCTION");
    let Some(file) = cases("assign").into_iter().find(wanted) else {
        println!("skipped: the recordings of assign are not here");
        return;
    };
    let case = Value::parse(&std::fs::read_to_string(&file).unwrap()).unwrap();
    let machine = &case.get("state_machines").unwrap().as_array().unwrap()[0];
    let definition = Value::parse(machine.get("definition").unwrap().as_str().unwrap()).unwrap();
    let state = definition.get("States").unwrap().get("State0").unwrap();
    let events = case.get("expect").unwrap().get("get_execution_history").unwrap().get("events").unwrap();
    let mut exits =
        events.as_array().unwrap().iter().filter_map(|event| event.get("stateExitedEventDetails"));
    let recorded = exits.next().unwrap().get("assignedVariables").unwrap();

    let scope = Scope {
        input: state.get("Result").unwrap(),
        context: &|| Value::Null,
        variable: &|_| None,
        random: &|| 7,
    };
    let ours = Template::compile(state.get("Assign").unwrap()).unwrap().evaluate(&scope).unwrap();
    for (group, recorded) in recorded.as_object().unwrap().iter().filter(|(group, _)| &***group != "uuidOp") {
        assert!(is_same(ours.get(group).unwrap(), recorded), "{group}: ours {ours}\n  AWS {recorded}");
    }
    assert_eq!(ours.as_object().unwrap().len(), recorded.as_object().unwrap().len());
}
