//! The commands as a shell sees them: what they print, and with what they end.

use std::path::Path;
use std::process::{Command, Output};

/// What `stepwell` with these arguments does in `folder`.
fn stepwell(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_stepwell"))
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .output()
        .expect("the binary was built with this test")
}

fn code(output: &Output) -> i32 {
    output.status.code().expect("it ended by itself")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("it writes UTF-8")
}

/// A folder with a definition that is right (`good.asl.json`), and one that is not (`bad.asl.json`).
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let good = r#"{"StartAt": "Greet", "States": {
        "Greet": {"Type": "Pass", "Parameters": {"greeting.$": "States.Format('hello {}', $.name)"}, "Next": "Done"},
        "Done": {"Type": "Succeed"}}}"#;
    let bad =
        "{\n  \"StartAt\": \"Nowhere\",\n  \"States\": {\"Greet\": {\"Type\": \"Pass\", \"End\": true}}\n}\n";
    let fails =
        r#"{"StartAt": "No", "States": {"No": {"Type": "Fail", "Error": "Custom", "Cause": "because"}}}"#;
    std::fs::write(folder.path().join("good.asl.json"), good).unwrap();
    std::fs::write(folder.path().join("bad.asl.json"), bad).unwrap();
    std::fs::write(folder.path().join("fails.asl.json"), fails).unwrap();
    folder
}

#[test]
fn bad_usage_is_one_line_on_stderr_and_2() {
    let folder = folder();
    for arguments in [
        &["srve"][..],
        &[],
        &["serve", "--lissen", "x"],
        &["serve", "--listen", "nowhere"],
        &["serve", "--listen", "0.0.0.0:0"],
        &["serve", "--config", "missing.toml"],
        &["serve", "--functions", "missing.toml"],
        &["validate"],
        &["validate", "missing.json"],
        &["run", "missing.json"],
        &["run", "good.asl.json", "--input", "{"],
        &["run", "good.asl.json", "--name", "a b"],
        &["run", "good.asl.json", "--endpoint", "ftp://x"],
    ] {
        let output = stepwell(folder.path(), arguments);
        let stderr = text(&output.stderr);
        assert_eq!(code(&output), 2, "{arguments:?}: {stderr}");
        assert!(stderr.starts_with("error: ") && stderr.lines().count() == 1, "{arguments:?}: {stderr}");
        assert_eq!(text(&output.stdout), "", "{arguments:?}");
    }
}

#[test]
fn a_complaint_can_be_read_by_a_program() {
    let folder = folder();
    let output = stepwell(folder.path(), &["validate", "missing.json", "--json"]);
    assert_eq!(code(&output), 2);
    let told = stepwell_value::Value::parse(text(&output.stderr)).unwrap();
    assert_eq!(told.get("error").unwrap().as_str(), Some("cannot read the definition"));
    assert!(told.get("subject").unwrap().as_str().unwrap().starts_with("missing.json: "));
    assert!(told.get("hint").is_some());
}

#[test]
fn validate_tells_every_mistake_with_its_place() {
    let folder = folder();
    let good = stepwell(folder.path(), &["validate", "good.asl.json"]);
    assert_eq!((code(&good), text(&good.stdout)), (0, ""));

    let bad = stepwell(folder.path(), &["validate", "good.asl.json", "bad.asl.json"]);
    assert_eq!(code(&bad), 1);
    assert!(text(&bad.stdout).starts_with("bad.asl.json:2:3: error: "), "{}", text(&bad.stdout));
    assert!(text(&bad.stdout).contains("(/StartAt)"), "{}", text(&bad.stdout));

    let json = stepwell(folder.path(), &["validate", "--json", "bad.asl.json"]);
    assert_eq!(code(&json), 1);
    let findings = stepwell_value::Value::parse(text(&json.stdout)).unwrap();
    let first = &findings.as_array().unwrap()[0];
    assert_eq!(first.get("line").unwrap().as_i64(), Some(2));
    assert_eq!(first.get("pointer").unwrap().as_str(), Some("/StartAt"));
}

