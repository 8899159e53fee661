//! Changes of machines while their executions run: another definition, a version, an alias.

use stepwell_engine::{
    Change, CreateAlias, EngineError, Plan, PublishVersion, Published, Route, UpdateAlias, UpdateMachine,
    machine_arn,
};

use super::{Happening, Pending, World};
use crate::checks::Violation;
use crate::machines::{self, Child};

/// The alias that machines have, if they have one.
pub(super) const ALIAS: &str = "live";

impl World {
    /// A caller wants to change the machine of this place in the list. As the engine has it, one change is
    /// planned at a time, and others see it once it is durable.
    pub(super) fn change(&mut self, machine: usize) -> Result<(), Violation> {
        if self.ledger.routes.is_changing() {
            self.plan_in(10..=3_000, Happening::Change(machine));
            return Ok(());
        }
        let change = match self.random.below(10) {
            0..=4 => self.update(machine),
            5 | 6 => self.publish(machine),
            _ => self.route(machine),
        };
        let change = change.map_err(|error| Violation(format!("a change was refused: {error}")))?;
        if let Some(change) = change {
            self.ledger.routes.begins(change.clone());
            self.process.pending.push_back(Pending::Change(change));
        }
        Ok(())
    }

    /// A change is durable: others see it from now on.
    pub(super) fn changed(&mut self, change: Change) {
        self.process.commons.catalogue_mut().apply(change);
        self.ledger.routes.acknowledged();
        self.report.changes += 1;
    }

    /// A definition for the machine of this place. Machines start executions of those that were there
    /// before them, so no chain is endless.
    pub(super) fn definition(&mut self, machine: usize) -> String {
        let mut children = Vec::new();
        for (key, machine_type) in &self.machines[..machine] {
            let arn = machine_arn(key);
            // A version or an alias that is not there fails the task.
            if self.random.percent(20) {
                let qualifier = *self.random.pick(&["1", "2", ALIAS]);
                children.push(Child { arn: format!("{arn}:{qualifier}"), machine_type: *machine_type });
            }
            children.push(Child { arn, machine_type: *machine_type });
        }
        machines::definition(&mut self.random, self.machines[machine].1, &children)
    }

    fn update(&mut self, machine: usize) -> Result<Option<Change>, EngineError> {
        let definition = self.definition(machine);
        let publish = self.random.percent(40).then_some(Published { description: None });
        let request = UpdateMachine {
            key: self.machines[machine].0.clone(),
            definition: Some(definition.into()),
            role_arn: None,
            logging: None,
            tracing: None,
            encryption: None,
            publish,
        };
        let revision_id = format!("revision-{}", self.random.draw());
        let plan = self.process.commons.catalogue().plan_update(request, revision_id.into(), self.now());
        plan.map(change_of)
    }

    fn publish(&mut self, machine: usize) -> Result<Option<Change>, EngineError> {
        let key = self.machines[machine].0.clone();
        let request = PublishVersion { key, revision_id: None, description: None };
        self.process.commons.catalogue().plan_publish(request, self.now()).map(change_of)
    }

    /// The alias leads to one version or two; without a version there is none.
    fn route(&mut self, machine: usize) -> Result<Option<Change>, EngineError> {
        let key = self.machines[machine].0.clone();
        let versions = self.ledger.routes.versions(&key);
        if versions.is_empty() {
            return Ok(None);
        }
        let (first, second) = (*self.random.pick(&versions), *self.random.pick(&versions));
        let weight = *self.random.pick(&[0, 1, 50, 100]);
        let routes = match first == second {
            true => vec![Route { version: first, weight: 100 }],
            false => {
                vec![Route { version: first, weight }, Route { version: second, weight: 100 - weight }]
            }
        };
        let name = ALIAS.into();
        let (catalogue, now) = (self.process.commons.catalogue(), self.now());
        match self.ledger.routes.has(&key, Some(ALIAS)) {
            true => {
                let request = UpdateAlias { key, name, description: None, routes: Some(routes) };
                catalogue.plan_alias_update(request, now).map(change_of)
            }
            false => {
                let request = CreateAlias { key, name, description: None, routes };
                catalogue.plan_alias(request, now).map(change_of)
            }
        }
    }
}

/// What is to be written, if anything is.
fn change_of<T>(plan: Plan<T>) -> Option<Change> {
    match plan {
        Plan::Change(change, _) => Some(change),
        Plan::Nothing(_) => None,
    }
}
