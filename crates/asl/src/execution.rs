//! The state of an execution, and how events change it.
//!
//! An execution is a set of branches: the machine itself, and those that Parallel and Map began.
//! Each is at one state and in one phase of it. Nothing here decides anything: see `decide`.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use stepwell_model::{ExecutionStatus, Failure, Resource, Timestamp};
use stepwell_value::{Map, Payload};

use crate::branches::Branches;
use crate::definition::{State, StateId};
use crate::io::{Origin, Outstanding, TIMEOUT_GRACE_SECONDS, TaskSpec};
use crate::redrive::RedriveRequest;
use crate::retry::Trouble;

/// An execution in memory.
///
/// Two are equal when they would go on alike: deadlines that a heartbeat or a restart put off, and
/// the order in which branches wait for their turn, do not count.
#[derive(Debug)]
pub struct Execution {
    pub(crate) origin: Arc<Origin>,
    pub(crate) started_at: Timestamp,
    pub(crate) input: Payload,
    pub(crate) seed: u64,
    pub(crate) status: ExecutionStatus,
    pub(crate) closed_at: Option<Timestamp>,
    pub(crate) output: Option<Payload>,
    pub(crate) failure: Option<Failure>,
    pub(crate) last_event_id: u64,
    /// How often it was redriven, when the last time, and the event that tells so.
    pub(crate) redrive_count: u64,
    pub(crate) redriven_at: Option<Timestamp>,
    pub(crate) redriven_event_id: u64,
    /// The requests to redrive that a repeated one may be told by, latest last.
    pub(crate) redrive_requests: VecDeque<RedriveRequest>,
    pub(crate) next_branch: u32,
    /// Those under way; of an execution that ended badly, those that a redrive goes on with.
    pub(crate) branches: Branches,
    /// Branches that can go on, in the order of their turns.
    pub(crate) ready: VecDeque<u32>,
    /// Deadlines of branches, earliest first.
    pub(crate) due: BTreeSet<(Timestamp, u32)>,
    /// Tasks that are waited for, by the id of their `…Scheduled` event, with their branch.
    pub(crate) tasks: BTreeMap<u64, u32>,
    /// The context object of a test of one state, instead of the execution's own.
    pub(crate) context: Option<Map>,
}

/// A line of states under way.
#[derive(Debug, PartialEq)]
pub(crate) struct Branch {
    /// The branch of the Parallel or Map that began it, and the place there.
    pub(crate) parent: Option<(u32, u64)>,
    /// The history event that what comes next points back to.
    pub(crate) last_event_id: u64,
    /// What was assigned in this branch itself.
    pub(crate) variables: BTreeMap<Arc<str>, Payload>,
    /// The state it is at, or about to enter.
    pub(crate) state: StateId,
    /// The raw input of that state.
    pub(crate) input: Payload,
    pub(crate) entered_event_id: u64,
    /// What the event of its entry points back to.
    pub(crate) entered_after_event_id: u64,
    pub(crate) entered_at: Timestamp,
    /// New attempts of this visit, retrier by retrier, and all together.
    pub(crate) retries: Vec<u64>,
    pub(crate) retry_count: u64,
    pub(crate) phase: Phase,
}

#[derive(Debug, PartialEq)]
pub(crate) enum Phase {
    /// `state` is to be entered.
    Enter,
    /// It was entered; its chapter decides what next.
    Entered,
    /// A Wait holds until then.
    Waiting { until: Timestamp },
    /// A retrier holds until then.
    Retrying { due: Timestamp },
    /// A task is waited for.
    Task(Task),
    /// The task, or all branches below, ended well with this.
    Result { output: Payload },
    /// The task ended badly.
    Failed(Trouble),
    /// The branches below are waited for.
    Children(Children),
    /// The branch has come to its end with this.
    Ended { output: Payload },
    /// Failed for good, or ended with the execution: the next event tells what comes of it. A
    /// redrive goes on from what it was.
    GivenUp { was: Box<Phase> },
}