#[test]
fn a_definition_may_be_yaml_and_mistakes_have_their_places_there() {
    let folder = folder();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write(
        "good.asl.yaml",
        "# Greets.\nStartAt: Greet\nStates:\n  Greet:\n    Type: Pass\n    Parameters: {greeting.$: $.name}\n    End: true\n",
    );
    let run = stepwell(folder.path(), &["run", "good.asl.yaml", "--input", r#"{"name":"Ada"}"#]);
    assert_eq!((code(&run), text(&run.stdout)), (0, "{\"greeting\":\"Ada\"}\n"), "{}", text(&run.stderr));

    write("bad.asl.yml", "StartAt: A\nStates:\n  A: {Type: Wait, Seconds: -1, End: true}\n");
    let bad = stepwell(folder.path(), &["validate", "good.asl.yaml", "bad.asl.yml"]);
    assert_eq!(
        (code(&bad), text(&bad.stdout)),
        (1, "bad.asl.yml:3:19: error: Minimum value is 0 (/States/A/Seconds)\n")
    );

    write("broken.yaml", "StartAt: [A\n");
    let broken = stepwell(folder.path(), &["validate", "broken.yaml"]);
    assert_eq!(code(&broken), 2);
    assert!(text(&broken.stderr).contains("broken.yaml:2:1: "), "{}", text(&broken.stderr));
}

#[test]
fn run_prints_the_output_and_tells_the_way() {
    let folder = folder();
    let output = stepwell(folder.path(), &["run", "good.asl.json", "--input", r#"{"name":"Ada"}"#]);
    assert_eq!(code(&output), 0, "{}", text(&output.stderr));
    assert_eq!(text(&output.stdout), "{\"greeting\":\"hello Ada\"}\n");
    let stderr = text(&output.stderr);
    for told in
        ["entered Greet (Pass)", "exited  Greet (Pass)", "entered Done (Succeed)", "exited  Done (Succeed)"]
    {
        assert!(stderr.contains(told), "{told}: {stderr}");
    }
}

#[test]
fn run_reads_its_input_from_a_file_and_answers_in_json() {
    let folder = folder();
    std::fs::write(folder.path().join("input.json"), r#"{"name":"Bo"}"#).unwrap();
    let arguments = ["run", "good.asl.json", "--input", "@input.json", "--name", "first", "--json"];
    let output = stepwell(folder.path(), &arguments);
    assert_eq!(code(&output), 0, "{}", text(&output.stderr));
    assert_eq!(
        text(&output.stdout),
        "{\"executionArn\":\"arn:aws:states:us-east-1:000000000000:execution:good:first\",\
         \"status\":\"SUCCEEDED\",\"output\":\"{\\\"greeting\\\":\\\"hello Bo\\\"}\"}\n"
    );
    for line in text(&output.stderr).lines() {
        assert!(stepwell_value::Value::parse(line).is_ok(), "{line}");
    }
}

#[test]
fn run_says_why_an_execution_failed() {
    let folder = folder();
    let output = stepwell(folder.path(), &["run", "fails.asl.json"]);
    assert_eq!((code(&output), text(&output.stdout)), (1, ""));
    assert_eq!(text(&output.stderr).lines().last(), Some("error: the execution failed: Custom: because."));
}

#[test]
fn run_does_not_start_what_is_wrong() {
    let folder = folder();
    let output = stepwell(folder.path(), &["run", "bad.asl.json"]);
    assert_eq!((code(&output), text(&output.stdout)), (2, ""));
    let stderr = text(&output.stderr);
    assert!(stderr.starts_with("bad.asl.json:2:3: error: "), "{stderr}");
    assert!(stderr.lines().last().unwrap().starts_with("error: the definition has errors"), "{stderr}");
}

#[test]
fn run_tells_that_no_server_is_there() {
    let folder = folder();
    // A port of a listener that is gone again: nobody listens there.
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let output =
        stepwell(folder.path(), &["run", "good.asl.json", "--endpoint", &format!("http://{address}")]);
    assert_eq!(code(&output), 1);
    let stderr = text(&output.stderr);
    assert!(stderr.starts_with("error: cannot reach the server: http://127.0.0.1:"), "{stderr}");
}
