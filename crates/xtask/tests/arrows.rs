//! The crates depend on each other only as the arrow table of `ARCHITECTURE.md` allows.
//!
//! The table is the only copy of the rule: this test reads it, and reads every `Cargo.toml`. Two
//! things are not in it. A dev-dependency may reach everything that the crate stands on, however
//! far down, because a test wires up what the program wires up elsewhere; never what stands on the
//! crate. And `xtask` depends on nothing at all, so that it builds on a fresh machine in a moment.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// What a crate may depend on.
#[derive(Debug, Clone, PartialEq)]
enum Allowed {
    Anything,
    These(BTreeSet<String>),
}

/// What a manifest names, by folder name (`engine`, not `stepwell-engine`).
#[derive(Debug, Default)]
struct Manifest {
    dependencies: BTreeSet<String>,
    dev_dependencies: BTreeSet<String>,
    foreign: BTreeSet<String>,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_path_buf()
}

/// The rows of `| crate | may depend on |`, a name in the first column each.
fn table(text: &str) -> BTreeMap<String, Allowed> {
    let (_, section) =
        text.split_once("\n## The arrow table\n").expect("ARCHITECTURE.md has the arrow table");
    let section = section.split("\n## ").next().unwrap();
    let mut rows = BTreeMap::new();
    for line in section.lines().filter(|line| line.starts_with('|')) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [names, allowed] = cells[..] else { panic!("a row of the arrow table has two cells: {line}") };
        if names == "crate" || names.starts_with("--") {
            continue;
        }
        // `policy (and model)` would hide a rule from us, so that only these two remarks are known.
        let allowed = match allowed {
            "anything (wiring only)" => Allowed::Anything,
            "nothing of ours" => Allowed::These(BTreeSet::new()),
            list => Allowed::These(words(list)),
        };
        for name in words(names) {
            assert!(rows.insert(name.clone(), allowed.clone()).is_none(), "{name} stands in two rows");
        }
    }
    rows
}

fn words(list: &str) -> BTreeSet<String> {
    list.split(',').map(|word| word.trim().trim_matches('`').to_owned()).collect()
}

/// The row of a crate: its own, or the one of its kind (`store-*`).
fn allowed<'a>(rows: &'a BTreeMap<String, Allowed>, name: &str) -> Option<&'a Allowed> {
    let kind = |row: &&String| row.strip_suffix('*').is_some_and(|prefix| name.starts_with(prefix));
    rows.get(name).or_else(|| rows.keys().find(kind).map(|row| &rows[row]))
}

/// Everything below a crate, by the table.
fn below(rows: &BTreeMap<String, Allowed>, name: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open = vec![name.to_owned()];
    while let Some(name) = open.pop() {
        if let Some(Allowed::These(names)) = allowed(rows, &name) {
            open.extend(names.iter().filter(|name| found.insert((*name).clone())).cloned());
        }
    }
    found
}

/// Reads the dependency sections of a manifest. Ours are written one to a line, which the last
/// assertion of `every_manifest_keeps_to_the_table` relies on: nothing is skipped in silence.
fn manifest(text: &str) -> Manifest {
    let mut found = Manifest::default();
    let mut section = String::new();
    for line in text.lines().map(str::trim) {
        if let Some(header) = line.strip_prefix('[') {
            section = header.trim_end_matches(']').to_owned();
            continue;
        }
        if !section.ends_with("dependencies") || line.is_empty() || line.starts_with('#') {
            assert!(!section.contains("dependencies."), "write a dependency on one line: [{section}]");
            continue;
        }
        let name = line.split(['.', '=', ' ']).next().unwrap().trim_matches('"');
        let Some(ours) = name.strip_prefix("stepwell-") else {
            found.foreign.insert(name.to_owned());
            continue;
        };
        let into = if section.ends_with("dev-dependencies") {
            &mut found.dev_dependencies
        } else {
            &mut found.dependencies
        };
        into.insert(ours.to_owned());
    }
    found
}

fn manifests() -> BTreeMap<String, Manifest> {
    let entries = std::fs::read_dir(root().join("crates")).unwrap();
    let folders = entries.map(|entry| entry.unwrap().path()).filter(|path| path.join("Cargo.toml").exists());
    folders
        .map(|folder| {
            let text = std::fs::read_to_string(folder.join("Cargo.toml")).unwrap();
            (folder.file_name().unwrap().to_str().unwrap().to_owned(), manifest(&text))
        })
        .collect()
}

/// What the manifests do and the table does not allow.
fn forbidden(rows: &BTreeMap<String, Allowed>, manifests: &BTreeMap<String, Manifest>) -> Vec<String> {
    let mut complaints = Vec::new();
    for (name, manifest) in manifests {
        let Some(allowed) = allowed(rows, name) else {
            complaints.push(format!("{name} is not in the arrow table"));
            continue;
        };
        let Allowed::These(direct) = allowed else { continue };
        let below = below(rows, name);
        let wrong = manifest.dependencies.difference(direct).map(|other| format!("{name} -> {other}"));
        complaints.extend(wrong);
        let wrong =
            manifest.dev_dependencies.iter().filter(|other| !below.contains(*other) && *other != name);
        complaints.extend(wrong.map(|other| format!("{name} -> {other} (in tests)")));
    }
    complaints
}

#[test]
fn every_manifest_keeps_to_the_table() {
    let rows = table(&std::fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap());
    let manifests = manifests();
    assert_eq!(forbidden(&rows, &manifests), Vec::<String>::new());
    assert!(manifests["engine"].dependencies.contains("store"), "the manifests were read");
}

#[test]
fn xtask_depends_on_nothing() {
    let xtask = &manifests()["xtask"];
    assert!(xtask.foreign.is_empty() && xtask.dependencies.is_empty() && xtask.dev_dependencies.is_empty());
}

#[test]
fn a_forbidden_arrow_is_found() {
    let rows = table(
        "\n## The arrow table\n\n| crate | may depend on |\n|---|---|\n| value, xtask | nothing of ours |\n\
         | engine | value |\n| api | engine |\n| store-* | value |\n| stepwell | anything (wiring only) |\n",
    );
    let check = |name: &str, text: &str| {
        forbidden(&rows, &BTreeMap::from([(name.to_owned(), manifest(text))])).join(", ")
    };
    assert_eq!(check("engine", "[dependencies]\nstepwell-value.workspace = true\ntokio = \"1\""), "");
    assert_eq!(check("engine", "[dependencies]\nstepwell-api = { path = \"../api\" }"), "engine -> api");
    assert_eq!(check("value", "[build-dependencies]\nstepwell-engine.workspace = true"), "value -> engine");
    assert_eq!(check("api", "[dependencies]\nstepwell-value.workspace = true"), "api -> value");
    assert_eq!(check("api", "[dev-dependencies]\nstepwell-value.workspace = true"), "");
    assert_eq!(
        check("engine", "[dev-dependencies]\nstepwell-api.workspace = true"),
        "engine -> api (in tests)"
    );
    assert_eq!(
        check("store-sqlite", "[dependencies]\nstepwell-engine.workspace = true"),
        "store-sqlite -> engine"
    );
    assert_eq!(check("novelty", "[dependencies]\n"), "novelty is not in the arrow table");
    assert_eq!(check("stepwell", "[dependencies]\nstepwell-api.workspace = true"), "");
    let target = "[target.'cfg(unix)'.dependencies]\nstepwell-api.workspace = true";
    assert_eq!(check("engine", target), "engine -> api");
}
