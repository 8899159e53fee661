//! The ground crates read no clock, no file, no environment, and start no thread.
//!
//! Clippy forbids it by the `clippy.toml` in each of their folders (`cargo xtask test` runs it with
//! warnings as errors). This test keeps those files in place and alike, and their lint switched on.

use std::path::{Path, PathBuf};

/// Every crate of the ground that there will be, and `lambda`, which is as pure; those without a folder
/// do not exist yet.
const GROUND: &[&str] = &["value", "model", "jsonpath", "jsonata", "asl", "policy", "sigv4", "lambda"];

/// What the files must forbid at least, whatever else they list.
const FORBIDDEN_AT_LEAST: &[&str] = &[
    "std::time::SystemTime::now",
    "std::time::Instant::now",
    "std::thread::spawn",
    "std::env::var",
    "std::fs::read",
    "std::fs::write",
    "std::process::Command::new",
    "std::net::TcpStream",
    "std::fs::File",
];

fn crates() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

fn ground() -> impl Iterator<Item = PathBuf> {
    GROUND.iter().map(|name| crates().join(name)).filter(|folder| folder.exists())
}

#[test]
fn every_ground_crate_has_the_same_list_of_what_is_forbidden() {
    let lists: Vec<(PathBuf, String)> = ground()
        .map(|folder| {
            let file = folder.join("clippy.toml");
            let text =
                std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            (file, text)
        })
        .collect();
    let (_, first) = lists.first().expect("there are ground crates");
    for (file, text) in &lists {
        assert_eq!(text, first, "{} differs from the others", file.display());
    }
    for path in FORBIDDEN_AT_LEAST {
        assert!(first.contains(&format!("path = \"{path}\"")), "{path} is not forbidden");
    }
}

#[test]
fn no_library_code_of_the_ground_switches_the_lint_off() {
    for folder in ground() {
        for file in sources(&folder.join("src")) {
            let text = std::fs::read_to_string(&file).unwrap();
            for lint in ["disallowed_methods", "disallowed_types"] {
                assert!(!text.contains(lint), "{} mentions {lint}", file.display());
            }
        }
    }
}

#[test]
fn no_ground_crate_depends_on_a_runtime() {
    for folder in ground() {
        let manifest = std::fs::read_to_string(folder.join("Cargo.toml")).unwrap();
        let (dependencies, _) = manifest.split_once("[dev-dependencies]").unwrap_or((&manifest, ""));
        for name in ["tokio", "hyper", "rusqlite", "libc", "getrandom", "rand", "tempfile"] {
            let depends = dependencies.lines().any(|line| line.split(['.', '=', ' ']).next() == Some(name));
            assert!(!depends, "{} depends on {name}", folder.display());
        }
    }
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            files.extend(sources(&entry));
        } else if entry.extension().is_some_and(|extension| extension == "rs") {
            files.push(entry);
        }
    }
    files
}
