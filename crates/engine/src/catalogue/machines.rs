//! Machines and their revisions.
//!
//! A machine is created with its first revision, and every update that changes anything makes
//! another. Both can give the revision a version in the same change.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};

use stepwell_asl::Definition;
use stepwell_model::{Logging, MachineType, Timestamp};

use super::versions::INITIAL;
use super::{Catalogue, Change, Encryption, Plan, Version, machine_arn};
use crate::metrics::{Meter, Metrics};
use crate::requests::{CreateMachine, EngineError, Machine, MachineKey, PinnedMachine, Place, UpdateMachine};

/// What executions are pinned to.
#[derive(Debug)]
pub struct Revision {
    /// Its number, unique in the store.
    pub number: u64,
    /// The number of its machine.
    pub machine: u64,
    /// The machine's key.
    pub key: MachineKey,
    /// The definition as the caller wrote it.
    pub definition: Arc<str>,
    /// The type of the machine.
    pub machine_type: MachineType,
    /// The role.
    pub role_arn: Arc<str>,
    /// As in [`Machine`]; `None` also in what an older release wrote.
    pub logging: Option<Arc<str>>,
    /// As in [`Machine`]; `None` also in what an older release wrote.
    pub tracing: Option<Arc<str>>,
    /// As in [`Machine`].
    pub encryption: Encryption,
    /// When it was made.
    pub updated_at: Timestamp,
    /// The id that AWS shows; `None` for the first.
    pub revision_id: Option<Arc<str>>,
    /// The ARN of the machine.
    pub machine_arn: Arc<str>,
    pub(super) log: OnceLock<Option<Arc<Logging>>>,
    pub(super) meter: OnceLock<Arc<Meter>>,
    pub(super) waits: OnceLock<bool>,
    pub(super) parsed: OnceLock<Result<Arc<Definition>, String>>,
    /// For how many more slices its executions count as dear.
    pub(super) dear: AtomicU8,
}

/// For how many slices executions of a revision count as dear after one that was.
const DEAR_FOR: u8 = 16;

impl Revision {
    /// Whether expressions of its executions take long, as far as is known: then they are evaluated apart from
    /// the shard from the first one on.
    pub(crate) fn is_dear(&self) -> bool {
        self.dear.load(Ordering::Relaxed) > 0
    }

    /// One of its executions got on, and its expressions took long or did not.
    pub(crate) fn note_price(&self, is_dear: bool) {
        let left = self.dear.load(Ordering::Relaxed);
        if is_dear {
            self.dear.store(DEAR_FOR, Ordering::Relaxed);
        } else if left > 0 {
            self.dear.store(left - 1, Ordering::Relaxed);
        }
    }

    /// The definition, parsed when first asked for. The error says why it no longer can be.
    pub fn parsed(&self) -> Result<&Arc<Definition>, &str> {
        let parse = || match Definition::reread(&self.definition) {
            Some(definition) => Ok(Arc::new(definition)),
            None => Err(format!("revision {} can no longer be read", self.number)),
        };
        self.parsed.get_or_init(parse).as_ref().map_err(String::as_str)
    }

    /// Where and what its executions log, read when first asked for; `None` if they do not.
    pub fn execution_log(&self) -> Option<&Arc<Logging>> {
        let read = || self.logging.as_deref().and_then(Logging::parse).map(Arc::new);
        self.log.get_or_init(read).as_ref()
    }

    /// Whether its executions may wait for somebody outside: a look at the text that leaves out most of
    /// those that cannot. The first takes its time if the text is long.
    pub(crate) fn may_wait_outside(&self) -> bool {
        // With an escape the words may be there and not be seen.
        let has = |word: &&str| self.definition.contains(word);
        *self.waits.get_or_init(|| ["waitForTaskToken", ":activity:", "\\u"].iter().any(has))
    }

    /// Its id, also of the first, which AWS shows none of.
    pub fn id(&self) -> &str {
        self.revision_id.as_deref().unwrap_or(INITIAL)
    }

