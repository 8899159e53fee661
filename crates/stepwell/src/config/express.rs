//! The `[express]` table of the configuration file: how much is kept of Express executions that ended.

use super::nearest::nearest;
use crate::complaint::Complaint;

/// How much is kept of Express executions that ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Express {
    /// How much memory they take, in bytes, roughly; 0 keeps none at all.
    pub recent_memory_bytes: usize,
    /// How much room their files take, in bytes; 0 keeps none on disk.
    pub recent_disk_bytes: u64,
}

impl Default for Express {
    fn default() -> Express {
        Express { recent_memory_bytes: 32 * 1024 * 1024, recent_disk_bytes: 256 * 1024 * 1024 }
    }
}

/// A setting: its key, and where its value goes.
struct Key {
    name: &'static str,
    set: fn(&mut Express, u64),
}

/// Every setting, in the order of the documentation.
const KEYS: [Key; 2] = [
    Key {
        name: "recent_memory_bytes",
        set: |express, value| express.recent_memory_bytes = usize::try_from(value).unwrap_or(usize::MAX),
    },
    Key { name: "recent_disk_bytes", set: |express, value| express.recent_disk_bytes = value },
];

/// The defaults with the settings of `table` in their place.
///
/// # Errors
///
/// A [`Complaint`] about a key that is no setting, or a value that is no whole number. `file` is named
/// in it.
pub fn read(table: &toml::Table, file: &str) -> Result<Express, Complaint> {
    let mut express = Express::default();
    for (name, value) in table {
        let Some(key) = KEYS.iter().find(|key| key.name == name) else {
            let known = nearest(name, KEYS.iter().map(|key| key.name)).expect("there are settings");
            return Err(Complaint::usage("unknown configuration key", format!("{file}: express.{name}"))
                .hint(format!("did you mean express.{known}?")));
        };
        let Some(number) = value.as_integer().and_then(|number| u64::try_from(number).ok()) else {
            return Err(Complaint::usage("not a size in bytes", format!("{file}: express.{name} = {value}"))
                .hint("a whole number; 0 keeps nothing"));
        };
        (key.set)(&mut express, number);
    }
    Ok(express)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<Express, String> {
        read(&text.parse().unwrap(), "s.toml").map_err(|complaint| complaint.line())
    }

    #[test]
    fn each_key_sets_a_value_of_its_own_and_leaves_the_other() {
        assert_eq!(check(""), Ok(Express::default()));
        let express = check("recent_memory_bytes = 0\nrecent_disk_bytes = 7").unwrap();
        assert_eq!(express, Express { recent_memory_bytes: 0, recent_disk_bytes: 7 });
        assert_eq!(check("recent_disk_bytes = 0").unwrap().recent_memory_bytes, 33_554_432);
        assert_eq!(check("recent_memory_bytes = 1").unwrap().recent_disk_bytes, 268_435_456);
    }

    #[test]
    fn what_is_no_setting_is_refused() {
        assert_eq!(
            check("recent_disk = 1").unwrap_err(),
            "error: unknown configuration key: s.toml: express.recent_disk. hint: did you mean express.recent_disk_bytes?"
        );
        for value in ["-1", "1.5", "\"1\""] {
            let line = check(&format!("recent_disk_bytes = {value}")).unwrap_err();
            assert!(
                line.starts_with("error: not a size in bytes: s.toml: express.recent_disk_bytes = "),
                "{line}"
            );
        }
    }
}
