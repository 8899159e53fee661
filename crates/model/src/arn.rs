//! Amazon Resource Names of Step Functions.

use std::fmt;

use crate::is_name;

/// An ARN of the service `states`, as pieces of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Arn<'a> {
    /// `aws`, `aws-cn`, ...
    pub partition: &'a str,
    /// Such as `us-east-1`.
    pub region: &'a str,
    /// Twelve digits.
    pub account: &'a str,
    /// What it names.
    pub resource: ArnResource<'a>,
}

/// What an ARN names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ArnResource<'a> {
    /// `stateMachine:NAME`, with a version or an alias behind it, or with the label of a
    /// distributed Map in it (`NAME/LABEL`).
    StateMachine {
        /// Its name.
        name: &'a str,
        /// The label of a distributed Map.
        label: Option<&'a str>,
        /// A version number or the name of an alias.
        qualifier: Option<&'a str>,
    },
    /// `execution:MACHINE:NAME`
    Execution {
        /// The name of the machine.
        machine: &'a str,
        /// The name of the execution.
        name: &'a str,
    },
    /// `express:MACHINE:NAME:ID`
    Express {
        /// The name of the machine.
        machine: &'a str,
        /// The name of the execution.
        name: &'a str,
        /// What tells two executions of one name apart.
        id: &'a str,
    },
    /// `activity:NAME`
    Activity {
        /// Its name.
        name: &'a str,
    },
    /// `mapRun:MACHINE/LABEL:ID`
    MapRun {
        /// The name of the machine.
        machine: &'a str,
        /// The label of the Map state.
        label: &'a str,
        /// Its id.
        id: &'a str,
    },
}

/// The text is no ARN of Step Functions.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArnError {
    /// It does not begin with `arn:`.
    #[error("Invalid ARN prefix: {0}")]
    Prefix(String),
    /// It begins so, but the rest does not fit.
    #[error("Resource type not valid in this context: {0}")]
    Resource(String),
}

impl<'a> Arn<'a> {
    /// Reads an ARN. The error's text is AWS's, as far as it is known.
    pub fn parse(text: &'a str) -> Result<Arn<'a>, ArnError> {
        let (mut from, mut count, mut pieces) = (0, 0, [""; 5]);
        for (at, byte) in text.bytes().enumerate() {
            if byte == b':' {
                pieces[count] = &text[from..at];
                (from, count) = (at + 1, count + 1);
                if count == pieces.len() {
                    break;
                }
            }
        }
        if count < pieces.len() {
            return Err(ArnError::Prefix(text.to_owned()));
        }
        let ([prefix, partition, service, region, account], rest) = (pieces, &text[from..]);
        if prefix != "arn" || partition.is_empty() || service != "states" {
            return Err(ArnError::Prefix(text.to_owned()));
        }
        let bad = || ArnError::Resource(rest.split(':').next().unwrap_or("").to_owned());
        let resource = ArnResource::parse(rest).ok_or_else(bad)?;
        Ok(Arn { partition, region, account, resource })
    }

    /// The ARN of something else in the same partition, region and account.
    pub fn sibling(&self, resource: ArnResource<'a>) -> Arn<'a> {
        Arn { resource, ..*self }
    }

    /// Its text.
    pub fn text(&self) -> String {
        let Arn { partition, region, account, resource } = *self;
        let [a, b, c, d, e, f] = match resource {
            ArnResource::StateMachine { name, label, qualifier } => {
                let before = |piece: Option<&str>, sign| if piece.is_some() { sign } else { "" };
                let (slash, colon) = (before(label, "/"), before(qualifier, ":"));
                ["stateMachine:", name, slash, label.unwrap_or(""), colon, qualifier.unwrap_or("")]
            }
            ArnResource::Execution { machine, name } => ["execution:", machine, ":", name, "", ""],
            ArnResource::Express { machine, name, id } => ["express:", machine, ":", name, ":", id],
            ArnResource::Activity { name } => ["activity:", name, "", "", "", ""],
            ArnResource::MapRun { machine, label, id } => ["mapRun:", machine, "/", label, ":", id],
        };
        ["arn:", partition, ":states:", region, ":", account, ":", a, b, c, d, e, f].concat()
    }
}

/// What stands before a sign and what behind. Pieces of ARNs are so short that looking at each byte takes
/// less than what the standard library does for long texts.
fn cut(text: &str, sign: u8) -> Option<(&str, &str)> {
    let at = text.bytes().position(|byte| byte == sign)?;
    Some((&text[..at], &text[at + 1..]))
}

/// The pieces, if there are exactly so many.
fn split<'a, const N: usize>(mut pieces: impl Iterator<Item = &'a str>) -> Option<[&'a str; N]> {
    let mut all = [""; N];
    for place in &mut all {
        *place = pieces.next()?;
    }
    pieces.next().is_none().then_some(all)
}

impl<'a> ArnResource<'a> {
    fn parse(rest: &'a str) -> Option<ArnResource<'a>> {
        let named = |text: &'a str| is_name(text).then_some(text);
        let (kind, rest) = cut(rest, b':')?;
        let pieces = rest.split(':');
        let resource = match kind {
            "stateMachine" => {
                let (name, qualifier) = match cut(rest, b':') {
                    Some((name, qualifier)) => (name, Some(named(qualifier)?)),
                    None => (rest, None),
                };
                let (name, label) = split_label(name)?;
                ArnResource::StateMachine { name, label, qualifier }
            }
            "execution" => {
                let [machine, name] = split(pieces)?;
                split_label(machine)?;
                ArnResource::Execution { machine, name: named(name)? }
            }
            "express" => {
                let [machine, name, id] = split(pieces)?;
                split_label(machine)?;
                ArnResource::Express { machine, name: named(name)?, id: named(id)? }
            }
            "activity" => ArnResource::Activity { name: named(rest)? },
            "mapRun" => {
                let [machine, id] = split(pieces)?;
                let (machine, label) = split_label(machine)?;
                ArnResource::MapRun { machine, label: label?, id: named(id)? }
            }
            _ => return None,
        };
        Some(resource)
    }
}

fn split_label(name: &str) -> Option<(&str, Option<&str>)> {
    match cut(name, b'/') {
        Some((name, label)) => (is_name(name) && is_name(label)).then_some((name, Some(label))),
        None => is_name(name).then_some((name, None)),
    }
}

impl fmt::Display for Arn<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_read_and_written_alike() {
        for text in [
            "arn:aws:states:us-east-1:123456789012:stateMachine:Orders",
            "arn:aws:states:us-east-1:123456789012:stateMachine:Orders:7",
            "arn:aws:states:us-east-1:123456789012:stateMachine:Orders/Each",
            "arn:aws-cn:states:cn-north-1:123456789012:execution:Orders:run-1",
            "arn:aws:states:us-east-1:123456789012:express:Orders:run-1:0c5f",
            "arn:aws:states:us-east-1:123456789012:activity:approve",
            "arn:aws:states:us-east-1:123456789012:mapRun:Orders/Each:0c5f",
        ] {
            assert_eq!(Arn::parse(text).expect(text).to_string(), text);
        }
    }

    #[test]
    fn what_is_no_arn_is_told_apart_from_what_is_none_of_ours() {
        assert_eq!(Arn::parse("no_arn").unwrap_err().to_string(), "Invalid ARN prefix: no_arn");
        assert!(matches!(Arn::parse("arn:aws:states:r:1:table:x"), Err(ArnError::Resource(_))));
    }
}
