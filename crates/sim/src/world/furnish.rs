//! What a world begins with: machines, activities, and what callers, workers and fate are going to do.

use std::sync::Arc;

use stepwell_engine::{
    ActivityKey, CreateActivity, CreateMachine, Encryption, ExecutionKey, MachineKey, Plan, Published, Tags,
};
use stepwell_model::MachineType;
use stepwell_store::{Batch, Store};
use stepwell_value::Payload;

use super::changes::ALIAS;
use super::{Happening, Wish, World, place};
use crate::checks::Violation;
use crate::machines;

/// An hour in milliseconds.
const HOUR: u64 = 3_600_000;

impl World {
    /// Machines, activities, and what callers, workers and fate are going to do.
    pub(super) fn furnish(&mut self) -> Result<(), Violation> {
        let place = place();
        for n in 0..self.random.within(1..=4) {
            let key = MachineKey { place: place.clone(), name: format!("machine-{n}").into() };
            let machine_type = match self.random.percent(70) {
                true => MachineType::Standard,
                false => MachineType::Express,
            };
            self.machines.push((key.clone(), machine_type));
            let request = CreateMachine {
                key: key.clone(),
                machine_type,
                definition: self.definition(n as usize).into(),
                role_arn: "arn:aws:iam::123456789012:role/sim".into(),
                logging: None,
                tracing: None,
                encryption: Encryption::AwsOwnedKey,
                publish: self.random.percent(30).then_some(Published { description: None }),
                tags: Tags::default(),
            };
            let plan = self.process.commons.catalogue().plan_create(request, self.now());
            self.keep(plan.map_err(|error| Violation(error.to_string()))?)?;
            let machine = self.process.commons.machine_in_service(&key);
            let number = machine.map_err(|error| Violation(error.to_string()))?.number;
            let is_express = machine_type == MachineType::Express;
            if is_express {
                self.ledger.offspring.express_machines.insert(number);
            }
            let catalogue = self.process.commons.catalogue();
            self.ledger.routes.created(&catalogue, &key, number, is_express);
        }
        for name in machines::ACTIVITIES {
            let key = ActivityKey { place: place.clone(), name: name.into() };
            let request = CreateActivity { key, encryption: Encryption::AwsOwnedKey, tags: Tags::default() };
            let plan = self.process.commons.catalogue().plan_activity(request, self.now());
            self.keep(plan.map_err(|error| Violation(error.to_string()))?)?;
        }
        // Everything at once, or with long quiet times between.
        self.spread = *self.random.pick(&[60_000, 60_000, 60_000, 7_200_000]);
        let spread = self.spread;
        for n in 0..self.random.within(1..=self.options.starts_max) {
            let (machine, machine_type) = self.random.pick(&self.machines).clone();
            let input = Payload::trusted(machines::input(&mut self.random));
            let at = self.random.below(spread);
            let qualifier = match self.random.percent(25) {
                true => Some((*self.random.pick(&["1", "2", ALIAS])).into()),
                false => None,
            };
            let wish = Wish { machine: machine.clone(), qualifier, name: None, input, is_sure: false };
            if machine_type == MachineType::Express {
                let start = match self.random.percent(35) {
                    true => Happening::StartSync(wish),
                    false => Happening::StartExpress(wish),
                };
                self.plan(at, start);
                continue;
            }
            let name = match self.random.below(10) {
                0 => Some((*self.random.pick(&machines::CHILD_NAMES)).into()),
                1..=5 => Some(format!("execution-{n}").into()),
                _ => None,
            };
            let wish = Wish { name: name.clone(), ..wish };
            if let Some(name) = name {
                if self.random.percent(30) {
                    // A caller in doubt calls again, some before the first call is durable.
                    let again = at + *self.random.pick(&[0, 0, 1, 700, 20_000]);
                    self.plan(again, Happening::Start(wish.clone()));
                }
                if self.random.percent(15) {
                    let stop = at + *self.random.pick(&[0, 1, 900, 40_000]);
                    self.plan(
                        stop,
                        Happening::Stop(ExecutionKey { machine: machine.clone(), name: name.clone() }),
                    );
                }
                for redrive in 0..self.random.below(4) {
                    let key = ExecutionKey { machine: machine.clone(), name: name.clone() };
                    let token: Arc<str> = format!("redrive-{redrive}").into();
                    let wanted = at + *self.random.pick(&[1, 5_000, 60_000, 700_000]);
                    if self.random.percent(40) {
                        // A caller in doubt asks again, and another one at the same time.
                        let again = wanted + *self.random.pick(&[0, 1, 3_000, 100_000]);
                        self.plan(again, Happening::Redrive(key.clone(), token.clone()));
                        self.plan(wanted, Happening::Redrive(key.clone(), format!("other-{redrive}").into()));
                    }
                    self.plan(wanted, Happening::Redrive(key, token));
                }
            }
            self.plan(at, Happening::Start(wish));
        }
        for worker in 0..4 * self.options.crowd().min(8) as usize {
            let at = self.random.below(10_000);
            self.plan(at, Happening::Poll(worker));
        }
        for _ in 0..self.random.below(6 + self.options.starts_max / 200) {
            let at = self.random.below(spread);
            let machine = self.random.below(self.machines.len() as u64) as usize;
            self.plan(at, Happening::Change(machine));
        }
        for _ in 0..self.random.below(4) {
            let jump_max = *self.random.pick(&[HOUR, HOUR, HOUR, 72 * HOUR]);
            let at = self.random.below(spread * 3 / 2);
            let jump = self.random.below(2 * jump_max) as i64 - jump_max as i64;
            self.plan(at, Happening::Clock(jump));
        }
        for _ in 0..self.random.below(4 + self.options.starts_max / 200) {
            let at = self.random.below(spread * 2);
            self.plan(at, Happening::Crash);
        }
        for _ in 0..self.random.below(self.options.flips_max + 1) {
            let at = self.random.below(spread * 2);
            self.plan(at, Happening::Flip);
        }
        for _ in 0..self.random.below(6 + self.options.starts_max / 200) {
            let at = self.random.below(spread * 3);
            self.plan(at, Happening::Sweep);
        }
        Ok(())
    }

    fn keep<T>(&mut self, plan: Plan<T>) -> Result<(), Violation> {
        if let Plan::Change(change, _) = plan {
            let batch = Batch { catalogue: change.writes(), ..Default::default() };
            self.store.commit(&batch).map_err(|error| Violation(error.to_string()))?;
            self.process.commons.catalogue_mut().apply(change);
        }
        Ok(())
    }
}
