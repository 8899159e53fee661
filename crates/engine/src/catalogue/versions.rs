//! Versions: revisions of a machine that have got a number and stay as they are.
//!
//! Numbers begin with 1 and are given once, also when a version was deleted meanwhile (recorded).
//! A revision has one version at most: to publish it again gives the version that is there.

use std::sync::Arc;

use stepwell_model::Timestamp;

use super::{Catalogue, Change, Plan};
use crate::requests::{EngineError, Machine, MachineKey};

/// How many versions a machine may have. Source: the service quotas of Step Functions.
const VERSIONS_MAX: usize = 1_000;

/// What AWS has a caller write for the revision of a machine that was never updated.
pub(super) const INITIAL: &str = "INITIAL";

/// A version of a machine.
#[derive(Debug, Clone, PartialEq)]
pub struct Version {
    /// Its number, from 1.
    pub number: u64,
    /// The number of the revision it stands for.
    pub revision: u64,
    /// What it was published with.
    pub description: Option<Arc<str>>,
    /// When it was published.
    pub created_at: Timestamp,
}

/// That a revision is to be published, or was when its machine was created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// What is said of the version.
    pub description: Option<Arc<str>>,
}

/// Publishes the revision that a machine has now.
#[derive(Debug, Clone)]
pub struct PublishVersion {
    /// Of which machine.
    pub key: MachineKey,
    /// The id that the revision must have: its UUID, or `INITIAL`.
    pub revision_id: Option<Arc<str>>,
    /// What is said of the version.
    pub description: Option<Arc<str>>,
}

impl Catalogue {
    /// The version of this number.
    pub fn version(&self, key: &MachineKey, number: u64) -> Option<&Arc<Version>> {
        self.versions.get(key)?.get(&number)
    }

    /// The versions of a machine, the first one first.
    pub fn versions(&self, key: &MachineKey) -> impl DoubleEndedIterator<Item = &Arc<Version>> {
        self.versions.get(key).into_iter().flat_map(|versions| versions.values())
    }

    /// Plans that the revision of a machine gets a version; the one that it has comes back as it is.
    pub fn plan_publish(
        &self,
        request: PublishVersion,
        now: Timestamp,
    ) -> Result<Plan<Arc<Version>>, EngineError> {
        let PublishVersion { key, revision_id, description } = request;
        let machine = self.machines.get(&key).ok_or(EngineError::NoSuchMachine)?;
        if machine.deleting {
            return Err(EngineError::MachineDeleting);
        }
        let current = machine.revision_id.as_deref().unwrap_or(INITIAL);
        if let Some(wanted) = revision_id.filter(|wanted| **wanted != *current) {
            return Err(EngineError::OtherRevision { wanted, current: current.into() });
        }
        match self.published(machine) {
            Some(version) => Ok(Plan::Nothing(version.clone())),
            None => {
                let (machine, version) = self.publish(Machine::clone(machine), description, now)?;
                Ok(Plan::Change(Change::Published(machine, version.clone()), version))
            }
        }
    }

    /// Plans that a version is to go; one that is not there is no trouble.
    ///
    /// # Errors
    ///
    /// [`EngineError::VersionInUse`] while an alias leads to it.
    pub fn plan_version_gone(&self, key: &MachineKey, number: u64) -> Result<Plan<()>, EngineError> {
        if self.version(key, number).is_none() {
            return Ok(Plan::Nothing(()));
        }
        let users = self.aliases(key).filter(|alias| alias.leads_to(number));
        let users: Vec<Arc<str>> = users.map(|alias| alias.name.clone()).collect();
        match users.is_empty() {
            true => Ok(Plan::Change(Change::VersionGone(key.clone(), number), ())),
            false => Err(EngineError::VersionInUse(users)),
        }
    }

    /// The version that the current revision of a machine has.
    pub(super) fn published(&self, machine: &Machine) -> Option<&Arc<Version>> {
        self.versions(&machine.key).rev().find(|version| version.revision == machine.revision)
    }

    /// A machine, as it is going to be, with a version of its revision.
    pub(super) fn publish(
        &self,
        machine: Machine,
        description: Option<Arc<str>>,
        now: Timestamp,
    ) -> Result<(Arc<Machine>, Arc<Version>), EngineError> {
        if self.versions(&machine.key).count() >= VERSIONS_MAX {
            return Err(EngineError::TooManyVersions);
        }
        let number = machine.last_version + 1;
        let version = Version { number, revision: machine.revision, description, created_at: now };
        Ok((Arc::new(Machine { last_version: number, ..machine }), Arc::new(version)))
    }
}