    /// Where what becomes of its executions is counted, looked for when first asked for.
    pub(crate) fn meter(&self, metrics: &Metrics) -> &Arc<Meter> {
        self.meter.get_or_init(|| metrics.meter(self.machine))
    }

    /// As callers see it.
    pub fn pinned(&self) -> PinnedMachine {
        PinnedMachine {
            revision: self.number,
            key: self.key.clone(),
            definition: self.definition.clone(),
            role_arn: self.role_arn.clone(),
            logging: self.logging.clone(),
            tracing: self.tracing.clone(),
            encryption: self.encryption.clone(),
            updated_at: self.updated_at,
            revision_id: self.revision_id.clone(),
        }
    }

    pub(super) fn of_machine(machine: &Machine) -> Revision {
        Revision {
            number: machine.revision,
            machine: machine.number,
            key: machine.key.clone(),
            machine_type: machine.machine_type,
            definition: machine.definition.clone(),
            role_arn: machine.role_arn.clone(),
            logging: machine.logging.clone(),
            tracing: machine.tracing.clone(),
            encryption: machine.encryption.clone(),
            updated_at: machine.updated_at,
            revision_id: machine.revision_id.clone(),
            machine_arn: machine_arn(&machine.key).into(),
            log: OnceLock::new(),
            meter: OnceLock::new(),
            waits: OnceLock::new(),
            dear: AtomicU8::new(0),
            parsed: OnceLock::new(),
        }
    }
}

/// What came of an update.
#[derive(Debug, Clone, PartialEq)]
pub struct Updated {
    /// The machine as it is now.
    pub machine: Arc<Machine>,
    /// The version that its revision has, if one was asked for.
    pub version: Option<Arc<Version>>,
}

impl Catalogue {
    /// The machine of this key.
    pub fn machine(&self, key: &MachineKey) -> Option<&Arc<Machine>> {
        self.machines.get(key)
    }

    /// The machines of a place by the time of creation, then by name.
    pub fn machines(&self, place: &Place) -> Vec<Arc<Machine>> {
        let all = self.machines.values().filter(|machine| machine.key.place == *place);
        let mut machines: Vec<Arc<Machine>> = all.cloned().collect();
        machines.sort_by(|a, b| (a.created_at, &a.key.name).cmp(&(b.created_at, &b.key.name)));
        machines
    }

    /// The numbers of all machines, and their types.
    pub(crate) fn numbers(&self) -> HashMap<u64, MachineType> {
        self.machines.values().map(|machine| (machine.number, machine.machine_type)).collect()
    }

    /// The machines whose deletion has begun.
    pub fn deleting(&self) -> Vec<Arc<Machine>> {
        self.machines.values().filter(|machine| machine.deleting).cloned().collect()
    }

    /// The revision of this number.
    pub fn revision(&self, number: u64) -> Option<&Arc<Revision>> {
        self.revisions.get(&number)
    }

    /// The revisions of a machine, the last one first.
    pub fn revisions(&self, machine: &Machine) -> Vec<Arc<Revision>> {
        let of_it = self.revisions.values().filter(|revision| revision.machine == machine.number);
        let mut revisions: Vec<Arc<Revision>> = of_it.cloned().collect();
        revisions.sort_unstable_by_key(|revision| std::cmp::Reverse(revision.number));
        revisions
    }

    /// All revisions of a place, whether or not their machines are still there.
    pub(crate) fn revisions_of_place(&self, place: &Place) -> Vec<Arc<Revision>> {
        self.revisions.values().filter(|revision| revision.key.place == *place).cloned().collect()
    }

