//! What must hold of state machines that change while their executions run.
//!
//! - A change that was acknowledged (another definition, a version, an alias) is there, also after a crash;
//!   one that was not is there as a whole or not at all.
//! - An execution runs what its start names at the moment at which it is decided: the revision that the
//!   machine has, that of the version, or by an alias that of a version to which it leads. An Express
//!   execution runs what was there when it was asked for.
//! - What is named and there is found.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use stepwell_engine::{Catalogue, Change, Commons, MachineKey, Route, version_number};
use stepwell_store::{Chunk, Opening};

use crate::checks::{Violation, ensure};

/// What callers know of the machines; it survives every crash.
#[derive(Debug, Default)]
pub struct Routes {
    machines: BTreeMap<MachineKey, Known>,
    /// The machines, by their numbers.
    keys: BTreeMap<u64, MachineKey>,
    /// The numbers of the machines whose executions are Express ones.
    express: BTreeSet<u64>,
    /// A change that is neither acknowledged nor lost.
    under_way: Option<Change>,
}

/// A machine.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Known {
    /// The revision that it has.
    revision: u64,
    /// Which revision each version stands for.
    versions: BTreeMap<u64, u64>,
    /// Where each alias leads.
    aliases: BTreeMap<Arc<str>, Vec<Route>>,
}

impl Known {
    fn of(catalogue: &Catalogue, key: &MachineKey) -> Known {
        Known {
            revision: catalogue.machine(key).map_or(0, |machine| machine.revision),
            versions: catalogue.versions(key).map(|version| (version.number, version.revision)).collect(),
            aliases: catalogue.aliases(key).map(|alias| (alias.name.clone(), alias.routes.clone())).collect(),
        }
    }

    /// As it is after a change.
    fn after(&self, key: &MachineKey, change: &Change) -> Known {
        let mut known = self.clone();
        match change {
            Change::Machine(machine) if machine.key == *key => known.revision = machine.revision,
            Change::Published(machine, version) if machine.key == *key => {
                known.revision = machine.revision;
                known.versions.insert(version.number, version.revision);
            }
            Change::Alias(of, alias) if of == key => {
                known.aliases.insert(alias.name.clone(), alias.routes.clone());
            }
            // Of another machine, or none that is ever made.
            _ => (),
        }
        known
    }
}

impl Routes {
    /// A machine is there.
    pub fn created(&mut self, catalogue: &Catalogue, key: &MachineKey, number: u64, is_express: bool) {
        self.machines.insert(key.clone(), Known::of(catalogue, key));
        self.keys.insert(number, key.clone());
        if is_express {
            self.express.insert(number);
        }
    }

    /// Whether a change is under way: there is one at a time.
    pub fn is_changing(&self) -> bool {
        self.under_way.is_some()
    }

    /// A change is about to be written.
    pub fn begins(&mut self, change: Change) {
        self.under_way = Some(change);
    }

    /// The change is durable, and was acknowledged.
    pub fn acknowledged(&mut self) {
        if let Some(change) = self.under_way.take() {
            for (key, known) in &mut self.machines {
                *known = known.after(key, &change);
            }
        }
    }

    /// Everything was lost but the store.
    pub fn are_there(&mut self, commons: &Commons) -> Result<(), Violation> {
        let under_way = self.under_way.take();
        let catalogue = commons.catalogue();
        for (key, known) in &mut self.machines {
            let found = Known::of(&catalogue, key);
            let landed = under_way.as_ref().map(|change| known.after(key, change));
            ensure(found == *known || Some(&found) == landed.as_ref(), || {
                format!("{} was acknowledged to be {known:?} and is {found:?}", key.name)
            })?;
            *known = found;
        }
        Ok(())
    }

    /// The versions of a machine.
    pub fn versions(&self, key: &MachineKey) -> Vec<u64> {
        self.machines.get(key).map(|known| known.versions.keys().copied().collect()).unwrap_or_default()
    }

