//! The list of operations beside AWS's own model of the service, as `tools/api_model.py` wrote it down.

use std::collections::BTreeSet;

use stepwell_api::operations;

const MODEL: &str = include_str!("model.txt");

/// The operations of the model.
fn modelled() -> BTreeSet<&'static str> {
    MODEL
        .lines()
        .filter_map(|line| line.strip_prefix("operation "))
        .map(|rest| rest.split(' ').next().unwrap_or(rest))
        .collect()
}

#[test]
fn every_operation_is_one_of_the_model() {
    let modelled = modelled();
    assert_eq!(modelled.len(), 37);
    let mut seen = BTreeSet::new();
    for operation in operations::ALL {
        assert!(modelled.contains(operation.name), "{} is not in the model", operation.name);
        assert!(seen.insert(operation.name), "{} is listed twice", operation.name);
    }
}

#[test]
fn every_line_of_the_table_has_its_form() {
    for line in MODEL.lines().skip(1) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let is_known = match (line.starts_with("  "), &words[..]) {
            (false, ["operation", _]) | (false, ["operation", _, "at", "sync-"]) | (true, ["error", _]) => {
                true
            }
            (true, ["in" | "out", _, kind, ..]) => {
                ["string", "integer", "long", "float", "boolean", "timestamp", "structure", "list", "map"]
                    .contains(kind)
            }
            _ => false,
        };
        assert!(is_known, "{line}");
    }
}
