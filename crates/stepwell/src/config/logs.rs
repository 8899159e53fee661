//! The `[logs]` table of the configuration file: how execution logs are kept.

use std::time::Duration;

use stepwell_execution_logs::Rotation;

use super::nearest::nearest;
use crate::complaint::Complaint;

/// How execution logs are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Logs {
    /// When files begin and how many are kept, for each log group.
    pub rotation: Rotation,
    /// How many bytes may wait to be written; what comes on top is dropped.
    pub queue_bytes_max: usize,
}

impl Default for Logs {
    fn default() -> Logs {
        Logs { rotation: Rotation::default(), queue_bytes_max: 64 * 1024 * 1024 }
    }
}

/// A setting: its key, and where its value goes.
struct Key {
    name: &'static str,
    set: fn(&mut Logs, u64),
}

/// Every setting, in the order of the documentation.
const KEYS: [Key; 4] = [
    Key { name: "file_bytes_max", set: |logs, value| logs.rotation.file_bytes_max = value },
    Key {
        name: "file_seconds_max",
        set: |logs, value| logs.rotation.file_age_max = Duration::from_secs(value),
    },
    Key { name: "files_max", set: |logs, value| logs.rotation.files_max = value },
    Key {
        name: "queue_bytes_max",
        set: |logs, value| logs.queue_bytes_max = usize::try_from(value).unwrap_or(usize::MAX),
    },
];

/// The defaults with the settings of `table` in their place.
///
/// # Errors
///
/// A [`Complaint`] about a key that is no setting, or a value that is no whole number above zero.
/// `file` is named in it.
pub fn read(table: &toml::Table, file: &str) -> Result<Logs, Complaint> {
    let mut logs = Logs::default();
    for (name, value) in table {
        let Some(key) = KEYS.iter().find(|key| key.name == name) else {
            let known = nearest(name, KEYS.iter().map(|key| key.name)).expect("there are settings");
            return Err(Complaint::usage("unknown configuration key", format!("{file}: logs.{name}"))
                .hint(format!("did you mean logs.{known}?")));
        };
        let number =
            value.as_integer().and_then(|number| u64::try_from(number).ok()).filter(|&number| number > 0);
        let Some(number) = number else {
            return Err(Complaint::usage("not a setting for logs", format!("{file}: logs.{name} = {value}"))
                .hint("a whole number above zero"));
        };
        (key.set)(&mut logs, number);
    }
    Ok(logs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<Logs, String> {
        read(&text.parse().unwrap(), "s.toml").map_err(|complaint| complaint.line())
    }

    #[test]
    fn each_key_sets_a_value_of_its_own_and_leaves_the_others() {
        assert_eq!(check(""), Ok(Logs::default()));
        for key in &KEYS {
            let logs = check(&format!("{} = 7", key.name)).unwrap();
            assert_ne!(logs, Logs::default(), "{}", key.name);
            for other in KEYS.iter().filter(|other| other.name != key.name) {
                assert_ne!(logs, check(&format!("{} = 7", other.name)).unwrap());
            }
        }
    }

    #[test]
    fn what_is_no_setting_is_refused() {
        assert_eq!(
            check("files = 1").unwrap_err(),
            "error: unknown configuration key: s.toml: logs.files. hint: did you mean logs.files_max?"
        );
        for value in ["0", "-1", "1.5", "\"1\""] {
            let line = check(&format!("files_max = {value}")).unwrap_err();
            assert!(line.starts_with("error: not a setting for logs: s.toml: logs.files_max = "), "{line}");
        }
    }
}