    /// Plans a new machine. One that exists and is the same in all but its role and tags comes back
    /// as it is. Source: the API reference of CreateStateMachine, on idempotency.
    pub fn plan_create(
        &self,
        request: CreateMachine,
        now: Timestamp,
    ) -> Result<Plan<Arc<Machine>>, EngineError> {
        let CreateMachine {
            key,
            machine_type,
            definition,
            role_arn,
            logging,
            tracing,
            encryption,
            publish,
            tags,
        } = request;
        if let Some(machine) = self.machines.get(&key) {
            let same = machine.machine_type == machine_type
                && machine.definition == definition
                && machine.logging == logging
                && machine.tracing == tracing
                && machine.encryption == encryption
                && machine.published == publish;
            return match (machine.deleting, same) {
                (true, _) => Err(EngineError::MachineDeleting),
                (false, true) => Ok(Plan::Nothing(machine.clone())),
                (false, false) => Err(EngineError::MachineExists),
            };
        }
        let machine = Machine {
            key,
            number: self.last_machine + 1,
            machine_type,
            definition,
            role_arn,
            logging,
            tracing,
            encryption,
            created_at: now,
            updated_at: now,
            revision: self.last_revision + 1,
            revision_id: None,
            published: publish.clone(),
            last_version: 0,
            tags,
            deleting: false,
        };
        let (machine, change) = match publish {
            None => {
                let machine = Arc::new(machine);
                (machine.clone(), Change::Machine(machine))
            }
            Some(publish) => {
                let (machine, version) = self.publish(machine, publish.description, now)?;
                (machine.clone(), Change::Published(machine, version))
            }
        };
        Ok(Plan::Change(change, machine))
    }

    /// Plans a new revision of a machine, and a version of it if one is asked for. An update that
    /// changes nothing makes no revision (recorded); to publish is then to publish the one that is.
    pub fn plan_update(
        &self,
        request: UpdateMachine,
        revision_id: Arc<str>,
        now: Timestamp,
    ) -> Result<Plan<Updated>, EngineError> {
        let UpdateMachine { key, definition, role_arn, logging, tracing, encryption, publish } = request;
        let old = self.machines.get(&key).ok_or(EngineError::NoSuchMachine)?;
        if old.deleting {
            return Err(EngineError::MachineDeleting);
        }
        let same = Machine {
            definition: definition.unwrap_or_else(|| old.definition.clone()),
            role_arn: role_arn.unwrap_or_else(|| old.role_arn.clone()),
            logging: logging.or_else(|| old.logging.clone()),
            tracing: tracing.or_else(|| old.tracing.clone()),
            encryption: encryption.unwrap_or_else(|| old.encryption.clone()),
            ..Machine::clone(old)
        };
        let changed = same != **old;
        let machine = match changed {
            false => same,
            true => Machine {
                updated_at: now.max(old.updated_at),
                revision: self.last_revision + 1,
                revision_id: Some(revision_id),
                ..same
            },
        };
        match (publish, self.published(&machine)) {
            (Some(_), Some(version)) => {
                Ok(Plan::Nothing(Updated { machine: old.clone(), version: Some(version.clone()) }))
            }
            (Some(publish), None) => {
                let (machine, version) = self.publish(machine, publish.description, now)?;
                let change = Change::Published(machine.clone(), version.clone());
                Ok(Plan::Change(change, Updated { machine, version: Some(version) }))
            }
            (None, _) if !changed => Ok(Plan::Nothing(Updated { machine: old.clone(), version: None })),
            (None, _) => {
                let machine = Arc::new(machine);
                Ok(Plan::Change(Change::Machine(machine.clone()), Updated { machine, version: None }))
            }
        }
    }

    /// Plans that a machine is to be deleted; `None` if there is none.
    pub fn plan_delete(&self, key: &MachineKey) -> Plan<Option<Arc<Machine>>> {
        match self.machines.get(key) {
            None => Plan::Nothing(None),
            Some(machine) if machine.deleting => Plan::Nothing(Some(machine.clone())),
            Some(machine) => {
                let machine = Arc::new(Machine { deleting: true, ..Machine::clone(machine) });
                Plan::Change(Change::Deleting(machine.clone()), Some(machine))
            }
        }
    }

    /// What the end of a machine's deletion takes with it.
    pub fn machine_gone(&self, key: &MachineKey) -> Change {
        let versions = self.versions(key).map(|version| version.number).collect();
        let aliases = self.aliases(key).map(|alias| alias.name.clone()).collect();
        Change::MachineGone(key.clone(), versions, aliases)
    }
}