/// A task that is waited for.
#[derive(Debug)]
pub(crate) struct Task {
    pub(crate) scheduled_event_id: u64,
    pub(crate) parameters: Payload,
    pub(crate) timeout_seconds: Option<u64>,
    pub(crate) heartbeat_seconds: Option<u64>,
    pub(crate) started: bool,
    pub(crate) submitted: bool,
    pub(crate) timeout_due: Option<Timestamp>,
    pub(crate) heartbeat_due: Option<Timestamp>,
}

/// Equal without the deadlines, which heartbeats and restarts put off.
impl PartialEq for Task {
    fn eq(&self, other: &Task) -> bool {
        self.scheduled_event_id == other.scheduled_event_id
            && self.parameters == other.parameters
            && self.timeout_seconds == other.timeout_seconds
            && self.heartbeat_seconds == other.heartbeat_seconds
            && self.started == other.started
            && self.submitted == other.submitted
    }
}

impl Task {
    fn due(&self) -> Option<Timestamp> {
        match (self.timeout_due, self.heartbeat_due) {
            (Some(timeout), Some(heartbeat)) => Some(timeout.min(heartbeat)),
            (timeout, heartbeat) => timeout.or(heartbeat),
        }
    }
}

/// The branches below a Parallel or Map.
#[derive(Debug, PartialEq)]
pub(crate) struct Children {
    /// Their outputs, each in its place.
    pub(crate) results: Vec<Option<Payload>>,
    pub(crate) finished: usize,
    pub(crate) running: u64,
    /// Of a Map: its items, the next one to begin, how many at once.
    pub(crate) items: Option<Payload>,
    pub(crate) next_index: u64,
    pub(crate) concurrency_max: u64,
    /// What the next iteration points back to: the last event inside the branch that ended last, or
    /// the event that began them all.
    pub(crate) last_event_id: u64,
    /// What the join points back to: the same, but for a Map the event that ended the iteration.
    pub(crate) joined_event_id: u64,
    /// Of a Map: its effective input, once an iteration has asked for it.
    pub(crate) effective_input: Scratch<Payload>,
}

/// Something kept because making it again takes time; it says nothing about the execution.
#[derive(Debug)]
pub(crate) struct Scratch<T>(pub(crate) Option<T>);

impl<T> PartialEq for Scratch<T> {
    fn eq(&self, _: &Scratch<T>) -> bool {
        true
    }
}

impl Children {
    /// Whether another iteration may begin.
    pub(crate) fn may_begin(&self) -> bool {
        self.items.is_some()
            && self.next_index < self.results.len() as u64
            && self.running < self.concurrency_max
    }

    /// Whether all have ended.
    pub(crate) fn are_done(&self) -> bool {
        self.finished == self.results.len()
    }
}

impl Branch {
    pub(crate) fn new(
        parent: Option<(u32, u64)>,
        state: StateId,
        input: Payload,
        last_event_id: u64,
    ) -> Branch {
        Branch {
            parent,
            last_event_id,
            variables: BTreeMap::new(),
            state,
            input,
            entered_event_id: 0,
            entered_after_event_id: 0,
            entered_at: Timestamp::default(),
            retries: Vec::new(),
            retry_count: 0,
            phase: Phase::Enter,
        }
    }

    /// When it has to be looked at again, if nothing comes before.
    pub(crate) fn due(&self) -> Option<Timestamp> {
        match &self.phase {
            Phase::Waiting { until } => Some(*until),
            Phase::Retrying { due } => Some(*due),
            Phase::Task(task) => task.due(),
            Phase::Enter
            | Phase::Entered
            | Phase::Result { .. }
            | Phase::Failed(_)
            | Phase::Children(_)
            | Phase::Ended { .. }
            | Phase::GivenUp { .. } => None,
        }
    }

