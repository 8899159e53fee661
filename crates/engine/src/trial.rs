//! A trial: what a test of one state needs of the engine, outside of any execution.
//!
//! Nothing of it is written, and it takes no slot: the integrations bound what runs at once. Its tasks
//! have identities that no execution has, far above all that are handed out in ascending order.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use stepwell_asl::{TaskSpec, World};
use stepwell_model::{EntityId, Failure, TaskRef, Timestamp};
use stepwell_task::{Integration, TaskOutcome, TaskRequest};
use tokio::sync::oneshot;

use crate::catalogue::ActivityKey;
use crate::commons::{Commons, Reach};
use crate::engine::Engine;
use crate::requests::Place;
use crate::runtime::Wires;

/// How many of the highest numbers of a partition trials draw theirs from.
const NUMBERS: u64 = 1 << 40;

/// See the documentation of the module.
#[derive(Clone)]
pub struct Trial {
    wires: Arc<Wires>,
    place: Place,
    entity: EntityId,
}

impl Engine {
    /// A trial of somebody in `place`.
    pub fn trial(&self, place: &Place) -> Trial {
        let drawn = (self.commons().options.seed)() % NUMBERS;
        let entity = EntityId { partition: 0, number: EntityId::NUMBER_MAX - drawn };
        Trial { wires: self.wires().clone(), place: place.clone(), entity }
    }
}

impl Trial {
    fn commons(&self) -> &Commons {
        &self.wires.commons
    }

    /// What time it is.
    pub fn now(&self) -> Timestamp {
        self.wires.clock.now()
    }

    /// A number that nobody can foretell.
    pub fn seed(&self) -> u64 {
        (self.commons().options.seed)()
    }

    /// A name for something of this trial: a UUID.
    pub fn new_name(&self) -> Arc<str> {
        let random = (u128::from(self.seed()) << 64) | u128::from(self.seed());
        uuid::Builder::from_random_bytes(random.to_be_bytes()).into_uuid().to_string().into()
    }

    /// Performs a task and waits for its outcome. Dropping the future cancels the task.
    pub async fn perform(&self, spec: TaskSpec, longest: Duration) -> TaskOutcome {
        let commons = self.commons();
        let task = TaskRef { execution: self.entity, scheduled_event_id: spec.scheduled_event_id };
        let request = TaskRequest {
            task,
            account: self.place.account.clone(),
            region: self.place.region.clone(),
            resource: spec.resource,
            parameters: spec.parameters,
            timeout: Some(longest),
            idempotency_key: commons.keys.idempotency_key(task),
        };
        let integration = match commons.reach(&request) {
            Reach::Nowhere(failure) => return TaskOutcome::Failed(failure),
            Reach::Target(place, _) => commons.integrations()[place].clone(),
        };
        let (done, outcome) = oneshot::channel();
        let mut flight = Flight { integration, task, over: false };
        // Nobody listens any more if the future was dropped. If the integration panics, what is to tell
        // the outcome goes with it, and the outcome is unknown.
        let done = Box::new(move |outcome| drop(done.send(outcome)));
        let _ = catch_unwind(AssertUnwindSafe(|| flight.integration.start(request, done)));
        let outcome = outcome.await.unwrap_or(TaskOutcome::Unknown);
        flight.over = true;
        outcome
    }

    /// The failure of a task of which nobody knows whether it was done.
    pub fn outcome_unknown(&self, resource: &str) -> Failure {
        let cause = format!("Whether the call reached {resource} cannot be known. It was not sent again.");
        Failure::new(stepwell_model::error_names::OUTCOME_UNKNOWN, cause)
    }
}

/// A task under way, which is cancelled when nobody waits for it any more.
struct Flight {
    integration: Arc<dyn Integration>,
    task: TaskRef,
    over: bool,
}

impl Drop for Flight {
    fn drop(&mut self) {
        if !self.over {
            self.integration.cancel(self.task);
        }
    }
}

impl World for Trial {
    fn task_token(&self, scheduled_event_id: u64) -> Arc<str> {
        let task = TaskRef { execution: self.entity, scheduled_event_id };
        self.commons().keys.token(&self.place, task).into()
    }

    /// One that is mocked need not exist.
    fn activity_exists(&self, activity_arn: &str) -> bool {
        ActivityKey::of_arn(activity_arn).is_some()
    }

    fn elapsed_ms(&self) -> u64 {
        (self.commons().options.stopwatch)()
    }
}