    /// Whether what a start names is there.
    pub fn has(&self, key: &MachineKey, qualifier: Option<&str>) -> bool {
        let Some(known) = self.machines.get(key) else { return false };
        qualifier.is_none_or(|qualifier| match version_number(qualifier) {
            Some(version) => known.versions.contains_key(&version),
            None => known.aliases.contains_key(qualifier),
        })
    }

    /// What was decided to begin runs what was named.
    pub fn are_followed(&self, chunks: &[Chunk]) -> Result<(), Violation> {
        let openings = chunks.iter().filter_map(|chunk| chunk.header.opening.as_ref());
        for opening in openings {
            let known = self.keys.get(&opening.machine).and_then(|key| self.machines.get(key));
            let holds = known.is_some_and(|known| self.is_followed(known, opening));
            ensure(holds, || format!("{opening:?} does not run what it was to: {known:?}"))?;
        }
        Ok(())
    }

    fn is_followed(&self, known: &Known, opening: &Opening) -> bool {
        let is_express = self.express.contains(&opening.machine);
        match (opening.version, &opening.alias) {
            (None, None) if is_express => opening.revision <= known.revision,
            (None, None) => opening.revision == known.revision,
            (None, Some(_)) => false,
            (Some(version), alias) => {
                let leads = |alias: &Arc<str>| {
                    let mut routes = known.aliases.get(alias).into_iter().flatten();
                    is_express || routes.any(|route| route.version == version && route.weight > 0)
                };
                known.versions.get(&version) == Some(&opening.revision) && alias.as_ref().is_none_or(leads)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stepwell_engine::{CreateAlias, CreateMachine, Encryption, Place, Plan, Published, Tags};
    use stepwell_model::{MachineType, Timestamp};

    const NOW: Timestamp = Timestamp { epoch_ms: 1 };

    fn change_of<T>(plan: Plan<T>) -> Change {
        match plan {
            Plan::Change(change, _) => change,
            Plan::Nothing(_) => panic!("there is something to do"),
        }
    }

    /// A machine with version 1, to which an alias leads, as callers know it.
    fn known() -> (Routes, MachineKey) {
        let place = Place { account: "123456789012".into(), region: "us-east-1".into() };
        let key = MachineKey { place, name: "m".into() };
        let mut catalogue = Catalogue::default();
        let machine = CreateMachine {
            key: key.clone(),
            machine_type: MachineType::Standard,
            definition: "{}".into(),
            role_arn: "role".into(),
            logging: None,
            tracing: None,
            encryption: Encryption::AwsOwnedKey,
            publish: Some(Published { description: None }),
            tags: Tags::default(),
        };
        let change = change_of(catalogue.plan_create(machine, NOW).unwrap());
        catalogue.apply(change);
        let routes = vec![Route { version: 1, weight: 100 }];
        let alias = CreateAlias { key: key.clone(), name: "live".into(), description: None, routes };
        let change = change_of(catalogue.plan_alias(alias, NOW).unwrap());
        catalogue.apply(change);
        let mut routes = Routes::default();
        routes.created(&catalogue, &key, 1, false);
        (routes, key)
    }

    fn is_followed(revision: u64, version: Option<u64>, alias: Option<&str>) -> bool {
        let (routes, key) = known();
        let opening = Opening {
            machine: 1,
            revision,
            name: "n".into(),
            name_key: None,
            started_at: NOW,
            version,
            alias: alias.map(Into::into),
            trace_header: None,
        };
        routes.is_followed(&routes.machines[&key], &opening)
    }

    #[test]
    fn an_execution_of_another_revision_than_was_named_is_noticed() {
        assert!(is_followed(1, None, None));
        assert!(!is_followed(2, None, None));
        assert!(is_followed(1, Some(1), None) && is_followed(1, Some(1), Some("live")));
        assert!(!is_followed(2, Some(1), None));
        assert!(!is_followed(1, Some(2), None));
        assert!(!is_followed(1, Some(1), Some("other")));
    }

    #[test]
    fn what_is_named_and_there_is_found() {
        let (routes, key) = known();
        let has = |qualifier| routes.has(&key, qualifier);
        assert!(has(None) && has(Some("1")) && has(Some("live")));
        assert!(!has(Some("2")) && !has(Some("other")));
    }
}
