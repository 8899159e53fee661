//! State machines with their revisions, versions and aliases, and activities: what is found by name.
//!
//! The whole catalogue is in memory and, as JSON, in the store:
//!
//! | key                                  | what                                               |
//! |--------------------------------------|----------------------------------------------------|
//! | `machine/ACCOUNT/REGION/NAME`        | the machine and its tags, but for its definition   |
//! | `revision/NUMBER`                    | definition and role, once they were in force       |
//! | `version/ACCOUNT/REGION/NAME/NUMBER` | a version: the revision it stands for              |
//! | `alias/ACCOUNT/REGION/NAME/ALIAS`    | an alias: the versions it leads to                 |
//! | `activity/ACCOUNT/REGION/NAME`       | the activity and its tags                          |
//!
//! A change is planned against what is in memory, written, and seen by others only once it is
//! durable. Executions are pinned to revisions and their journals outlive their machines, so no
//! revision is ever deleted yet.

mod activities;
mod aliases;
mod codec;
mod encryption;
mod machines;
mod resolve;
mod tags;
#[cfg(test)]
mod tests;
mod versions;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use stepwell_model::{Arn, ArnResource};
use stepwell_store::CatalogueWrite;
use stepwell_value::Value;

pub use activities::{Activity, ActivityKey, CreateActivity};
pub use aliases::{Alias, CreateAlias, Route, UpdateAlias};
pub use encryption::Encryption;
pub use machines::{Revision, Updated};
pub(crate) use resolve::Listed;
pub use resolve::{Resolved, version_number};
pub use tags::{TAGS_MAX, TagChange, TaggedKey, Tags};
pub use versions::{PublishVersion, Published, Version};

use crate::requests::{ExecutionKey, Machine, MachineKey, Place};

/// The ARN of a state machine.
pub fn machine_arn(key: &MachineKey) -> String {
    arn(&key.place, ArnResource::StateMachine { name: &key.name, label: None, qualifier: None })
}

/// The ARN of a version or an alias of a state machine.
pub fn qualified_arn(key: &MachineKey, qualifier: &str) -> String {
    let qualifier = Some(qualifier);
    arn(&key.place, ArnResource::StateMachine { name: &key.name, label: None, qualifier })
}

/// The ARN of an execution.
pub fn execution_arn(key: &ExecutionKey) -> String {
    arn(&key.machine.place, ArnResource::Execution { machine: &key.machine.name, name: &key.name })
}

fn arn(place: &Place, resource: ArnResource<'_>) -> String {
    Arn { partition: "aws", region: &place.region, account: &place.account, resource }.text()
}

/// A change of the catalogue, to be written and then applied.
#[derive(Debug, Clone)]
pub enum Change {
    /// The machine is new, or has a new revision.
    Machine(Arc<Machine>),
    /// The revision that the machine has, new or not, has got a version.
    Published(Arc<Machine>, Arc<Version>),
    /// The machine has other tags.
    Tagged(Arc<Machine>),
    /// The machine is being deleted.
    Deleting(Arc<Machine>),
    /// The machine is gone, with these versions and aliases.
    MachineGone(MachineKey, Vec<u64>, Vec<Arc<str>>),
    /// The version is gone.
    VersionGone(MachineKey, u64),
    /// The alias is new, or leads elsewhere.
    Alias(MachineKey, Arc<Alias>),
    /// The alias is gone.
    AliasGone(MachineKey, Arc<str>),
    /// The activity is new, or has other tags.
    Activity(Activity),
    /// The activity is gone.
    ActivityGone(ActivityKey),
}

impl Change {
    /// The machine that is another after it.
    pub(crate) fn machine(&self) -> Option<&MachineKey> {
        match self {
            Change::Machine(machine)
            | Change::Published(machine, _)
            | Change::Tagged(machine)
            | Change::Deleting(machine) => Some(&machine.key),
            Change::MachineGone(key, ..)
            | Change::VersionGone(key, _)
            | Change::Alias(key, _)
            | Change::AliasGone(key, _) => Some(key),
            Change::Activity(_) | Change::ActivityGone(_) => None,
        }
    }
}

/// What came of planning.
#[derive(Debug, Clone)]
pub enum Plan<T> {
    /// Nothing is to be done.
    Nothing(T),
    /// This is to be done.
    Change(Change, T),
}

/// Everything that is found by name.
#[derive(Debug, Default)]
pub struct Catalogue {
    machines: BTreeMap<MachineKey, Arc<Machine>>,
    revisions: HashMap<u64, Arc<Revision>>,
    versions: BTreeMap<MachineKey, BTreeMap<u64, Arc<Version>>>,
    aliases: BTreeMap<MachineKey, BTreeMap<Arc<str>, Arc<Alias>>>,
    activities: BTreeMap<ActivityKey, Activity>,
    last_machine: u64,
    last_revision: u64,
}

impl Catalogue {
    /// The catalogue out of a store's. The error names the entry that cannot be read.
    pub fn load(entries: &[(String, Arc<str>)]) -> Result<Catalogue, String> {
        let mut catalogue = Catalogue::default();
        // Machines take their definitions from their revisions, which therefore come first.
        let (revisions, others): (Vec<_>, Vec<_>) =
            entries.iter().partition(|(key, _)| key.starts_with("revision/"));
        for (key, text) in revisions.into_iter().chain(others) {
            catalogue
                .load_entry(key, text)
                .ok_or_else(|| format!("the catalogue's entry {key} cannot be read"))?;
        }
        Ok(catalogue)
    }

