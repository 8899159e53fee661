//! `stepwell run`: one execution from start to end, told as it goes.
//!
//! Without `--endpoint` the execution lives in a temporary server in this process, with its journal
//! in memory; with it, in a server that is running already, where the state machine is created for
//! the occasion and deleted afterwards. Both are driven by the same calls of the public API.
//!
//! Progress goes to stderr: a line for each state entered and left and for each failure on the way,
//! or with `--json` an object for each history event. The output goes to stdout, or with `--json`
//! an object `{"executionArn", "status", "output"}`, with `error` and `cause` if it did not succeed.

mod progress;
mod venue;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use stepwell_model::is_name;
use stepwell_value::{Payload, Value};

use crate::cli;
use crate::client::Client;
use crate::complaint::{Complaint, Exit, quoted};
use crate::source::Source;
use crate::validate;
use crate::wiring;
use progress::Progress;
use venue::Venue;

/// The first pause between two looks at the history; it doubles while nothing happens.
const PAUSE_MIN: Duration = Duration::from_millis(2);

/// The longest pause between two looks at the history.
const PAUSE_MAX: Duration = Duration::from_millis(100);

/// Runs one execution and tells how it ended.
///
/// # Errors
///
/// A [`Complaint`] about the definition, the input or the functions (usage), or about an execution
/// that did not succeed (failure).
pub fn run(command: &cli::Run) -> Result<Exit, Complaint> {
    let definition = read_definition(command)?;
    let input = read_input(&command.input)?;
    if let Some(name) = command.name.as_deref().filter(|name| !is_name(name)) {
        return Err(Complaint::usage("not a name for an execution", quoted(name)).hint(
            "1 to 80 characters without blanks, brackets, wildcards or any of \" # % \\ ^ | ~ ` $ & , ; : /",
        ));
    }
    let start = Start { machine_name: machine_name(command), definition, input, name: command.name.clone() };

    let runtime = wiring::runtime()?;
    runtime.block_on(async {
        let venue = match &command.endpoint {
            Some(url) => Venue::Remote(Client::new(url)?),
            None => Venue::temporary(command)?,
        };
        let result = perform(&venue, &start, command.json).await;
        venue.close().await;
        result
    })
}

/// What is to be started.
struct Start {
    machine_name: String,
    definition: String,
    input: Payload,
    name: Option<String>,
}

/// The definition, once nothing is wrong with it; what is wrong goes to stderr.
fn read_definition(command: &cli::Run) -> Result<String, Complaint> {
    let file = &command.file;
    let source = Source::read(file)?;
    let findings = source.findings();
    for finding in &findings {
        match command.json {
            true => eprintln!("{}", validate::json(file, finding)),
            false => eprint!("{}", validate::lines(file, finding)),
        }
    }
    if findings.iter().any(|finding| finding.diagnostic.is_error()) {
        return Err(Complaint::usage("the definition has errors", file.display().to_string()));
    }
    Ok(source.definition)
}

/// The input: JSON as it was typed, or the content of a file.
fn read_input(input: &str) -> Result<Payload, Complaint> {
    let (text, subject) = match input.strip_prefix('@') {
        Some(file) => {
            let text = std::fs::read_to_string(file)
                .map_err(|error| Complaint::usage("cannot read the input", format!("{file}: {error}")))?;
            (text, format!("{file}: "))
        }
        None => (input.to_owned(), String::new()),
    };
    Payload::parse(text).map_err(|error| {
        Complaint::usage("the input is not JSON", format!("{subject}{error}"))
            .hint("give JSON such as '{\"order\": 7}', or @FILE")
    })
}

/// The name for the state machine: that of the file, with what AWS does not allow taken out, and
/// in a server of others with something that makes it nobody else's.
fn machine_name(command: &cli::Run) -> String {
    /// So much that the addition still fits into 80 characters.
    const STEM_CHARACTERS_MAX: usize = 50;
    let stem = command.file.file_name().unwrap_or_default().to_string_lossy();
    let stem: String = stem
        .split('.')
        .next()
        .unwrap_or_default()
        .chars()
        .map(|character| if is_name(character.encode_utf8(&mut [0; 4])) { character } else { '-' })
        .take(STEM_CHARACTERS_MAX)
        .collect();
    let stem = if stem.is_empty() { "run".to_owned() } else { stem };
    match command.endpoint {
        None => stem,
        Some(_) => {
            let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            format!("{stem}-{:x}-{:x}", since_epoch.as_millis(), std::process::id())
        }
    }
}

async fn perform(venue: &Venue, start: &Start, as_json: bool) -> Result<Exit, Complaint> {
    let created = venue
        .call(
            "CreateStateMachine",
            Value::object([
                ("name", Value::from(start.machine_name.as_str())),
                ("definition", Value::from(start.definition.as_str())),
                ("roleArn", Value::from("arn:aws:iam::000000000000:role/stepwell-run")),
            ]),
        )
        .await?;
    let machine_arn = member(&created, "stateMachineArn");
    let result = execute(venue, start, &machine_arn, as_json).await;
    if matches!(venue, Venue::Remote(_)) {
        let machine = Value::object([("stateMachineArn", Value::from(machine_arn))]);
        venue.call("DeleteStateMachine", machine).await?;
    }
    result
}

