//! `cargo xtask run`: the server in the foreground with the example deployed.
//!
//! The process becomes the server (`exec`), so that Ctrl-C, SIGTERM and `kill -9` reach the server
//! itself and its exit code is ours. A helper that was started before waits until the server
//! listens, deploys the example through the public API, and prints what to try.

use std::net::TcpStream;
use std::os::unix::process::{CommandExt, parent_id};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::{cargo, console, must, python, root, steps};

/// The hidden command that is the helper.
pub const DEPLOY_WHEN_READY: &str = "deploy-when-ready";

const LISTEN_DEFAULT: &str = "127.0.0.1:8083";

/// How long the helper waits for the server, which may have much to recover.
const READY_SECONDS_MAX: u64 = 60;

/// Builds, starts the helper, and becomes the server.
///
/// # Errors
///
/// A sentence, if anything before the server failed.
pub fn run(arguments: &[String]) -> Result<(), String> {
    let release = arguments.iter().any(|argument| argument == "--release");
    let flags: Vec<&String> = arguments.iter().filter(|argument| *argument != "--release").collect();
    let listen =
        flags.windows(2).find(|pair| pair[0] == "--listen").map_or(LISTEN_DEFAULT, |pair| pair[1].as_str());
    if listen.ends_with(":0") {
        return Err(
            "this command needs a known port: --listen. hint: name one, such as 127.0.0.1:8084".into()
        );
    }

    let python = python::environment()?;
    console::build_if_possible();
    let mut build = cargo();
    build.args(["build", "--package", "stepwell"]);
    if release {
        build.arg("--release");
    }
    must(&mut build)?;
    if TcpStream::connect(listen).is_ok() {
        return Err(format!(
            "the address is in use: {listen}. hint: stop what listens there, or choose another with --listen"
        ));
    }

    let myself = std::env::current_exe().map_err(|error| format!("could not find this program: {error}"))?;
    Command::new(myself)
        .args([DEPLOY_WHEN_READY, listen])
        .arg(&python)
        .spawn()
        .map_err(|error| format!("could not start the helper: {error}"))?;

    let mut serve = Command::new(steps::binary(if release { "release" } else { "debug" }));
    serve.current_dir(root()).args(["serve", "--data", ".stepwell/data"]);
    serve.args(["--functions", "examples/order-fulfilment/functions.toml"]);
    let error = serve.args(flags).exec();
    Err(format!("could not start {}: {error}", serve.get_program().to_string_lossy()))
}

/// The helper: waits for the server at `LISTEN`, deploys with the interpreter `PYTHON`, tells what to try.
///
/// # Errors
///
/// A sentence, if the server did not come up or refused the example.
pub fn deploy_when_ready(arguments: &[String]) -> Result<(), String> {
    let [listen, python] = arguments else {
        return Err(format!("{DEPLOY_WHEN_READY} is used by `cargo xtask run` alone"));
    };
    let server = parent_id();
    let began = Instant::now();
    while TcpStream::connect(listen.as_str()).is_err() {
        // Once the server has ended, somebody else is our parent; the server has said why.
        if parent_id() != server {
            return Ok(());
        }
        if began.elapsed() > Duration::from_secs(READY_SECONDS_MAX) {
            return Err(format!("the server did not listen within {READY_SECONDS_MAX} s: {listen}"));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let endpoint = format!("http://{listen}");
    let deploy = root().join("examples/order-fulfilment/deploy.py");
    must(
        Command::new(python).arg(deploy).args(["--endpoint", &endpoint]).env("PYTHONDONTWRITEBYTECODE", "1"),
    )?;
    eprint!("{}", what_to_try(&endpoint, Path::new(python), server));
    Ok(())
}

fn what_to_try(endpoint: &str, python: &Path, server: u32) -> String {
    let python = python.strip_prefix(root()).unwrap_or(python).display().to_string();
    let aws = python.replace("bin/python", "bin/aws");
    let again = if endpoint.ends_with(LISTEN_DEFAULT) {
        "cargo xtask run".to_owned()
    } else {
        format!("cargo xtask run --listen {}", endpoint.trim_start_matches("http://"))
    };
    let machine = "arn:aws:states:us-east-1:000000000000:stateMachine:order-fulfilment";
    format!(
        "
Stepwell runs at {endpoint} with the example order-fulfilment. The console is at

  {endpoint}/console/

In other terminals, from the root of the repository:

  export AWS_ENDPOINT_URL_SFN={endpoint} AWS_DEFAULT_REGION=us-east-1 AWS_ACCESS_KEY_ID=any AWS_SECRET_ACCESS_KEY=any

  # Approves the large orders; leave it running.
  {python} examples/order-fulfilment/worker.py
  # Starts a hundred orders and watches them.
  {python} examples/order-fulfilment/start_orders.py
  # Looks at them with the AWS CLI.
  {aws} stepfunctions list-executions --max-items 5 --state-machine-arn {machine}
  {aws} stepfunctions get-execution-history --execution-arn ARN
  # In the middle of the orders: kill the server, start it again, and every order goes on and ends.
  kill -9 {server}
  {again}

Ctrl-C stops the server; its data stays in .stepwell/data.

"
    )
}
