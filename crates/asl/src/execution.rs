use std::sync::Arc;
use stepwell_model::{ExecutionStatus, Failure, Timestamp};
use stepwell_value::Payload;
use crate::*;
#[derive(Debug)]
pub struct Execution { origin: Arc<Origin> }
impl Execution {
    /// An execution that has not begun: give it `Input::Start`, or `apply` its journal.
    pub fn new(origin: Arc<Origin>) -> Execution { Execution { origin } }
    /// Decides what follows from `input` at `now`. `fuel` is how many states it may enter before it
    /// yields (then `has_work` is true afterwards, and `Input::Continue` goes on).
    pub fn handle(&mut self, input: Input, now: Timestamp, world: &dyn World, fuel: &mut u32, recorder: &mut Recorder) -> Result<(), Refused> { panic!() }
    /// Applies a recorded event.
    pub fn apply(&mut self, event: &Event) -> Result<(), CorruptJournal> { panic!() }
    /// Whether `Input::Continue` would do something.
    pub fn has_work(&self) -> bool { panic!() }
    /// When `Input::Tick` is next wanted.
    pub fn next_due(&self) -> Option<Timestamp> { panic!() }
    pub fn status(&self) -> ExecutionStatus { panic!() }
    pub fn started_at(&self) -> Timestamp { panic!() }
    pub fn closed_at(&self) -> Option<Timestamp> { panic!() }
    pub fn last_event_id(&self) -> u64 { panic!() }
    pub fn input(&self) -> &Payload { panic!() }
    pub fn output(&self) -> Option<&Payload> { panic!() }
    /// Of an execution that failed, timed out or was aborted.
    pub fn failure(&self) -> Option<&Failure> { panic!() }
    /// Whether it only waits for a moment or for a token without heartbeat, so that nobody has to keep it in memory.
    pub fn is_parked(&self) -> bool { panic!() }
    /// The tasks it waits for, in the order of their scheduling.
    pub fn outstanding(&self) -> Vec<Outstanding> { panic!() }
    pub fn origin(&self) -> &Arc<Origin> { &self.origin }
}
