//! The `[limits]` table of the configuration file.

use stepwell_model::Limits;

use super::nearest::nearest;
use crate::complaint::Complaint;

/// A limit: its key, and where its value goes.
struct Key {
    name: &'static str,
    set: fn(&mut Limits, u64),
}

/// Every limit that can be configured, in the order of the documentation.
const KEYS: &[Key] = &[
    Key { name: "payload_bytes_max", set: |limits, value| limits.payload_bytes_max = size(value) },
    Key { name: "history_events_max", set: |limits, value| limits.history_events_max = value },
    Key { name: "definition_bytes_max", set: |limits, value| limits.definition_bytes_max = size(value) },
    Key { name: "execution_seconds_max", set: |limits, value| limits.execution_seconds_max = value },
    Key { name: "express_seconds_max", set: |limits, value| limits.express_seconds_max = value },
    Key { name: "variables_bytes_max", set: |limits, value| limits.variables_bytes_max = size(value) },
    Key { name: "redrive_seconds_max", set: |limits, value| limits.redrive_seconds_max = value },
    Key { name: "retention_seconds", set: |limits, value| limits.retention_seconds = value },
    Key { name: "waiting_calls_max", set: |limits, value| limits.waiting_calls_max = size(value) },
];

/// A size in bytes; one that this machine cannot count is as good as its largest.
fn size(value: u64) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

/// AWS's limits with those of `table` in their place.
///
/// # Errors
///
/// A [`Complaint`] about a key that is no limit, or a value that is no whole number above zero.
/// `file` is named in it.
pub fn read(table: &toml::Table, file: &str) -> Result<Limits, Complaint> {
    let mut limits = Limits::default();
    for (name, value) in table {
        let Some(key) = KEYS.iter().find(|key| key.name == name) else {
            let known = nearest(name, KEYS.iter().map(|key| key.name)).expect("there are limits");
            return Err(Complaint::usage("unknown configuration key", format!("{file}: limits.{name}"))
                .hint(format!("did you mean limits.{known}?")));
        };
        let number =
            value.as_integer().and_then(|number| u64::try_from(number).ok()).filter(|&number| number > 0);
        let Some(number) = number else {
            return Err(Complaint::usage("not a limit", format!("{file}: limits.{name} = {value}"))
                .hint("a limit is a whole number above zero"));
        };
        (key.set)(&mut limits, number);
    }
    Ok(limits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<Limits, String> {
        read(&text.parse().unwrap(), "s.toml").map_err(|complaint| complaint.line())
    }

    #[test]
    fn a_limit_that_is_not_given_is_that_of_aws() {
        assert_eq!(check(""), Ok(Limits::default()));
        let limits = check("payload_bytes_max = 1024\nhistory_events_max = 50").unwrap();
        assert_eq!(limits, Limits { payload_bytes_max: 1024, history_events_max: 50, ..Limits::default() });
    }

    #[test]
    fn each_key_sets_a_limit_of_its_own() {
        for key in KEYS {
            let limits = check(&format!("{} = 7", key.name)).unwrap();
            assert_ne!(limits, Limits::default(), "{}", key.name);
            for other in KEYS.iter().filter(|other| other.name != key.name) {
                assert_ne!(limits, check(&format!("{} = 7", other.name)).unwrap());
            }
        }
    }

    #[test]
    fn what_is_no_limit_is_refused() {
        assert_eq!(
            check("payload_max = 1").unwrap_err(),
            "error: unknown configuration key: s.toml: limits.payload_max. hint: did you mean limits.payload_bytes_max?"
        );
        for value in ["0", "-1", "1.5", "\"1\""] {
            let line = check(&format!("history_events_max = {value}")).unwrap_err();
            assert!(line.starts_with("error: not a limit: s.toml: limits.history_events_max = "), "{line}");
        }
    }
}
