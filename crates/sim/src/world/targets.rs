//! What is outside: targets that are called, and workers that are handed tasks.

use std::sync::Arc;

use stepwell_engine::{ActivityTask, Message, TaskAnswer};
use stepwell_model::{Failure, Resource, StateType, TaskRef};
use stepwell_store::Store;
use stepwell_task::{Done, Integration, Target, TaskOutcome, TaskRequest};
use stepwell_value::Payload;

use super::{Happening, When, World};
use crate::checks::Violation;
use crate::coverage::Rule;
use crate::faults::Fault;
use crate::machines;

/// Says where a task would wait; the world does the rest.
pub(super) struct Targets {
    pub(super) slots: usize,
}

impl Integration for Targets {
    fn target(&self, request: &TaskRequest) -> Option<Result<Target, Failure>> {
        let name: Arc<str> = match &request.resource {
            Resource::LambdaFunction { arn } => arn.clone(),
            Resource::Service { service, .. } if &**service == "sqs" => service.clone(),
            Resource::Service { .. } | Resource::Activity { .. } => return None,
        };
        let idempotent = &*name == machines::IDEMPOTENT;
        Some(Ok(Target { name, slots: self.slots, idempotent }))
    }

    fn start(&self, _request: TaskRequest, _done: Done) {}

    fn cancel(&self, _task: TaskRef) {}
}

impl World {
    /// A call reaches its target: here is the effect.
    pub(super) fn run_task(&mut self, request: TaskRequest, when: When) -> Result<(), Violation> {
        let task = request.task;
        let resource = request.resource.event_resource();
        let idempotent = resource == machines::IDEMPOTENT;
        let commons = self.process.commons.clone();
        let row = self.store.execution(task.execution).map_err(|error| Violation(error.to_string()))?;
        // Of an Express execution that a task runs there is nothing in the store.
        let is_express = row.map_or(when == When::AtOnce, |row| self.ledger.offspring.is_express(&row));
        match is_express {
            true => self.ledger.offspring.effect(&*self.store, task, self.life)?,
            false => {
                self.ledger.effect(&*self.store, &commons, task, &request.idempotency_key, idempotent)?
            }
        }
        let outcome = match self.random.below(10) {
            0..=6 => {
                TaskOutcome::Succeeded(Payload::trusted(format!("{{\"n\": {}}}", self.random.below(10))))
            }
            7 | 8 => TaskOutcome::Failed(Failure::new("Oops", "by chance")),
            _ => {
                self.ledger.may_be_unknown.insert(task);
                self.report.faults.inject(Fault::UnknownOutcome);
                TaskOutcome::Unknown
            }
        };
        self.trace.note(self.time, || format!("{task:?} reaches its target, which says {outcome:?}"));
        self.under_way.insert(task);
        let process = self.life;
        let takes = *self.random.pick(&[0, 5, 400, 9_000, 50_000]);
        if self.random.percent(10) {
            let outcome = outcome.clone();
            self.report.faults.inject(Fault::DoubledOutcome);
            self.plan_in(0..=takes + 3_000, Happening::Outcome { process, task, outcome });
        }
        if request.resource.waits_for_token() && !matches!(outcome, TaskOutcome::Failed(_)) {
            let token = request.parameters.value().get("MessageBody").and_then(|token| token.as_str());
            let token: Arc<str> =
                token.ok_or_else(|| Violation("a message without a token".to_owned()))?.into();
            // It may well be faster than the reply to its own request.
            let answer = self.answer();
            self.plan_in(0..=takes + 20_000, Happening::Answer(task, token, answer));
        }
        self.plan_in(takes / 2..=takes, Happening::Outcome { process, task, outcome });
        Ok(())
    }

    /// A worker has a task: it works, beats or not, and answers or not.
    pub(super) fn take(&mut self, worker: usize, handed: ActivityTask) -> Result<(), Violation> {
        let token = handed.task_token;
        let task = self.tokens.get(&token).copied();
        let task = task.ok_or_else(|| Violation("a token that was never let out".to_owned()))?;
        let commons = self.process.commons.clone();
        self.ledger.hand_out(&*self.store, &commons, task)?;
        self.trace.note(self.time, || format!("{task:?} is handed to worker {worker}"));
        let takes = *self.random.pick(&[100, 3_000, 20_000]);
        if self.random.percent(50) {
            for beat in 1..=3 {
                let heartbeat = Happening::Answer(task, token.clone(), TaskAnswer::Heartbeat);
                self.plan(self.time + takes * beat / 4, heartbeat);
            }
        }
        if self.random.percent(92) {
            let answer = self.answer();
            if self.random.percent(10) {
                self.plan_in(takes..=takes + 500, Happening::Answer(task, token.clone(), answer.clone()));
            }
            self.plan_in(takes..=takes + 500, Happening::Answer(task, token, answer));
        } else {
            self.report.faults.happened(Fault::SilentWorker);
        }
        self.plan_in(takes..=takes + 1_000, Happening::Poll(worker));
        Ok(())
    }

    /// What somebody says with a token.
    fn answer(&mut self) -> TaskAnswer {
        match self.random.percent(75) {
            true => TaskAnswer::Succeeded(Payload::trusted("{\"n\": 3}")),
            false => TaskAnswer::Failed(Failure::new("Oops", "by a worker")),
        }
    }

    /// A target answers.
    pub(super) fn outcome(&mut self, task: TaskRef, outcome: TaskOutcome) {
        if self.told.insert(task) {
            self.under_way.remove(&task);
            let earlier = TaskRef { scheduled_event_id: 0, ..task };
            if self.under_way.range(earlier..task).next().is_some() {
                self.report.faults.happened(Fault::OvertakingOutcome);
            }
        } else {
            self.report.faults.count(Fault::DoubledOutcome);
            self.report.coverage.meet(StateType::Task, Fault::DoubledOutcome, Rule::Refused);
            self.doubled += 1;
        }
        if outcome == TaskOutcome::Unknown {
            self.report.faults.count(Fault::UnknownOutcome);
            self.report.coverage.meet(StateType::Task, Fault::UnknownOutcome, Rule::OutcomeUnknown);
        }
        let shard = self.process.commons.shard_of(task.execution.partition);
        self.process.post((shard, Message::Outcome { task, outcome }));
    }
}