    fn load_entry(&mut self, key: &str, text: &str) -> Option<()> {
        let value = Value::parse(text).ok()?;
        let mut parts = key.split('/');
        match parts.next()? {
            "revision" => {
                let revision = codec::read_revision(parts.next()?.parse().ok()?, &value)?;
                self.last_machine = self.last_machine.max(revision.machine);
                self.last_revision = self.last_revision.max(revision.number);
                self.revisions.insert(revision.number, Arc::new(revision));
            }
            "machine" => {
                let key = MachineKey { place: codec::read_place(&mut parts)?, name: parts.next()?.into() };
                let revision = self.revisions.get(&codec::number(&value, "revision")?)?;
                let machine = codec::read_machine(key.clone(), &value, revision)?;
                self.last_machine = self.last_machine.max(machine.number);
                self.machines.insert(key, Arc::new(machine));
            }
            "version" => {
                let key = MachineKey { place: codec::read_place(&mut parts)?, name: parts.next()?.into() };
                let version = codec::read_version(parts.next()?.parse().ok()?, &value)?;
                self.revisions.get(&version.revision)?;
                self.versions.entry(key).or_default().insert(version.number, Arc::new(version));
            }
            "alias" => {
                let key = MachineKey { place: codec::read_place(&mut parts)?, name: parts.next()?.into() };
                let alias = codec::read_alias(parts.next()?, &value)?;
                self.aliases.entry(key).or_default().insert(alias.name.clone(), Arc::new(alias));
            }
            "activity" => {
                let place = codec::read_place(&mut parts)?;
                let activity = codec::read_activity(place, parts.next()?, &value)?;
                self.activities.insert(activity.key(), activity);
            }
            // What a later version added is left alone.
            _ => (),
        }
        Some(())
    }

    /// Makes a change, once it is durable, visible.
    pub fn apply(&mut self, change: Change) {
        match change {
            Change::Machine(machine) => self.put_revision(machine),
            Change::Published(machine, version) => {
                self.versions.entry(machine.key.clone()).or_default().insert(version.number, version);
                self.put_revision(machine);
            }
            Change::Tagged(machine) | Change::Deleting(machine) => {
                self.machines.insert(machine.key.clone(), machine);
            }
            Change::MachineGone(key, ..) => {
                self.versions.remove(&key);
                self.aliases.remove(&key);
                self.machines.remove(&key);
            }
            Change::VersionGone(key, number) => {
                self.versions.entry(key).or_default().remove(&number);
            }
            Change::Alias(key, alias) => {
                self.aliases.entry(key).or_default().insert(alias.name.clone(), alias);
            }
            Change::AliasGone(key, name) => {
                self.aliases.entry(key).or_default().remove(&name);
            }
            Change::Activity(activity) => {
                self.activities.insert(activity.key(), activity);
            }
            Change::ActivityGone(key) => {
                self.activities.remove(&key);
            }
        }
    }

    fn put_revision(&mut self, machine: Arc<Machine>) {
        self.last_machine = self.last_machine.max(machine.number);
        self.last_revision = self.last_revision.max(machine.revision);
        // One that is there may have been compiled already.
        let new = || Arc::new(Revision::of_machine(&machine));
        self.revisions.entry(machine.revision).or_insert_with(new);
        self.machines.insert(machine.key.clone(), machine);
    }
}

impl Change {
    /// What is to be written.
    pub fn writes(&self) -> Vec<CatalogueWrite> {
        let machine_key = |key: &MachineKey| codec::named("machine", &key.place, &key.name);
        let version_key = |key: &MachineKey, number: u64| codec::below("version", key, &number.to_string());
        let write = |key: String, value: Option<Value>| {
            let text = value.map(|value| Arc::from(value.to_json().expect("few levels are not too deep")));
            CatalogueWrite { key, value: text }
        };
        let machine_and_revision = |machine: &Machine| {
            vec![
                write(format!("revision/{}", machine.revision), Some(codec::write_revision(machine))),
                write(machine_key(&machine.key), Some(codec::write_machine(machine))),
            ]
        };
        match self {
            Change::Machine(machine) => machine_and_revision(machine),
            Change::Published(machine, version) => {
                let mut writes = machine_and_revision(machine);
                let key = version_key(&machine.key, version.number);
                writes.push(write(key, Some(codec::write_version(version))));
                writes
            }
            Change::Tagged(machine) | Change::Deleting(machine) => {
                vec![write(machine_key(&machine.key), Some(codec::write_machine(machine)))]
            }
            Change::MachineGone(key, versions, aliases) => {
                let versions = versions.iter().map(|number| version_key(key, *number));
                let aliases = aliases.iter().map(|name| codec::below("alias", key, name));
                let keys = std::iter::once(machine_key(key)).chain(versions).chain(aliases);
                keys.map(|key| write(key, None)).collect()
            }
            Change::VersionGone(key, number) => vec![write(version_key(key, *number), None)],
            Change::Alias(key, alias) => {
                vec![write(codec::below("alias", key, &alias.name), Some(codec::write_alias(alias)))]
            }
            Change::AliasGone(key, name) => vec![write(codec::below("alias", key, name), None)],
            Change::Activity(activity) => {
                let key = codec::named("activity", &activity.place, &activity.name);
                vec![write(key, Some(codec::write_activity(activity)))]
            }
            Change::ActivityGone(key) => vec![write(codec::named("activity", &key.place, &key.name), None)],
        }
    }
}
