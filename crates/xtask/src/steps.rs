//! The commands that more than one xtask command uses.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{cargo, root};

/// The program as cargo built it in this profile (`debug` or `release`).
pub fn binary(profile: &str) -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    root().join(target).join(profile).join("stepwell")
}

/// The AWS SDK for JavaScript as its lockfile says, into `conformance/js/node_modules`.
pub fn javascript_client() -> Command {
    let mut command = Command::new("npm");
    command.args(["ci", "--no-audit", "--no-fund", "--loglevel", "error"]);
    command.current_dir(root().join("conformance/js"));
    command
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

/// What the tests in Python have in common. The credentials and endpoints of whoever runs the
/// tests must not reach them.
fn tester(python: &Path) -> Command {
    let mut command = Command::new(python);
    command.current_dir(root().join("conformance")).env("STEPWELL_BINARY", binary("debug"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("AWS_")) {
        command.env_remove(name);
    }
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    command
}
