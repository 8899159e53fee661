//! Applying events: how an execution changes, live and in recovery.
//!
//! An event that does not fit the state it meets is an error, never a panic: what comes from a disk
//! may be damaged.

use std::collections::BTreeSet;
use std::sync::Arc;

use stepwell_model::{ExecutionStatus, Failure, Resource, Timestamp};
use stepwell_value::Payload;

use crate::codec::CorruptJournal;
use crate::definition::{ScopeId, StateId};
use crate::execution::{Branch, Children, Execution, Phase, Scratch, Task};
use crate::journal::{Event, EventKind, Transition};
use crate::retry::Trouble;
use crate::state::StateKind;
use crate::state::map::CONCURRENCY_MAX;

impl Execution {
    /// Applies an event: one just decided, or one read from the journal.
    pub fn apply(&mut self, event: &Event) -> Result<(), CorruptJournal> {
        if event.kind.is_shown() {
            if event.id != self.last_event_id + 1 {
                return Err(CorruptJournal::GapInEventIds { id: event.id, previous: self.last_event_id });
            }
            self.last_event_id = event.id;
        }
        let does_not_fit = |what| CorruptJournal::DoesNotFit { branch: event.branch, what };
        let at = event.at;
        let id = event.branch;
        match &event.kind {
            EventKind::ExecutionStarted { input, seed } => {
                self.started_at = at;
                self.input = input.clone();
                self.seed = *seed;
                self.begin_branch(None, ScopeId(0), input.clone(), 0);
                return Ok(());
            }
            EventKind::ExecutionSucceeded { output } => {
                self.close(ExecutionStatus::Succeeded, at, Some(output.clone()), None);
                return Ok(());
            }
            EventKind::ExecutionFailed(failure) => {
                self.close(ExecutionStatus::Failed, at, None, Some(failure.clone()));
                return Ok(());
            }
            EventKind::ExecutionAborted(failure) => {
                self.close(ExecutionStatus::Aborted, at, None, Some(failure.clone()));
                return Ok(());
            }
            EventKind::ExecutionTimedOut(failure) => {
                self.close(ExecutionStatus::TimedOut, at, None, Some(failure.clone()));
                return Ok(());
            }
            EventKind::ExecutionRedriven { redrive_count, client_token } => {
                return self.reopen(event, *redrive_count, client_token.clone()).map_err(does_not_fit);
            }
            // What nearly all events are.
            EventKind::StateEntered { state, input } => {
                let retriers = self.origin.definition.state(*state).map_or(0, |state| state.retriers.len());
                if let Some(branch) = self.plain_branch(id, *state) {
                    branch.enter(event, input, retriers);
                    self.wake(id);
                    return Ok(());
                }
            }
            EventKind::StateExited { state, output, assigned, transition: Transition::Next(next) } => {
                let is_there = self.origin.definition.state(*next).is_some();
                if let Some(branch) = self.plain_branch(id, *state).filter(|_| is_there) {
                    branch.leave(event, assigned);
                    branch.go_to(*next, output);
                    self.wake(id);
                    return Ok(());
                }
            }
            _ => {}
        }
        let branch = self.branches.get(id).ok_or(does_not_fit("there is no such branch"))?;
        let at_state = branch.state;
        match event.kind.state() {
            // Events about an iteration name the Map, not a state of the iteration.
            Some(state) if !event.kind.is_about_iteration() && state != at_state => {
                return Err(does_not_fit("the branch is at another state"));
            }
            Some(state) if self.origin.definition.state(state).is_none() => {
                return Err(does_not_fit("there is no such state"));
            }
            _ => {}
        }
        self.apply_to_branch(event, id, at_state).map_err(does_not_fit)
    }

