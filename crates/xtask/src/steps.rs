//! The commands that more than one xtask command uses.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{cargo, console, must, root};

/// The program as cargo built it in this profile (`debug` or `release`).
pub fn binary(profile: &str) -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    root().join(target).join(profile).join("stepwell")
}

/// The AWS SDK for JavaScript as its lockfile says, into `conformance/js/node_modules`.
///
/// # Errors
///
/// That Node is missing. The tests need it for this client and for handlers in JavaScript.
pub fn javascript_client() -> Result<Command, String> {
    if let Some(why) = console::without_node() {
        return Err(why.into());
    }
    let mut command = Command::new("npm");
    command.args(["ci", "--no-audit", "--no-fund", "--loglevel", "error"]);
    command.current_dir(root().join("conformance/js"));
    Ok(command)
}

/// The client that uses the AWS SDK for Rust: a workspace of its own, a minute on two cores.
pub fn rust_client() -> Command {
    let mut command = cargo();
    command.args(["build", "--quiet", "--locked", "--manifest-path", "conformance/rust/Cargo.toml"]);
    command
}

/// pytest over `conformance/`, against the debug build.
pub fn black_box(python: &Path) -> Command {
    let mut command = tester(python);
    command.args(["-m", "pytest", "--quiet"]);
    command
}

/// The crash test, against the debug build.
pub fn crash(python: &Path) -> Command {
    let mut command = tester(python);
    command.arg("crash/crash_test.py");
    command
}

/// Asks the crash test for losses of power with a server that does not flush.
pub const SKIP_FSYNC: &str = "--skip-fsync";

/// Asks it for a server whose engine breaks the promise that is named next.
pub const BREAK: &str = "--break";

/// The crash test, against a server that can be told to break promises.
pub fn sabotaged_crash(python: &Path) -> Command {
    let mut command = crash(python);
    command.env("STEPWELL_BINARY", sabotaged_binary());
    command
}

/// The fail points, against the build that has them.
pub fn fail_points(python: &Path) -> Command {
    let mut command = tester(python);
    command.arg("crash/fail_points.py").env("STEPWELL_BINARY", sabotaged_binary());
    command
}

/// The program with the feature `sabotage`, as [`sabotage`] left it: beside the usual one, so that no
/// test takes it for that.
pub fn sabotaged_binary() -> PathBuf {
    binary("debug").with_file_name("stepwell-sabotaged")
}

/// Builds the program with the feature `sabotage`, puts it aside, and the usual one back in its place.
///
/// # Errors
///
/// A sentence about what went wrong.
pub fn sabotage() -> Result<(), String> {
    let build = ["build", "--quiet", "--package", "stepwell"];
    must(cargo().args(build).args(["--features", "sabotage"]))?;
    let (from, to) = (binary("debug"), sabotaged_binary());
    let failed = |error| format!("could not copy {} to {}: {error}", from.display(), to.display());
    // What stands there may be running.
    if to.exists() {
        std::fs::remove_file(&to).map_err(failed)?;
    }
    std::fs::copy(&from, &to).map_err(failed)?;
    must(cargo().args(build))
}

/// What the tests in Python have in common.
fn tester(python: &Path) -> Command {
    let mut command = Command::new(python);
    command.current_dir(root().join("conformance"));
    against_the_binary(&mut command);
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

/// Lets tests find the debug build. The credentials and endpoints of whoever runs the tests must not
/// reach them.
pub fn against_the_binary(command: &mut Command) {
    command.env("STEPWELL_BINARY", binary("debug"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("AWS_")) {
        command.env_remove(name);
    }
}
