//! The Python environment of the black-box tests and the example.
//!
//! It lies in `.stepwell/venv`, holds exactly what `conformance/requirements.txt` pins, and is made
//! again when that file changes.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::{must, root};

/// The interpreter of the environment, which is set up first if it is missing or old.
///
/// # Errors
///
/// A sentence that says what is missing on this machine and how to get it.
pub fn environment() -> Result<PathBuf, String> {
    let folder = root().join(".stepwell/venv");
    let interpreter = folder.join("bin/python");
    let requirements = root().join("conformance/requirements.txt");
    let wanted = std::fs::read_to_string(&requirements)
        .map_err(|error| format!("could not read {}: {error}", requirements.display()))?;
    // Written last, so an environment whose making was interrupted is made again.
    let stamp = folder.join("made-from.txt");
    if std::fs::read_to_string(&stamp).is_ok_and(|made_from| made_from == wanted)
        && succeeds(Command::new(&interpreter).args(["-c", "import boto3, pytest"]))
    {
        return Ok(interpreter);
    }
    eprintln!("setting up the Python environment in .stepwell/venv");
    require_python()?;
    let mut make = Command::new("python3");
    make.args(["-m", "venv", "--clear"]).arg(&folder);
    if !succeeds(Command::new("python3").args(["-c", "import venv, ensurepip"])) {
        install_venv_module()?;
    }
    must(&mut make)?;
    must(
        Command::new(&interpreter)
            .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"])
            .arg(&requirements),
    )?;
    std::fs::write(&stamp, wanted)
        .map_err(|error| format!("could not write {}: {error}", stamp.display()))?;
    Ok(interpreter)
}

fn require_python() -> Result<(), String> {
    if !succeeds(Command::new("python3").args(["-c", "import sys; sys.exit(sys.version_info < (3, 10))"])) {
        return Err("Python 3.10 or newer is needed. hint: install python3 and python3-venv".into());
    }
    Ok(())
}

/// Debian keeps the `venv` module in a package of its own.
fn install_venv_module() -> Result<(), String> {
    let root_user = Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n");
    if !root_user || !succeeds(Command::new("apt-get").arg("--version")) {
        return Err("the Python module venv is missing. hint: install the package python3-venv".into());
    }
    let install = || {
        let mut command = Command::new("apt-get");
        command
            .args(["install", "--yes", "--quiet", "python3-venv"])
            .env("DEBIAN_FRONTEND", "noninteractive");
        command
    };
    if must(&mut install()).is_ok() {
        return Ok(());
    }
    // The lists of packages of a fresh image are often empty.
    must(Command::new("apt-get").args(["update", "--quiet"]))?;
    must(&mut install())
}

/// Whether a command can be started and ends well; what it prints is of no interest.
pub fn succeeds(command: &mut Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}
