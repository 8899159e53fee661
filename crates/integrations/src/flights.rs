//! Calls under way on a tokio runtime, which can be given up.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use stepwell_model::TaskRef;
use stepwell_task::{Done, TaskOutcome};
use tokio::runtime::Handle;
use tokio::sync::Notify;

/// What `cancel` finds the calls under way by. A clone is the same.
#[derive(Clone, Default)]
pub struct Flights {
    known: Arc<Mutex<HashMap<TaskRef, Arc<Notify>>>>,
}

impl Flights {
    /// Does `work` for a task. Whatever becomes of it, `done` is called once: with what `work` came to,
    /// or with [`TaskOutcome::Unknown`] if it was given up, panicked, or the runtime went away.
    pub fn begin(
        &self,
        handle: &Handle,
        task: TaskRef,
        done: Done,
        work: impl Future<Output = TaskOutcome> + Send + 'static,
    ) {
        let cancelled = Arc::new(Notify::new());
        self.known().insert(task, cancelled.clone());
        let mut flight = Flight { flights: self.clone(), task, done: Some(done), cancelled };
        handle.spawn(async move {
            let cancelled = flight.cancelled.clone();
            let outcome = tokio::select! {
                biased;
                () = cancelled.notified() => TaskOutcome::Unknown,
                outcome = work => outcome,
            };
            flight.tell(outcome);
        });
    }

    /// Gives up the call of this task, if there is one.
    pub fn cancel(&self, task: TaskRef) {
        if let Some(cancelled) = self.known().get(&task) {
            cancelled.notify_one();
        }
    }

    fn known(&self) -> MutexGuard<'_, HashMap<TaskRef, Arc<Notify>>> {
        self.known.lock().expect("nothing panics while it holds the lock")
    }
}

/// One call from start to end.
struct Flight {
    flights: Flights,
    task: TaskRef,
    done: Option<Done>,
    cancelled: Arc<Notify>,
}

impl Flight {
    fn tell(&mut self, outcome: TaskOutcome) {
        if let Some(done) = self.done.take() {
            done(outcome);
        }
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        // Only after a panic, or when the runtime goes away under it.
        self.tell(TaskOutcome::Unknown);
        let mut known = self.flights.known();
        // A later call of the same task, which is made again after a crash, has a flight of its own.
        if known.get(&self.task).is_some_and(|known| Arc::ptr_eq(known, &self.cancelled)) {
            known.remove(&self.task);
        }
    }
}