    /// Whether it can go on without hearing anything.
    pub(crate) fn can_go_on(&self) -> bool {
        match &self.phase {
            Phase::Enter | Phase::Entered | Phase::Result { .. } | Phase::Failed(_) | Phase::Ended { .. } => {
                true
            }
            Phase::Children(children) => children.may_begin() || children.are_done(),
            Phase::Waiting { .. } | Phase::Retrying { .. } | Phase::Task(_) | Phase::GivenUp { .. } => false,
        }
    }
}

/// Equal when they would go on alike.
impl PartialEq for Execution {
    fn eq(&self, other: &Execution) -> bool {
        self.started_at == other.started_at
            && self.input == other.input
            && self.seed == other.seed
            && self.status == other.status
            && self.closed_at == other.closed_at
            && self.output == other.output
            && self.failure == other.failure
            && self.last_event_id == other.last_event_id
            && self.redrive_count == other.redrive_count
            && self.redriven_at == other.redriven_at
            && self.redriven_event_id == other.redriven_event_id
            && self.redrive_requests == other.redrive_requests
            && self.next_branch == other.next_branch
            && self.branches == other.branches
            && self.tasks == other.tasks
    }
}

impl Execution {
    /// An execution that has not begun: give it `Input::Start`, or `apply` its journal.
    pub fn new(origin: Arc<Origin>) -> Execution {
        Execution {
            origin,
            started_at: Timestamp::default(),
            input: Payload::empty_object(),
            seed: 0,
            status: ExecutionStatus::Running,
            closed_at: None,
            output: None,
            failure: None,
            last_event_id: 0,
            redrive_count: 0,
            redriven_at: None,
            redriven_event_id: 0,
            redrive_requests: VecDeque::new(),
            next_branch: 0,
            branches: Branches::default(),
            ready: VecDeque::new(),
            due: BTreeSet::new(),
            tasks: BTreeMap::new(),
            context: None,
        }
    }

    /// What it is for good.
    pub fn origin(&self) -> &Arc<Origin> {
        &self.origin
    }

    /// Its status.
    pub fn status(&self) -> ExecutionStatus {
        self.status
    }

    /// When it began.
    pub fn started_at(&self) -> Timestamp {
        self.started_at
    }

    /// When it ended.
    pub fn closed_at(&self) -> Option<Timestamp> {
        self.closed_at
    }

    /// The id of its last history event; 0 before it began.
    pub fn last_event_id(&self) -> u64 {
        self.last_event_id
    }

    /// Its input.
    pub fn input(&self) -> &Payload {
        &self.input
    }

    /// Its output, once it succeeded.
    pub fn output(&self) -> Option<&Payload> {
        self.output.as_ref()
    }

    /// Why it failed, timed out or was aborted.
    pub fn failure(&self) -> Option<&Failure> {
        self.failure.as_ref()
    }

    /// Whether `Input::Continue` would do something.
    pub fn has_work(&self) -> bool {
        let can_go_on = |id: &u32| self.branches.get(*id).is_some_and(|branch| branch.can_go_on());
        self.ready.iter().any(can_go_on)
    }

    /// When `Input::Tick` is next wanted; `None` once it has ended.
    pub fn next_due(&self) -> Option<Timestamp> {
        let whole = self.deadline()?;
        Some(self.due.first().map_or(whole, |(due, _)| (*due).min(whole)))
    }

    /// When the execution as a whole has lasted as long as it may; `None` once it has ended.
    pub fn deadline(&self) -> Option<Timestamp> {
        if self.status != ExecutionStatus::Running {
            return None;
        }
        let most = self.started_at.after_seconds(self.origin.limits.execution_seconds_max);
        let Some(seconds) = self.origin.definition.timeout_seconds else { return Some(most) };
        // A redrive starts the machine's own timeout anew, and not what AWS bounds an execution by.
        let since = self.redriven_at.unwrap_or(self.started_at);
        Some(since.after_seconds(seconds).min(most))
    }

