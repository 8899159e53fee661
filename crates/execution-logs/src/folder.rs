//! The folder of a log group: `ACCOUNT/REGION/GROUP` below the folder of all logs.
//!
//! The names of log groups hold slashes and may begin with one, and what a configuration names may
//! be anything at all, so each part is written as one safe name:
//!
//! - letters, digits, `-`, `_`, and `.` but at the beginning, stand for themselves; any other byte is
//!   `%` and two hexadecimal digits, as in a URL: `/aws/states/orders` is `%2Faws%2Fstates%2Forders`;
//! - a name that holds capitals, is empty, or is longer than [`PLAIN_BYTES_MAX`] when written, is cut
//!   there and gets `~` and sixteen hexadecimal digits of its SHA-256. So two groups never share a
//!   folder, also where a file system does not tell capitals from small letters.

use std::path::PathBuf;

use sha2::{Digest, Sha256};

/// How long a part may be before it is cut, in bytes: with a hash it still is a name for a file.
const PLAIN_BYTES_MAX: usize = 200;

/// The folder of the log group of this ARN, below the folder of all logs. Total: what is no ARN of a
/// log group has a folder too.
pub(crate) fn of(log_group_arn: &str) -> PathBuf {
    match parts(log_group_arn) {
        Some((account, region, name)) => [part(account), part(region), part(name)].iter().collect(),
        // No part of an ARN is written as a tilde alone.
        None => ["~".to_owned(), "~".to_owned(), part(log_group_arn)].iter().collect(),
    }
}

/// Account, region and name out of `arn:PARTITION:logs:REGION:ACCOUNT:log-group:NAME:*`.
fn parts(arn: &str) -> Option<(&str, &str, &str)> {
    let mut parts = arn.strip_prefix("arn:")?.splitn(5, ':');
    let (_partition, service, region) = (parts.next()?, parts.next()?, parts.next()?);
    let (account, group) = (parts.next()?, parts.next()?.strip_prefix("log-group:")?);
    (service == "logs").then_some((account, region, group.strip_suffix(":*")?))
}

fn part(name: &str) -> String {
    let mut plain = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => plain.push(byte.into()),
            b'.' if !plain.is_empty() => plain.push('.'),
            _ => plain.push_str(&format!("%{byte:02X}")),
        }
    }
    let has_capitals = name.bytes().any(|byte| byte.is_ascii_uppercase());
    if !plain.is_empty() && !has_capitals && plain.len() <= PLAIN_BYTES_MAX {
        return plain;
    }
    // All of it is ASCII.
    plain.truncate(PLAIN_BYTES_MAX);
    plain.push('~');
    for byte in &Sha256::digest(name)[..8] {
        plain.push_str(&format!("{byte:02x}"));
    }
    plain
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::path::Component;

    use super::*;

    fn group(name: &str) -> String {
        of(&format!("arn:aws:logs:us-east-1:123456789012:log-group:{name}:*")).display().to_string()
    }

    #[test]
    fn a_plain_name_can_be_read_and_told() {
        assert_eq!(group("orders"), "123456789012/us-east-1/orders");
        assert_eq!(
            group("/aws/vendedlogs/states/orders"),
            "123456789012/us-east-1/%2Faws%2Fvendedlogs%2Fstates%2Forders"
        );
        assert_eq!(group("Orders"), format!("123456789012/us-east-1/Orders~{}", sha("Orders")));
    }

    fn sha(name: &str) -> String {
        Sha256::digest(name)[..8].iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn two_groups_never_share_a_folder_and_none_leaves_it() {
        let long = "a/".repeat(300);
        let longer = format!("{long}b");
        let names = [
            "a",
            "A",
            "/a",
            "a/",
            "a/b",
            "a.b",
            "a..b",
            ".",
            "..",
            "../a",
            "/../../etc",
            "%2Fa",
            "%2fa",
            "",
            "a\0b",
            "a\nb",
            "~",
            "a~",
            "\u{fc}",
            "%",
            "%25",
            ".a",
            "%2Ea",
            "a:b",
            "a\\b",
            &long,
            &longer,
        ];
        let mut seen = HashSet::new();
        for name in names {
            for arn in [
                format!("arn:aws:logs:r:1:log-group:{name}:*"),
                format!("arn:aws:logs:r:..:log-group:{name}:*"),
                format!("arn:aws:logs:/:1:log-group:{name}:*"),
                format!("arn:aws:logs::1:log-group:{name}:*"),
            ] {
                let folder = of(&arn);
                assert_eq!(folder.components().count(), 3, "{arn}: {folder:?}");
                for component in folder.components() {
                    let Component::Normal(part) = component else { panic!("{arn}: {folder:?}") };
                    let part = part.to_str().unwrap();
                    assert!(part.len() < 255 && !part.starts_with('.'), "{arn}: {folder:?}");
                    assert!(part.bytes().all(|byte| byte.is_ascii_graphic()), "{arn}: {folder:?}");
                }
                assert!(seen.insert(folder.display().to_string().to_lowercase()), "{arn}: {folder:?}");
            }
        }
        assert!(seen.insert(of("arn:aws:logs:::log-group:x:*").display().to_string()));
        for other in ["", "x", "../..", "arn:aws:logs:r:1:log-group:a", "arn:aws:s3:r:1:log-group:a:*"] {
            assert_eq!(of(other).components().count(), 3, "{other}");
            assert!(seen.insert(of(other).display().to_string().to_lowercase()), "{other}");
        }
    }
}
