//! What executions log: the events of turns that are durable, handed to whoever keeps the logs.
//!
//! A turn carries the events of those of its chunks whose revision asks for logs, moved and not
//! copied; the committer hands them over once the turn is durable, before any of its replies. So
//! nothing is logged that did not happen, and the records of one execution come in order. What is
//! handed over and not yet written when the process dies is lost, and nothing is handed over twice:
//! what is read from a journal after a restart was logged by the run that wrote it.

use std::sync::Arc;

use stepwell_asl::{Event, Origin, project};
use stepwell_model::{HistoryEvent, LogLevel, Logging};

use crate::catalogue::Revision;
use crate::commons::Commons;
use crate::messages::Turn;

/// Hears what executions log, in order. Called by the thread that commits and by those that run
/// Express executions: it must not wait for anything.
pub type HistoryLog = Arc<dyn Fn(Vec<LoggedHistory>) + Send + Sync>;

/// Events of one execution that are to be logged.
#[derive(Debug, Clone)]
pub struct LoggedHistory {
    /// Where to, and with or without execution data.
    pub logging: Arc<Logging>,
    /// The ARN of the execution.
    pub execution_arn: Arc<str>,
    /// How often the execution has been redriven.
    pub redrive_count: u64,
    origin: Arc<Origin>,
    events: Vec<Event>,
}

impl LoggedHistory {
    /// Those of `events` that the level includes; `None` if there are none.
    pub(crate) fn of(
        logging: &Arc<Logging>,
        origin: &Arc<Origin>,
        redrive_count: u64,
        mut events: Vec<Event>,
    ) -> Option<LoggedHistory> {
        events.retain(|event| is_logged(logging, origin, event));
        let (logging, origin) = (logging.clone(), origin.clone());
        let execution_arn = origin.execution_arn.clone();
        (!events.is_empty()).then_some(LoggedHistory {
            logging,
            execution_arn,
            redrive_count,
            origin,
            events,
        })
    }

    /// How many events there are.
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// Whether there are none, which never is.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// Roughly how many bytes of payload they hold.
    pub fn bytes(&self) -> usize {
        self.events.iter().map(|event| event.kind.payload_bytes()).sum()
    }

    /// The history events. They are made here, so that no shard has to make them.
    pub fn history(&self) -> impl Iterator<Item = HistoryEvent> {
        self.events.iter().filter_map(|event| project(event, &self.origin))
    }
}

/// Whether the level includes an event.
fn is_logged(logging: &Logging, origin: &Origin, event: &Event) -> bool {
    match logging.level {
        LogLevel::All => event.kind.is_shown(),
        LogLevel::Off => false,
        level @ (LogLevel::Error | LogLevel::Fatal) => {
            project(event, origin).is_some_and(|shown| level.includes(&shown.kind.type_name()))
        }
    }
}

impl Commons {
    /// Logs what happened in an execution that has no commit, as its revision asks: at once, in the
    /// order of the calls. Costs nothing if the revision does not log, and never waits. From any
    /// thread.
    pub fn log_history(
        &self,
        revision: &Revision,
        origin: &Arc<Origin>,
        redrive_count: u64,
        events: Vec<Event>,
    ) {
        let Some(log) = &self.options.history_log else { return };
        let Some(logging) = revision.execution_log() else { return };
        if let Some(logged) = LoggedHistory::of(logging, origin, redrive_count, events) {
            log(vec![logged]);
        }
    }

    /// Logs what turns have to log that are durable now.
    pub(crate) fn log_turns<'a>(&self, turns: impl Iterator<Item = &'a mut Turn>) {
        let Some(log) = &self.options.history_log else { return };
        let mut logged = Vec::new();
        for turn in turns {
            logged.append(&mut turn.history);
        }
        if !logged.is_empty() {
            log(logged);
        }
    }
}
