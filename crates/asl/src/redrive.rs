//! Redrive: an execution that ended badly goes on from the states that were entered and not left.
//!
//! | state                | what a redrive does                                                     |
//! |----------------------|-------------------------------------------------------------------------|
//! | not entered yet      | it is entered                                                           |
//! | `Task`               | scheduled again, with a new `…Scheduled` event; `TimeoutSeconds` anew   |
//! | `Choice`, `Pass`     | evaluated again                                                         |
//! | `Wait`               | its moment is found again: one that has passed is no wait, and          |
//! |                      | `Seconds` count from the redrive                                        |
//! | `Fail`               | fails again                                                             |
//! | `Parallel`, `Map`    | goes on with the branches that had not succeeded, each by this table;   |
//! |                      | what the others gave is kept. One whose own result was larger than a    |
//! |                      | payload may be begins anew                                              |
//!
//! No state is entered again: its input, its `EnteredTime` and what was assigned stay. Retriers count
//! from 0 again, and so does the machine's `TimeoutSeconds`.
//!
//! History: `ExecutionRedriven`, which points back to the event of the end; then what the states do
//! again, which points back to their entry. A failure that comes before anything else is shown points
//! back to `ExecutionRedriven`.
//!
//! Source: Developer Guide, "Restarting state machine executions with redrive"; the history is as
//! recorded from AWS for activities in a chain, a Parallel and a Map, for a Fail, and after a stop and
//! after timeouts. Not recorded: a Wait, a Choice, nested branches.

use std::sync::Arc;

use stepwell_model::{ExecutionStatus, Timestamp, error_names};

use crate::decide::Hand;
use crate::execution::{Branch, Execution, Phase};
use crate::io::Refused;
use crate::journal::{Event, EventKind};
use crate::state::StateKind;

/// How many requests a repeated one is told by: the last ones.
///
/// Source: API reference, RedriveExecution.
pub const CLIENT_TOKENS_MAX: usize = 10;

/// How long a request is remembered by its client token, in seconds.
///
/// Source: API reference, RedriveExecution.
pub const CLIENT_TOKEN_SECONDS: u64 = 15 * 60;

/// A request to redrive that was followed.
#[derive(Debug, PartialEq)]
pub(crate) struct RedriveRequest {
    pub(crate) at: Timestamp,
    pub(crate) client_token: Arc<str>,
}

impl Execution {
    /// How often it was redriven.
    pub fn redrive_count(&self) -> u64 {
        self.redrive_count
    }

    /// When it was redriven last.
    pub fn redriven_at(&self) -> Option<Timestamp> {
        self.redriven_at
    }

    /// When a request with this client token was followed, if `now` it is still remembered.
    pub fn redriven_by(&self, client_token: &str, now: Timestamp) -> Option<Timestamp> {
        let is_it = |request: &&RedriveRequest| {
            *request.client_token == *client_token && now < request.at.after_seconds(CLIENT_TOKEN_SECONDS)
        };
        self.redrive_requests.iter().find(is_it).map(|request| request.at)
    }

    /// Whether it ended, and badly.
    fn ended_badly(&self) -> bool {
        match self.status {
            ExecutionStatus::Running | ExecutionStatus::Succeeded => false,
            ExecutionStatus::Failed | ExecutionStatus::TimedOut | ExecutionStatus::Aborted => true,
        }
    }

    /// Applies `ExecutionRedriven`.
    pub(crate) fn reopen(
        &mut self,
        event: &Event,
        redrive_count: u64,
        client_token: Option<Arc<str>>,
    ) -> Result<(), &'static str> {
        if !self.ended_badly() {
            return Err("the execution has not ended badly");
        }
        let failure = self.failure.take();
        let end = End {
            failed: self.status == ExecutionStatus::Failed,
            too_large: failure
                .is_some_and(|failure| failure.error_name() == error_names::DATA_LIMIT_EXCEEDED),
        };
        self.status = ExecutionStatus::Running;
        self.closed_at = None;
        self.output = None;
        self.redrive_count = redrive_count;
        self.redriven_at = Some(event.at);
        self.redriven_event_id = event.id;
        if let Some(client_token) = client_token {
            self.redrive_requests.push_back(RedriveRequest { at: event.at, client_token });
            if self.redrive_requests.len() > CLIENT_TOKENS_MAX {
                self.redrive_requests.pop_front();
            }
        }
        let branches: Vec<u32> = self.branches.iter().map(|(id, _)| id).collect();
        for id in &branches {
            let is_task = match self.branches.get(*id).map(|branch| branch.state) {
                Some(state) => matches!(self.state(state).kind, StateKind::Task(_)),
                None => false,
            };
            self.change(*id, |branch| branch.resume(&end, is_task));
        }
        // What was under way comes first, new iterations of a Map after it.
        let (around, under_way): (Vec<u32>, Vec<u32>) = branches
            .into_iter()
            .partition(|id| self.branches.get(*id).is_some_and(|b| matches!(b.phase, Phase::Children(_))));
        for id in under_way.into_iter().chain(around) {
            self.wake(id);
        }
        Ok(())
    }
}

/// How an execution ended that goes on.
struct End {
    /// A state failed; otherwise it was stopped or took too long.
    failed: bool,
    /// The failure was that something was larger than a payload may be.
    too_large: bool,
}

impl Branch {
    /// Whether it failed for good, or its execution ended.
    pub(crate) fn is_given_up(&self) -> bool {
        matches!(self.phase, Phase::GivenUp { .. })
    }

    /// Lets it wait for nothing any more, and keeps what it was.
    pub(crate) fn give_up(&mut self) {
        if !self.is_given_up() {
            let was = Box::new(std::mem::replace(&mut self.phase, Phase::Entered));
            self.phase = Phase::GivenUp { was };
        }
    }

    /// Goes on from what it was.
    fn resume(&mut self, end: &End, is_task: bool) {
        let was = match std::mem::replace(&mut self.phase, Phase::Entered) {
            Phase::GivenUp { was } => *was,
            other => other,
        };
        self.retries.fill(0);
        self.retry_count = 0;
        match was {
            // What comes next follows from what came last: nothing of the state was shown yet, or
            // all of it.
            Phase::Enter | Phase::Ended { .. } => {
                self.phase = was;
                return;
            }
            Phase::Children(ref children) if !(end.too_large && children.are_done()) => self.phase = was,
            // A result that was only waiting to be taken is taken. One that could not be: AWS schedules
            // a task again, and keeps what branches gave unless that was too large.
            Phase::Result { .. } if !end.failed || !(is_task || end.too_large) => {
                self.phase = was;
                return;
            }
            Phase::Children(_)
            | Phase::Result { .. }
            | Phase::Entered
            | Phase::Waiting { .. }
            | Phase::Retrying { .. }
            | Phase::Task(_)
            | Phase::Failed(_)
            | Phase::GivenUp { .. } => (),
        }
        self.last_event_id = self.entered_event_id;
    }
}

impl Hand<'_> {
    pub(crate) fn redrive(&mut self, client_token: Option<Arc<str>>) -> Result<(), Refused> {
        // There has to be room for the event of the redrive and for one more.
        let is_full = self.execution.last_event_id + 1 >= self.origin.limits.history_events_max;
        if !self.execution.ended_badly() || is_full {
            return Err(Refused::NotRedrivable);
        }
        let redrive_count = self.execution.redrive_count + 1;
        let previous_id = self.execution.last_event_id;
        self.emit(0, previous_id, EventKind::ExecutionRedriven { redrive_count, client_token });
        Ok(())
    }
}
