//! Amazon Resource Names of Step Functions.

use std::fmt;

use crate::is_name;

/// An ARN of the service `states`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Arn {
    /// `aws`, `aws-cn`, ...
    pub partition: String,
    /// Such as `us-east-1`.
    pub region: String,
    /// Twelve digits.
    pub account: String,
    /// What it names.
    pub resource: ArnResource,
}

/// What an ARN names.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ArnResource {
    /// `stateMachine:NAME`, with a version or an alias behind it, or with the label of a
    /// distributed Map in it (`NAME/LABEL`).
    StateMachine {
        /// Its name.
        name: String,
        /// The label of a distributed Map.
        label: Option<String>,
        /// A version number or the name of an alias.
        qualifier: Option<String>,
    },
    /// `execution:MACHINE:NAME`
    Execution {
        /// The name of the machine.
        machine: String,
        /// The name of the execution.
        name: String,
    },
    /// `express:MACHINE:NAME:ID`
    Express {
        /// The name of the machine.
        machine: String,
        /// The name of the execution.
        name: String,
        /// What tells two executions of one name apart.
        id: String,
    },
    /// `activity:NAME`
    Activity {
        /// Its name.
        name: String,
    },
    /// `mapRun:MACHINE/LABEL:ID`
    MapRun {
        /// The name of the machine.
        machine: String,
        /// The label of the Map state.
        label: String,
        /// Its id.
        id: String,
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

impl Arn {
    /// Reads an ARN. The error's text is AWS's, as far as it is known.
    pub fn parse(text: &str) -> Result<Arn, ArnError> {
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        let [prefix, partition, service, region, account, rest] = parts[..] else {
            return Err(ArnError::Prefix(text.to_owned()));
        };
        if prefix != "arn" || partition.is_empty() || service != "states" {
            return Err(ArnError::Prefix(text.to_owned()));
        }
        let bad = || ArnError::Resource(rest.split(':').next().unwrap_or("").to_owned());
        let resource = ArnResource::parse(rest).ok_or_else(bad)?;
        Ok(Arn {
            partition: partition.to_owned(),
            region: region.to_owned(),
            account: account.to_owned(),
            resource,
        })
    }

    /// The ARN of something else in the same partition, region and account.
    pub fn sibling(&self, resource: ArnResource) -> Arn {
        Arn { resource, ..self.clone() }
    }
}

impl ArnResource {
    fn parse(rest: &str) -> Option<ArnResource> {
        let parts: Vec<&str> = rest.split(':').collect();
        let named = |text: &str| is_name(text).then(|| text.to_owned());
        let resource = match parts[..] {
            ["stateMachine", name] => {
                let (name, label) = split_label(name)?;
                ArnResource::StateMachine { name, label, qualifier: None }
            }
            ["stateMachine", name, qualifier] => {
                let (name, label) = split_label(name)?;
                ArnResource::StateMachine { name, label, qualifier: Some(named(qualifier)?) }
            }
            ["execution", machine, name] => {
                split_label(machine)?;
                ArnResource::Execution { machine: machine.to_owned(), name: named(name)? }
            }
            ["express", machine, name, id] => {
                split_label(machine)?;
                ArnResource::Express { machine: machine.to_owned(), name: named(name)?, id: named(id)? }
            }
            ["activity", name] => ArnResource::Activity { name: named(name)? },
            ["mapRun", machine, id] => {
                let (machine, label) = split_label(machine)?;
                ArnResource::MapRun { machine, label: label?, id: named(id)? }
            }
            _ => return None,
        };
        Some(resource)
    }
}

fn split_label(name: &str) -> Option<(String, Option<String>)> {
    match name.split_once('/') {
        Some((name, label)) => {
            (is_name(name) && is_name(label)).then(|| (name.to_owned(), Some(label.to_owned())))
        }
        None => is_name(name).then(|| (name.to_owned(), None)),
    }
}

impl fmt::Display for Arn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Arn { partition, region, account, resource } = self;
        write!(f, "arn:{partition}:states:{region}:{account}:")?;
        match resource {
            ArnResource::StateMachine { name, label, qualifier } => {
                write!(f, "stateMachine:{name}")?;
                if let Some(label) = label {
                    write!(f, "/{label}")?;
                }
                match qualifier {
                    Some(qualifier) => write!(f, ":{qualifier}"),
                    None => Ok(()),
                }
            }
            ArnResource::Execution { machine, name } => write!(f, "execution:{machine}:{name}"),
            ArnResource::Express { machine, name, id } => write!(f, "express:{machine}:{name}:{id}"),
            ArnResource::Activity { name } => write!(f, "activity:{name}"),
            ArnResource::MapRun { machine, label, id } => write!(f, "mapRun:{machine}/{label}:{id}"),
        }
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
