//! What a start by an ARN runs: the machine as it is now, one of its versions, or, through an alias,
//! a version by chance and weight.

use std::sync::Arc;

use super::{Alias, Catalogue, Revision, Version};
use crate::requests::{EngineError, Machine, MachineKey};

/// What is to be run.
#[derive(Debug, Clone)]
pub struct Resolved {
    /// The machine, which takes executions.
    pub machine: Arc<Machine>,
    /// The revision to run: the machine's own, or that of the version.
    pub revision: Arc<Revision>,
    /// The number of the version, if one was named or an alias led to one.
    pub version: Option<u64>,
    /// The alias that was named.
    pub alias: Option<Arc<str>>,
}

/// Whose executions are listed.
pub(crate) struct Listed {
    /// Those of the machine of this number.
    pub machine: u64,
    /// Of these, those that were started with this version.
    pub version: Option<u64>,
    /// Of these, those that were started through this alias.
    pub alias: Option<Arc<str>>,
}

/// What stands behind the name of a machine in an ARN.
pub(super) enum Qualified<'a> {
    /// A version of it.
    Version(&'a Arc<Version>),
    /// An alias of it.
    Alias(&'a Arc<Alias>),
}

impl Catalogue {
    /// What a start runs; `draw` gives a random number where an alias has two versions.
    ///
    /// # Errors
    ///
    /// [`EngineError::NoSuchMachine`] also where there is no such version or alias (recorded),
    /// [`EngineError::MachineDeleting`], [`EngineError::Damaged`] if there is no such revision.
    pub fn resolve(
        &self,
        key: &MachineKey,
        qualifier: Option<&str>,
        draw: impl FnOnce() -> u64,
    ) -> Result<Resolved, EngineError> {
        let machine = self.machines.get(key).ok_or(EngineError::NoSuchMachine)?;
        if machine.deleting {
            return Err(EngineError::MachineDeleting);
        }
        let (number, version, alias) = match qualifier {
            None => (machine.revision, None, None),
            Some(qualifier) => match self.qualified(key, qualifier)? {
                Qualified::Version(version) => (version.revision, Some(version.number), None),
                Qualified::Alias(alias) => {
                    let version = self.version(key, alias.pick(draw)).ok_or(EngineError::NoSuchMachine)?;
                    (version.revision, Some(version.number), Some(alias.name.clone()))
                }
            },
        };
        let revision = self.revisions.get(&number);
        let revision =
            revision.ok_or_else(|| EngineError::Damaged(format!("there is no revision {number}")))?;
        Ok(Resolved { machine: machine.clone(), revision: revision.clone(), version, alias })
    }

    /// Whose executions a list shows, also of a machine that is being deleted.
    ///
    /// # Errors
    ///
    /// [`EngineError::NoSuchMachine`], also if there is no such version or alias.
    pub(crate) fn listed(&self, key: &MachineKey, qualifier: Option<&str>) -> Result<Listed, EngineError> {
        let machine = self.machines.get(key).ok_or(EngineError::NoSuchMachine)?.number;
        let all = Listed { machine, version: None, alias: None };
        Ok(match qualifier.map(|qualifier| self.qualified(key, qualifier)).transpose()? {
            None => all,
            Some(Qualified::Version(version)) => Listed { version: Some(version.number), ..all },
            Some(Qualified::Alias(alias)) => Listed { alias: Some(alias.name.clone()), ..all },
        })
    }

    /// The version or the alias of a machine that a qualifier names: an alias is never named by
    /// digits alone.
    pub(super) fn qualified(&self, key: &MachineKey, qualifier: &str) -> Result<Qualified<'_>, EngineError> {
        let found = match version_number(qualifier) {
            Some(number) => self.version(key, number).map(Qualified::Version),
            None => self.alias(key, qualifier).map(Qualified::Alias),
        };
        found.ok_or(EngineError::NoSuchMachine)
    }
}

/// The number of a version in an ARN, written as AWS writes it.
pub fn version_number(qualifier: &str) -> Option<u64> {
    let number = qualifier.parse::<u64>().ok()?;
    (number.to_string() == qualifier).then_some(number)
}
