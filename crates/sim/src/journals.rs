//! What the store says of each execution, read chunk by chunk as it grows.
//!
//! The checks ask after each commit whether memory is what the journal says, and at each call whether its
//! start is durable. To read the whole journal each time would make long executions quadratic, and the
//! simulator would run short ones only. So what was read is kept, and what has come since is applied to
//! it: replay is nothing else than that. [`Journals::forget`] has all read anew.

use std::collections::{BTreeMap, BTreeSet};

use stepwell_asl::{Event, Execution, decode, project};
use stepwell_engine::{Commons, replay};
use stepwell_model::{EntityId, HistoryEvent, HistoryEventKind, TaskEvent};
use stepwell_store::{Chunk, Store};

use crate::checks::{Violation, store_broken};

/// The journals that were asked for.
#[derive(Debug, Default)]
pub struct Journals(BTreeMap<EntityId, Journal>);

/// A journal as far as it is durable.
#[derive(Debug)]
pub struct Journal {
    /// What it makes of the execution.
    pub execution: Execution,
    /// The tasks that were started, by the ids of the events that scheduled them.
    pub started: BTreeSet<u64>,
    /// The tasks that have succeeded or failed, by the same ids.
    pub ended: BTreeSet<u64>,
    /// The task of each event that is of one.
    tasks: BTreeMap<u64, u64>,
    last_row: u64,
}

impl Journals {
    /// The journal of a Standard execution; `None` if the store does not know it.
    pub fn read(
        &mut self,
        store: &dyn Store,
        commons: &Commons,
        entity: EntityId,
    ) -> Result<Option<&Journal>, Violation> {
        let Some(row) = store.execution(entity).map_err(store_broken)? else {
            self.0.remove(&entity);
            return Ok(None);
        };
        if let Some(known) = self.0.get_mut(&entity)
            && known.follow(store, row.last_row)?
        {
            return Ok(self.0.get(&entity));
        }
        let chunks = store.chunks(entity).map_err(store_broken)?;
        let (execution, _) = replay(commons, &chunks).map_err(Violation)?;
        let mut journal = Journal {
            execution,
            started: BTreeSet::new(),
            ended: BTreeSet::new(),
            tasks: BTreeMap::new(),
            last_row: row.last_row,
        };
        events(chunks.iter())?.iter().for_each(|event| journal.note(event));
        self.0.insert(entity, journal);
        Ok(self.0.get(&entity))
    }

    /// How many are kept.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Has everything read anew.
    pub fn forget(&mut self) {
        self.0.clear();
    }
}

impl Journal {
    /// Applies what has come since. False if it does not follow from what is known.
    fn follow(&mut self, store: &dyn Store, last_row: u64) -> Result<bool, Violation> {
        let mut new = Vec::new();
        let mut row = last_row;
        while row > self.last_row {
            let Some(chunk) = store.chunk(row).map_err(store_broken)? else { return Ok(false) };
            row = chunk.header.previous_row;
            new.push(chunk);
        }
        if row != self.last_row {
            return Ok(false);
        }
        for event in events(new.iter().rev())? {
            self.execution.apply(&event).map_err(|error| Violation(error.to_string()))?;
            self.note(&event);
        }
        self.last_row = last_row;
        Ok(true)
    }

    fn note(&mut self, event: &Event) {
        let Some(HistoryEvent { id, previous_event_id, kind: HistoryEventKind::Task(_, what), .. }) =
            project(event, self.execution.origin())
        else {
            return;
        };
        if let TaskEvent::Scheduled { .. } = what {
            self.tasks.insert(id, id);
            return;
        }
        let Some(task) = self.tasks.get(&previous_event_id).copied() else { return };
        self.tasks.insert(id, task);
        match what {
            TaskEvent::Started { .. } => self.started.insert(task),
            TaskEvent::Succeeded { .. } | TaskEvent::Failed(_) => self.ended.insert(task),
            _ => false,
        };
    }
}

fn events<'a>(chunks: impl Iterator<Item = &'a Chunk>) -> Result<Vec<Event>, Violation> {
    let mut events = Vec::new();
    for chunk in chunks {
        events.append(&mut decode(&chunk.body).map_err(|error| Violation(error.to_string()))?);
    }
    Ok(events)
}