    /// Whether it only waits: for a moment, for the token of a task that nobody has to keep the heartbeat
    /// of, or for a task to be sent or handed out. Then it need not be kept in memory.
    pub fn is_parked(&self) -> bool {
        let waits = |branch: &Branch| match &branch.phase {
            Phase::Waiting { .. } | Phase::Retrying { .. } => true,
            Phase::Children(_) => !branch.can_go_on(),
            Phase::Task(task) => {
                let activity = matches!(self.resource(branch.state), Some(Resource::Activity { .. }));
                !task.started || (activity || task.submitted) && task.heartbeat_seconds.is_none()
            }
            Phase::Enter
            | Phase::Entered
            | Phase::Result { .. }
            | Phase::Failed(_)
            | Phase::Ended { .. }
            | Phase::GivenUp { .. } => false,
        };
        self.status == ExecutionStatus::Running && self.branches.iter().all(|(_, branch)| waits(branch))
    }

    /// The tasks it waits for, in the order of their scheduling.
    pub fn outstanding(&self) -> Vec<Outstanding> {
        let outstanding = |branch: &u32| {
            let branch = self.branches.get(*branch)?;
            let Phase::Task(task) = &branch.phase else { return None };
            let resource = self.resource(branch.state)?.clone();
            Some(Outstanding {
                task: TaskSpec {
                    scheduled_event_id: task.scheduled_event_id,
                    resource,
                    parameters: task.parameters.clone(),
                    timeout_seconds: task.timeout_seconds,
                    heartbeat_seconds: task.heartbeat_seconds,
                },
                started: task.started,
                submitted: task.submitted,
                state: self.state(branch.state).name.clone(),
                timeout_due: task.timeout_due,
            })
        };
        self.tasks.values().filter_map(outstanding).collect()
    }

    fn resource(&self, state: StateId) -> Option<&Resource> {
        self.origin.definition.task_resource(state)
    }

    pub(crate) fn state(&self, id: StateId) -> &State {
        self.origin.definition.state(id).expect("apply refuses events of states that are not there")
    }

    /// The value of a variable as a branch sees it: its own, or one of those around it.
    pub(crate) fn variable(&self, branch: u32, name: &str) -> Option<&Payload> {
        let mut at = Some(branch);
        while let Some(id) = at {
            let branch = self.branches.get(id)?;
            if let Some(value) = branch.variables.get(name) {
                return Some(value);
            }
            at = branch.parent.map(|(parent, _)| parent);
        }
        None
    }

    /// Puts off the deadlines that passed while no server was there to be told.
    pub(crate) fn put_off(&mut self, server_started_at: Timestamp) {
        let branches: Vec<u32> = self.tasks.values().copied().collect();
        for id in branches {
            self.change(id, |branch| {
                if let Phase::Task(task) = &mut branch.phase
                    && task.started
                {
                    let grace = server_started_at.after_seconds(TIMEOUT_GRACE_SECONDS);
                    task.timeout_due = task.timeout_due.map(|due| due.max(grace));
                    let heartbeat =
                        task.heartbeat_seconds.map(|seconds| server_started_at.after_seconds(seconds));
                    task.heartbeat_due = task.heartbeat_due.max(heartbeat);
                }
            });
        }
    }

    /// Starts a task's heartbeat anew. Whether there is such a task.
    pub(crate) fn heartbeat(&mut self, scheduled_event_id: u64, now: Timestamp) -> bool {
        let Some(id) = self.tasks.get(&scheduled_event_id).copied() else { return false };
        self.change(id, |branch| {
            if let Phase::Task(task) = &mut branch.phase {
                task.heartbeat_due = task.heartbeat_seconds.map(|seconds| now.after_seconds(seconds));
            }
        });
        true
    }
}

impl Branch {
    pub(crate) fn task_id(&self) -> Option<u64> {
        match &self.phase {
            Phase::Task(task) => Some(task.scheduled_event_id),
            _ => None,
        }
    }
}
