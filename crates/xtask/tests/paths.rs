//! No file of the repository names a folder of somebody's machine.

use std::path::{Path, PathBuf};

/// The first folder of such paths. In pieces, because this file is read too.
const FIRST_FOLDERS: &[&str] = &["work", "root", "farm", "home", "Users", "tmp"];

/// What git ignores, and git itself.
const NOT_READ: &[&str] = &[".git", ".stepwell", ".venv", "target", "node_modules", "dist", "__pycache__"];

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap()) {
        let path = entry.path();
        let name = entry.file_name();
        if NOT_READ.iter().any(|skipped| name == *skipped) || name == "Cargo.lock" {
            continue;
        }
        if entry.file_type().unwrap().is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}

/// The machine paths in a text: `/FOLDER/`, not as part of a longer path or of an address.
fn machine_paths(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for folder in FIRST_FOLDERS {
        let pattern = format!("/{folder}/");
        for (at, _) in text.match_indices(&pattern) {
            let before = text[..at].chars().next_back();
            let inside = before.is_some_and(|one| one.is_ascii_alphanumeric() || "._-}>)*$~".contains(one));
            if !inside {
                found.push(text[at..].split_whitespace().next().unwrap_or(&pattern).to_owned());
            }
        }
    }
    found
}

#[test]
fn no_file_names_a_machine_path() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
    let mut complaints = Vec::new();
    for file in files(root) {
        // A file that is no text has no paths for people in it.
        let Ok(text) = std::fs::read_to_string(&file) else { continue };
        let name = file.strip_prefix(root).unwrap().display();
        complaints.extend(machine_paths(&text).iter().map(|path| format!("{name}: {path}")));
    }
    assert_eq!(complaints, Vec::<String>::new());
}

#[test]
fn a_machine_path_is_told_from_an_address_and_a_longer_path() {
    let (work, tmp) = ("work", "tmp");
    assert_eq!(machine_paths(&format!("see /{work}/main/x")), [format!("/{work}/main/x")]);
    assert_eq!(machine_paths(&format!("\"/{tmp}/x\"")), [format!("/{tmp}/x\"")]);
    assert!(machine_paths(&format!("https://example.com/{work}/x")).is_empty());
    assert!(machine_paths(&format!("target/{tmp}/x and ~/{work}/x")).is_empty());
}