    fn apply_to_branch(&mut self, event: &Event, id: u32, at_state: StateId) -> Result<(), &'static str> {
        let at = event.at;
        let event_id = event.id;
        match &event.kind {
            EventKind::ExecutionStarted { .. }
            | EventKind::ExecutionSucceeded { .. }
            | EventKind::ExecutionFailed(_)
            | EventKind::ExecutionAborted(_)
            | EventKind::ExecutionTimedOut(_)
            | EventKind::ExecutionRedriven { .. } => {}
            EventKind::StateEntered { state, input } => {
                let retriers = self.state(*state).retriers.len();
                self.change(id, |branch| branch.enter(event, input, retriers));
                self.wake(id);
            }
            EventKind::StateExited { state: _, output, assigned, transition } => {
                // A catcher took the failure: nothing goes on below any more.
                if self.branches.get(id).is_some_and(|branch| branch.is_given_up()) {
                    self.remove_below(id);
                }
                self.change(id, |branch| {
                    branch.leave(event, assigned);
                    match transition {
                        Transition::Next(next) => branch.go_to(*next, output),
                        Transition::End => branch.phase = Phase::Ended { output: output.clone() },
                    }
                });
                if let Transition::Next(next) = transition
                    && self.origin.definition.state(*next).is_none()
                {
                    return Err("it leads to no state");
                }
                if *transition == Transition::End && self.is_in_parallel(id) {
                    self.deliver(id, event_id, output.clone());
                } else {
                    self.wake(id);
                }
            }
            EventKind::EvaluationFailed { .. } => {
                self.change(id, |branch| branch.last_event_id = event_id);
            }
            EventKind::StateAborted { .. }
            | EventKind::IterationFailed { .. }
            | EventKind::IterationAborted { .. } => {}
            EventKind::WaitBegan { until } => {
                self.change(id, |branch| branch.phase = Phase::Waiting { until: *until });
            }
            EventKind::TaskScheduled { state, parameters, timeout_seconds, heartbeat_seconds } => {
                // Timeout (recorded) and heartbeat (Developer Guide, "Task state fields") of an activity
                // begin when a worker has it. One that nobody takes waits as long as the execution does.
                let resource = self.origin.definition.task_resource(*state);
                let begins_now = !matches!(resource, Some(Resource::Activity { .. }));
                let due = |seconds: Option<u64>| {
                    seconds.filter(|_| begins_now).map(|seconds| at.after_seconds(seconds))
                };
                self.change(id, |branch| {
                    branch.last_event_id = event_id;
                    branch.phase = Phase::Task(Task {
                        scheduled_event_id: event_id,
                        parameters: parameters.clone(),
                        timeout_seconds: *timeout_seconds,
                        heartbeat_seconds: *heartbeat_seconds,
                        started: false,
                        submitted: false,
                        timeout_due: due(*timeout_seconds),
                        heartbeat_due: due(*heartbeat_seconds),
                    });
                });
            }
            EventKind::TaskStarted { .. } => {
                self.change_task(id, |branch_last, task| {
                    *branch_last = event_id;
                    task.started = true;
                    let timeout_due = || task.timeout_seconds.map(|seconds| at.after_seconds(seconds));
                    task.timeout_due = task.timeout_due.or_else(timeout_due);
                    // Its heartbeat runs from when a worker has it, or the call is made.
                    task.heartbeat_due = task.heartbeat_seconds.map(|seconds| at.after_seconds(seconds));
                })?;
            }
            EventKind::TaskSubmitted { .. } => {
                self.change_task(id, |branch_last, task| {
                    *branch_last = event_id;
                    task.submitted = true;
                })?;
            }
            EventKind::TaskSucceeded { state: _, output } => {
                self.end_task(id, event_id, Phase::Result { output: output.clone() })?;
            }
            EventKind::TaskFailed { state: _, failure } => {
                self.end_task(id, event_id, Phase::Failed(failure.clone().into()))?;
            }
            EventKind::TaskTimedOut { state: _, heartbeat } => {
                let failure = Failure::named(stepwell_model::error_names::TIMEOUT);
                self.end_task(id, event_id, Phase::Failed(Trouble { failure, heartbeat: *heartbeat }))?;
            }
            EventKind::RetryScheduled { retrier, due } => {
                self.remove_below(id);
                self.change(id, |branch| {
                    branch.last_event_id = event.previous_id;
                    branch.retry_count += 1;
                    if let Some(count) = branch.retries.get_mut(*retrier as usize) {
                        *count += 1;
                    }
                    branch.phase = Phase::Retrying { due: *due };
                });
            }
            EventKind::ParallelStarted { input } => {
                let StateKind::Parallel(parallel) = &self.state(at_state).kind else {
                    return Err("the state is no Parallel");
                };
                let scopes = parallel.branches.clone();
                let children = Children {
                    results: vec![None; scopes.len()],
                    finished: 0,
                    running: scopes.len() as u64,
                    items: None,
                    next_index: 0,
                    concurrency_max: 0,
                    last_event_id: event_id,
                    joined_event_id: event_id,
                    effective_input: Scratch(None),
                };
                self.change(id, |branch| {
                    branch.last_event_id = event_id;
                    branch.phase = Phase::Children(children);
                });
                for (index, scope) in (0..).zip(scopes) {
                    self.begin_branch(Some((id, index)), scope, input.clone(), event_id);
                }
                self.wake(id);
            }
            EventKind::MapStarted { items, concurrency_max } => {
                let length = items.value().as_array().ok_or("the items are no array")?.len();
                let most = if *concurrency_max == 0 { CONCURRENCY_MAX } else { *concurrency_max };
                let children = Children {
                    results: vec![None; length],
                    finished: 0,
                    running: 0,
                    items: Some(items.clone()),
                    next_index: 0,
                    concurrency_max: most.min(CONCURRENCY_MAX),
                    last_event_id: event_id,
                    joined_event_id: event_id,
                    effective_input: Scratch(None),
                };
                self.change(id, |branch| {
                    branch.last_event_id = event_id;
                    branch.phase = Phase::Children(children);
                });
                self.wake(id);
            }
            EventKind::ParallelSucceeded | EventKind::MapSucceeded => {
                let branch = self.branches.get(id).ok_or("there is no such branch")?;
                let Phase::Children(children) = &branch.phase else { return Err("it has no branches") };
                if !children.are_done() {
                    return Err("not all of its branches have ended");
                }
                let output = Payload::array(children.results.iter().flatten());
                self.change(id, |branch| {
                    // What follows points back to the same event as the join itself, as AWS has it.
                    branch.last_event_id = event.previous_id;
                    branch.phase = Phase::Result { output };
                });
                self.wake(id);
            }
            EventKind::ParallelFailed | EventKind::MapFailed => {
                // They stay: if the execution ends of it, a redrive goes on with them.
                for child in self.below(id) {
                    self.change(child, Branch::give_up);
                }
                self.change(id, |branch| {
                    branch.last_event_id = event_id;
                    branch.give_up();
                });
            }
            EventKind::IterationStarted { state: _, index, input } => {
                let StateKind::Map(map) = &self.state(at_state).kind else {
                    return Err("the state is no Map");
                };
                let scope = map.processor;
                self.change(id, |branch| {
                    if let Phase::Children(children) = &mut branch.phase {
                        children.next_index = index + 1;
                        children.running += 1;
                    }
                });
                self.begin_branch(Some((id, *index)), scope, input.clone(), event_id);
            }
            EventKind::IterationSucceeded { .. } => {
                let branch = self.branches.get(id).ok_or("there is no such branch")?;
                let Phase::Ended { output } = &branch.phase else {
                    return Err("the iteration has not ended");
                };
                let output = output.clone();
                self.deliver(id, event_id, output);
            }
        }
        Ok(())
    }

    /// The branch, if it is at this state and neither waits nor has branches below: then nothing is derived
    /// from where it is.
    fn plain_branch(&mut self, id: u32, state: StateId) -> Option<&mut Branch> {
        let branch = self.branches.get_mut(id)?;
        let is_plain = matches!(branch.phase, Phase::Enter | Phase::Entered | Phase::Result { .. });
        (is_plain && branch.state == state).then_some(branch)
    }

    fn is_in_parallel(&self, id: u32) -> bool {
        let parent = self.branches.get(id).and_then(|branch| branch.parent);
        let state = parent.and_then(|(parent, _)| self.branches.get(parent)).map(|parent| parent.state);
        state.is_some_and(|state| matches!(self.state(state).kind, StateKind::Parallel(_)))
    }

    fn change_task(&mut self, id: u32, change: impl FnOnce(&mut u64, &mut Task)) -> Result<(), &'static str> {
        let mut found = false;
        self.change(id, |branch| {
            if let Phase::Task(task) = &mut branch.phase {
                found = true;
                change(&mut branch.last_event_id, task);
            }
        });
        if found { Ok(()) } else { Err("no task is waited for") }
    }

    fn end_task(&mut self, id: u32, event_id: u64, phase: Phase) -> Result<(), &'static str> {
        self.change_task(id, |_, _| {})?;
        self.change(id, |branch| {
            branch.last_event_id = event_id;
            branch.phase = phase;
        });
        self.wake(id);
        Ok(())
    }

    /// Changes a branch and keeps what is derived from it.
    pub(crate) fn change(&mut self, id: u32, change: impl FnOnce(&mut Branch)) {
        let Some(branch) = self.branches.get_mut(id) else { return };
        let before = branch.due();
        let task_before = branch.task_id();
        change(branch);
        let after = branch.due();
        let task_after = branch.task_id();
        if before != after {
            if let Some(due) = before {
                self.due.remove(&(due, id));
            }
            if let Some(due) = after {
                self.due.insert((due, id));
            }
        }
        if task_before != task_after {
            if let Some(task) = task_before {
                self.tasks.remove(&task);
            }
            if let Some(task) = task_after {
                self.tasks.insert(task, id);
            }
        }
    }

    /// Keeps the effective input of a Map for its next iterations.
    pub(crate) fn remember_input(&mut self, id: u32, input: Payload) {
        self.change(id, |branch| {
            if let Phase::Children(children) = &mut branch.phase {
                children.effective_input = Scratch(Some(input));
            }
        });
    }

    /// Lets what comes next in a branch point back to another event.
    pub(crate) fn follow(&mut self, id: u32, last_event_id: u64) {
        self.change(id, |branch| branch.last_event_id = last_event_id);
    }

    /// How many bytes all live variables have.
    pub(crate) fn variable_bytes(&self) -> usize {
        // What is below a state that failed is kept for a redrive only.
        let lives = |branch: &Branch| {
            let around = branch.parent.and_then(|(parent, _)| self.branches.get(parent));
            !around.is_some_and(|branch| branch.is_given_up())
        };
        let variables = self
            .branches
            .iter()
            .filter(|(_, branch)| lives(branch))
            .flat_map(|(_, branch)| branch.variables.values());
        variables.map(|value| value.text().len()).sum()
    }

    pub(crate) fn wake(&mut self, id: u32) {
        if self.ready.back() != Some(&id) {
            self.ready.push_back(id);
        }
    }

    fn begin_branch(
        &mut self,
        parent: Option<(u32, u64)>,
        scope: ScopeId,
        input: Payload,
        last_event_id: u64,
    ) {
        let id = self.next_branch;
        self.next_branch += 1;
        let start_at = self.origin.definition.scope(scope).start_at;
        self.branches.insert(id, Branch::new(parent, start_at, input, last_event_id));
        self.wake(id);
    }

    fn remove_branch(&mut self, id: u32) {
        // It waits for nothing any more; this takes it out of what is derived.
        self.change(id, |branch| branch.phase = Phase::Entered);
        self.branches.remove(id);
    }

    /// The branches below `id`, at any depth, in the order in which they began.
    pub(crate) fn below(&self, id: u32) -> Vec<u32> {
        // A branch has a larger id than the one that began it.
        let mut found = BTreeSet::from([id]);
        for (child, branch) in self.branches.after(id) {
            if branch.parent.is_some_and(|(parent, _)| found.contains(&parent)) {
                found.insert(child);
            }
        }
        found.remove(&id);
        found.into_iter().collect()
    }

    fn remove_below(&mut self, id: u32) {
        for child in self.below(id) {
            self.remove_branch(child);
        }
    }

    /// Gives the output of a branch to the Parallel or Map that began it, and ends it.
    fn deliver(&mut self, id: u32, joined_event_id: u64, output: Payload) {
        let Some(branch) = self.branches.get(id) else { return };
        let last_event_id = branch.last_event_id;
        let Some((parent, index)) = branch.parent else { return };
        self.remove_branch(id);
        self.change(parent, |parent| {
            if let Phase::Children(children) = &mut parent.phase {
                if let Some(place) = children.results.get_mut(index as usize) {
                    *place = Some(output);
                }
                children.finished += 1;
                children.running = children.running.saturating_sub(1);
                children.last_event_id = last_event_id;
                children.joined_event_id = joined_event_id;
            }
        });
        self.wake(parent);
    }

    fn close(
        &mut self,
        status: ExecutionStatus,
        at: Timestamp,
        output: Option<Payload>,
        failure: Option<Failure>,
    ) {
        self.status = status;
        self.closed_at = Some(at);
        self.output = output;
        self.failure = failure;
        match status {
            ExecutionStatus::Running | ExecutionStatus::Succeeded => self.branches.clear(),
            ExecutionStatus::Failed | ExecutionStatus::TimedOut | ExecutionStatus::Aborted => {
                self.branches.values_mut().for_each(|branch| branch.give_up());
            }
        }
        self.ready.clear();
        self.due.clear();
        self.tasks.clear();
    }
}

impl Branch {
    /// It has entered the state that it is at.
    fn enter(&mut self, event: &Event, input: &Payload, retriers: usize) {
        self.last_event_id = event.id;
        self.entered_event_id = event.id;
        self.entered_after_event_id = event.previous_id;
        self.entered_at = event.at;
        self.input = input.clone();
        self.retries = vec![0; retriers];
        self.retry_count = 0;
        self.phase = Phase::Entered;
    }

    /// It has left its state.
    fn leave(&mut self, event: &Event, assigned: &[(Arc<str>, Payload)]) {
        self.last_event_id = event.id;
        self.variables.extend(assigned.iter().cloned());
    }

    /// It is about to enter another one.
    fn go_to(&mut self, next: StateId, input: &Payload) {
        self.state = next;
        self.input = input.clone();
        self.phase = Phase::Enter;
    }
}