async fn execute(venue: &Venue, start: &Start, machine_arn: &str, as_json: bool) -> Result<Exit, Complaint> {
    let mut parameters =
        vec![("stateMachineArn", Value::from(machine_arn)), ("input", Value::from(start.input.text()))];
    if let Some(name) = &start.name {
        parameters.push(("name", Value::from(name.as_str())));
    }
    let started = venue.call("StartExecution", Value::object(parameters)).await?;
    let arn = member(&started, "executionArn");

    follow(venue, &arn, as_json).await?;
    let ended = venue.call("DescribeExecution", Value::object([("executionArn", Value::from(arn))])).await?;
    tell_end(&ended, as_json)
}

/// Tells the progress of an execution until it has ended. An interrupt stops the execution first,
/// so that it ends as any other does.
async fn follow(venue: &Venue, arn: &str, as_json: bool) -> Result<(), Complaint> {
    let mut progress = Progress::new(arn, as_json);
    let mut interrupt = Box::pin(tokio::signal::ctrl_c());
    let mut is_stopped = false;
    let mut pause = PAUSE_MIN;
    loop {
        let told = progress.tell_new(venue).await?;
        if progress.has_ended() {
            return Ok(());
        }
        pause = if told > 0 { PAUSE_MIN } else { (pause * 2).min(PAUSE_MAX) };
        tokio::select! {
            () = tokio::time::sleep(pause) => (),
            _ = &mut interrupt, if !is_stopped => {
                is_stopped = true;
                let stop = Value::object([
                    ("executionArn", Value::from(arn)),
                    ("error", Value::from("Stepwell.Interrupted")),
                    ("cause", Value::from("stepwell run was interrupted")),
                ]);
                venue.call("StopExecution", stop).await?;
            }
        }
    }
}

/// Tells how the execution ended, from what DescribeExecution says.
fn tell_end(ended: &Value, as_json: bool) -> Result<Exit, Complaint> {
    let status = member(ended, "status");
    if as_json {
        let keys = ["executionArn", "status", "output", "error", "cause"];
        let told = keys.into_iter().filter_map(|key| Some((key, ended.get(key)?.clone())));
        println!("{}", Value::object(told));
    }
    if status == "SUCCEEDED" {
        if !as_json {
            println!("{}", member(ended, "output"));
        }
        return Ok(Exit::Success);
    }
    let what = match status.as_str() {
        "TIMED_OUT" => "the execution timed out",
        "ABORTED" => "the execution was aborted",
        _ => "the execution failed",
    };
    let why = [member(ended, "error"), member(ended, "cause")];
    let why: Vec<String> = why.into_iter().filter(|part| !part.is_empty()).collect();
    Err(Complaint::new(Exit::Failure, what, why.join(": ")))
}

/// The text of a member, empty if there is none.
fn member(value: &Value, key: &str) -> String {
    value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(file: &str, endpoint: Option<&str>) -> cli::Run {
        cli::Run {
            file: file.into(),
            input: "{}".into(),
            name: None,
            functions: None,
            json: false,
            endpoint: endpoint.map(str::to_owned),
        }
    }

    #[test]
    fn the_machine_is_named_after_the_file() {
        assert_eq!(machine_name(&command("some/order-fulfilment.asl.json", None)), "order-fulfilment");
        assert_eq!(machine_name(&command("a b$c.json", None)), "a-b-c");
        assert_eq!(machine_name(&command(".json", None)), "run");
        let elsewhere = machine_name(&command(&"long".repeat(30), Some("http://localhost")));
        assert!(elsewhere.starts_with("longlong") && is_name(&elsewhere), "{elsewhere}");
    }

    #[test]
    fn an_input_is_json_or_the_name_of_a_file() {
        assert_eq!(read_input(" {\"a\": 1}").unwrap().text(), " {\"a\": 1}");
        assert_eq!(
            read_input("{a: 1}").unwrap_err().line(),
            "error: the input is not JSON: expected a key in double quotes, found 'a' at line 1, column 2. \
             hint: give JSON such as '{\"order\": 7}', or @FILE."
        );
        assert!(
            read_input("@no/such/file")
                .unwrap_err()
                .line()
                .starts_with("error: cannot read the input: no/such/file: ")
        );
    }

    #[test]
    fn an_execution_that_did_not_succeed_says_why() {
        let check = |text: &str| tell_end(&Value::parse(text).unwrap(), false).unwrap_err().line();
        assert_eq!(
            check(r#"{"status":"FAILED","error":"States.Timeout","cause":"too slow"}"#),
            "error: the execution failed: States.Timeout: too slow."
        );
        assert_eq!(check(r#"{"status":"ABORTED"}"#), "error: the execution was aborted.");
        assert_eq!(check(r#"{"status":"TIMED_OUT"}"#), "error: the execution timed out.");
    }
}
