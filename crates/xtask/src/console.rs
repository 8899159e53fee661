//! `cargo xtask console`: the web console, built by Node into `console/dist`, which the binary embeds.
//!
//! Its packages are installed when its lockfile has changed, and it is built when one of its sources
//! has. What both were made from is kept in `.stepwell/console/`. So cargo, which embeds
//! `console/dist`, compiles nothing anew where nothing is new.
//!
//! Node is needed for nothing else in the server: without it there is no console, and all else works.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{must, python, root, steps};

/// What lies in `console/` and is not part of what the console is built from.
const NO_SOURCES: &[&str] = &["node_modules", "dist", "journeys"];

/// Where Debian's package puts the browser of the journeys.
const CHROMIUM: &str = "/usr/bin/chromium";

/// The command: `--check` has its types and its unit tests checked before.
///
/// # Errors
///
/// A sentence, if it cannot be built here.
pub fn console(arguments: &[String]) -> Result<(), String> {
    let check = match arguments {
        [] => false,
        [flag] if flag == "--check" => true,
        _ => return Err("this command takes --check or nothing".into()),
    };
    if !is_here() {
        return Err("there is no folder console/".into());
    }
    if let Some(why) = without_node() {
        return Err(why.into());
    }
    install()?;
    if check {
        must(&mut npm(&["run", "--silent", "check"]))?;
    }
    build()
}

/// Builds the console if that is possible here, and says so if it is not: whoever wants the server gets it.
pub fn build_if_possible() {
    let why = match without_node() {
        _ if !is_here() => "there is no folder console/".to_owned(),
        Some(why) => why.to_owned(),
        None => match install().and_then(|()| build()) {
            Ok(()) => return,
            Err(why) => why,
        },
    };
    eprintln!("the console is not built: {why}");
}

/// Whether the console is part of this checkout.
pub fn is_here() -> bool {
    folder().join("package.json").exists()
}

/// Why nothing can be built with Node here.
pub fn without_node() -> Option<&'static str> {
    let works = |program| python::succeeds(Command::new(program).arg("--version"));
    let why = "Node is not installed. hint: install nodejs 20 or newer, and npm";
    (!works("node") || !works("npm")).then_some(why)
}

/// The browser of the journeys: `CHROMIUM`, or where Debian has it.
pub fn browser() -> Option<PathBuf> {
    let named = std::env::var_os("CHROMIUM").filter(|path| !path.is_empty()).map(PathBuf::from);
    Some(named.unwrap_or_else(|| CHROMIUM.into())).filter(|path| path.exists())
}

/// The journeys of people through the console of the debug build, in that browser.
pub fn journeys(browser: &Path) -> Command {
    let mut command = npm(&["run", "--silent", "journeys"]);
    steps::against_the_binary(&mut command);
    command.env("CHROMIUM", browser);
    command
}

fn install() -> Result<(), String> {
    let lockfile = folder().join("package-lock.json");
    let wanted = std::fs::read_to_string(&lockfile)
        .map_err(|error| format!("could not read {}: {error}", lockfile.display()))?;
    let stamp = stamp("installed-from.json");
    if folder().join("node_modules").exists() && was_made_from(&stamp, &wanted) {
        return Ok(());
    }
    eprintln!("installing the packages of the console");
    make(&stamp, &wanted, &mut npm(&["ci", "--no-audit", "--no-fund", "--loglevel", "error"]))
}

fn build() -> Result<(), String> {
    let wanted = fingerprint(&folder())?;
    let stamp = stamp("built-from.txt");
    if folder().join("dist/index.html").exists() && was_made_from(&stamp, &wanted) {
        return Ok(());
    }
    eprintln!("building the console");
    make(&stamp, &wanted, &mut npm(&["run", "--silent", "build"]))
}

/// Runs what makes something, and notes what it was made from once it is whole.
fn make(stamp: &Path, from: &str, command: &mut Command) -> Result<(), String> {
    let note = || -> std::io::Result<()> {
        std::fs::create_dir_all(stamp.parent().expect("a stamp lies in a folder"))?;
        std::fs::write(stamp, "")
    };
    note().map_err(|error| format!("could not write {}: {error}", stamp.display()))?;
    must(command)?;
    std::fs::write(stamp, from).map_err(|error| format!("could not write {}: {error}", stamp.display()))
}

fn was_made_from(stamp: &Path, wanted: &str) -> bool {
    std::fs::read_to_string(stamp).is_ok_and(|made_from| made_from == wanted)
}

fn stamp(name: &str) -> PathBuf {
    root().join(".stepwell/console").join(name)
}

fn folder() -> PathBuf {
    root().join("console")
}

fn npm(arguments: &[&str]) -> Command {
    let mut command = Command::new("npm");
    command.current_dir(folder()).args(arguments);
    command
}

/// Stands for the names and contents of all sources below a folder.
fn fingerprint(folder: &Path) -> Result<String, String> {
    let mut files = BTreeMap::new();
    let wrong = |error: std::io::Error| format!("could not read {}: {error}", folder.display());
    read_into(&mut files, folder).map_err(wrong)?;
    let mut hasher = DefaultHasher::new();
    for (path, bytes) in &files {
        (path.strip_prefix(folder).unwrap_or(path), bytes).hash(&mut hasher);
    }
    Ok(format!("{} files, {:016x}\n", files.len(), hasher.finish()))
}

fn read_into(files: &mut BTreeMap<PathBuf, Vec<u8>>, folder: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        if NO_SOURCES.iter().any(|skipped| name == *skipped) {
            continue;
        }
        if entry.file_type()?.is_dir() {
            read_into(files, &entry.path())?;
        } else {
            files.insert(entry.path(), std::fs::read(entry.path())?);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_built_or_installed_does_not_count_as_a_source_and_all_else_does() {
        let folder = std::env::temp_dir().join(format!("stepwell-xtask-{}", std::process::id()));
        let write = |name: &str, text: &str| {
            let path = folder.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
            fingerprint(&folder).unwrap()
        };
        let first = write("src/main.tsx", "one");
        assert_eq!(write("dist/index.html", "built"), first);
        assert_eq!(write("node_modules/react/index.js", "installed"), first);
        assert_eq!(write("src/main.tsx", "one"), first, "written anew, and no other");
        let changed = write("src/main.tsx", "two");
        assert_ne!(changed, first);
        assert_ne!(write("public/icon.svg", ""), changed);
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_making_that_fails_is_not_noted() {
        let folder = std::env::temp_dir().join(format!("stepwell-xtask-stamp-{}", std::process::id()));
        let stamp = folder.join("stamp.txt");
        assert!(!was_made_from(&stamp, "x"));
        make(&stamp, "x", &mut Command::new("true")).unwrap();
        assert!(was_made_from(&stamp, "x") && !was_made_from(&stamp, "y"));
        assert!(make(&stamp, "x", &mut Command::new("false")).is_err());
        assert!(!was_made_from(&stamp, "x"), "what was there before may be half gone");
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
