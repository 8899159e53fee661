//! Rounds of the sweep, as the engine's thread has them, with everything lost between two slices.

use stepwell_engine::{EngineError, ExecutionKey, Message};
use stepwell_model::Timestamp;
use stepwell_store::{ExecutionRow, Store};
use tokio::sync::oneshot;

use super::{Call, Pending, World};
use crate::checks::{Violation, all_executions, ensure, store_broken};

impl World {
    /// Whether an execution of this name is closed in the store and hidden already: the clock was put
    /// forward past its retention before anybody heard of it.
    pub(super) fn is_expired(&self, key: &ExecutionKey) -> Result<bool, Violation> {
        if self.process.commons.execution(key) != Err(EngineError::NoSuchExecution) {
            return Ok(false);
        }
        // What was decided after the round had begun cannot have ended before.
        let is_it = |row: &ExecutionRow| {
            let is_closed = row.closed_at.is_some() && row.last_row <= self.decided_before_round;
            row.opening.name == key.name && is_closed
        };
        Ok(all_executions(&self.store)?.iter().any(is_it))
    }

    /// As the engine's thread does it: says what is gone, and waits.
    pub(super) fn begin_sweep(&mut self) -> Result<(), Violation> {
        // One at a time, as the engine has it.
        if self.calls.iter().any(|call| matches!(call, Call::Sweep(..))) {
            return Ok(());
        }
        let Some(before) = self.process.commons.expire(self.now()) else { return Ok(()) };
        self.ledger.expired_before = before.max(self.ledger.expired_before);
        let pending = self.process.pending.iter().filter_map(Pending::turn);
        let pending = pending.flat_map(|(_, turn)| &turn.chunks);
        let written = self.store.high_marks().map_err(store_broken)?.row;
        self.decided_before_round = pending.map(|chunk| chunk.header.row).fold(written, u64::max);
        let mut answers = Vec::new();
        for shard in 0..self.process.shards.len() {
            let (reply, heard) = oneshot::channel();
            self.process.post((shard, Message::Barrier { reply }));
            answers.push(heard);
        }
        self.calls.push(Call::Sweep(before, answers));
        Ok(())
    }

    /// Sweeps, slice by slice, and sees that exactly what was closed before goes. Everything may be lost
    /// between two slices.
    pub(super) fn sweep(&mut self, before: Timestamp) -> Result<(), Violation> {
        let life = self.life;
        let is_due = |row: &ExecutionRow| row.closed_at.is_some_and(|closed_at| closed_at < before);
        let (mut due, kept): (Vec<_>, Vec<_>) = all_executions(&self.store)?.into_iter().partition(is_due);
        for row in &due {
            self.ledger.history(&self.store, &self.process.commons, row)?;
        }
        // Small slices, and not thousands of them.
        let rows_most = 5.max(due.len() as u64 / 10);
        while self.life == life {
            let rows_max = self.random.within(1..=rows_most) as usize;
            let swept = self.process.commons.sweep(before, rows_max).map_err(store_broken)?;
            let mut gone = Vec::new();
            for row in std::mem::take(&mut due) {
                let is_left = self.store.execution(row.entity).map_err(store_broken)?.is_some();
                if is_left { due.push(row) } else { gone.push(row) }
            }
            for row in &gone {
                let chunks = self.store.chunks(row.entity).map_err(store_broken)?;
                ensure(chunks.is_empty(), || format!("{:?} has left chunks", row.entity))?;
                self.ledger.forget(&row.opening.name, row.opening.started_at);
            }
            let count = gone.len() as u64;
            ensure(count == swept.executions, || {
                format!("{count} went, and {} were told", swept.executions)
            })?;
            self.report.swept += count;
            if !swept.more {
                ensure(due.is_empty(), || format!("{due:?} were left"))?;
                break;
            }
            if self.may_crash() && self.random.percent(self.options.crash_percent) {
                self.power_fails(None)?;
            }
        }
        for row in kept {
            let is_left = self.store.execution(row.entity).map_err(store_broken)?.is_some();
            ensure(is_left, || format!("{:?} was swept too early", row.entity))?;
        }
        Ok(())
    }
}
