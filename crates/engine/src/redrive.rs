//! Which executions can be redriven. What a redrive does is told in `asl`, how it is made durable in
//! `shard`.
//!
//! Source: Developer Guide, "Redrive eligibility for unsuccessful executions". AWS also refuses what was
//! started before it had the operation; here every journal can be redriven.

use stepwell_model::{ExecutionStatus, Timestamp};

use crate::commons::Commons;
use crate::requests::{ExecutionView, MachineKey};

/// Why an execution cannot be redriven.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotRedrivable {
    /// It is open.
    #[error("it is open")]
    Running,
    /// It ended well.
    #[error("it succeeded")]
    Succeeded,
    /// Its machine is being deleted, or gone.
    #[error("its state machine is being deleted")]
    MachineDeleting,
    /// Its history has no room for `ExecutionRedriven` and one more event.
    #[error("its history is full")]
    HistoryFull,
    /// It was started longer ago than an execution may last.
    #[error("it was started too long ago")]
    LastedTooLong,
    /// It ended longer ago than a redrive may come after.
    #[error("it ended too long ago")]
    PeriodExceeded,
}

impl NotRedrivable {
    /// The reason as `redriveStatusReason` gives it. Source: API reference, DescribeExecution; recorded
    /// for an execution that is open or succeeded. AWS's seventh, "Execution was started before the
    /// launch of RedriveExecution", is never true here.
    pub fn reason(self) -> &'static str {
        match self {
            NotRedrivable::MachineDeleting => "State machine is in DELETING status",
            NotRedrivable::Running => "Execution is RUNNING and cannot be redriven",
            NotRedrivable::Succeeded => "Execution is SUCCEEDED and cannot be redriven",
            NotRedrivable::HistoryFull => "Execution history event limit exceeded",
            NotRedrivable::LastedTooLong => "Execution has exceeded the max execution time",
            NotRedrivable::PeriodExceeded => "Execution redrivable period exceeded",
        }
    }
}

/// What is looked at.
pub(crate) struct Candidate<'a> {
    /// The machine it was started by, and its number then.
    pub(crate) machine: (&'a MachineKey, u64),
    pub(crate) status: ExecutionStatus,
    pub(crate) started_at: Timestamp,
    pub(crate) closed_at: Option<Timestamp>,
    pub(crate) last_event_id: u64,
}

impl<'a> From<&'a ExecutionView> for Candidate<'a> {
    fn from(view: &'a ExecutionView) -> Candidate<'a> {
        Candidate {
            machine: (&view.key.machine, view.machine),
            status: view.status,
            started_at: view.started_at,
            closed_at: view.closed_at,
            last_event_id: view.last_event_id,
        }
    }
}

impl Commons {
    /// Why an execution cannot be redriven at `now`; `None` if it can.
    pub(crate) fn not_redrivable(&self, of: &Candidate<'_>, now: Timestamp) -> Option<NotRedrivable> {
        match of.status {
            ExecutionStatus::Running => return Some(NotRedrivable::Running),
            ExecutionStatus::Succeeded => return Some(NotRedrivable::Succeeded),
            ExecutionStatus::Failed | ExecutionStatus::TimedOut | ExecutionStatus::Aborted => (),
        }
        let limits = &self.options.limits;
        let (key, number) = of.machine;
        // One that was created again under the name is another machine.
        if self.machine_in_service(key).is_ok_and(|machine| machine.number == number) {
            if of.last_event_id + 1 >= limits.history_events_max {
                return Some(NotRedrivable::HistoryFull);
            }
            if now >= of.started_at.after_seconds(limits.execution_seconds_max) {
                return Some(NotRedrivable::LastedTooLong);
            }
            let closed_at = of.closed_at.unwrap_or(now);
            let is_late = now > closed_at.after_seconds(limits.redrive_seconds_max);
            return is_late.then_some(NotRedrivable::PeriodExceeded);
        }
        Some(NotRedrivable::MachineDeleting)
    }
}
