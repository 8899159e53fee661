//! Rounds of the sweep, as the engine's thread has them, with everything lost between two slices.

use stepwell_engine::{EngineError, ExecutionKey, Message};
use stepwell_model::Timestamp;
use stepwell_store::{ExecutionRow, Store};
use tokio::sync::oneshot;

use super::{CRASHES_MAX, Call, World};
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
        let pending = self.process.pending.iter().flat_map(|(_, turn)| &turn.chunks);
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
        let broken = |error: stepwell_store::StoreError| Violation(error.to_string());
        let life = self.life;
        while self.life == life {
            let rows = all_executions(&self.store)?;
            let is_due = |row: &ExecutionRow| row.closed_at.is_some_and(|closed_at| closed_at < before);
            for row in rows.iter().filter(|row| is_due(row)) {
                self.ledger.history(&self.store, &self.process.commons, row)?;
            }
            let rows_max = self.random.within(1..=5) as usize;
            let swept = self.process.commons.sweep(before, rows_max).map_err(broken)?;
            let mut gone = 0;
            for row in &rows {
                if self.store.execution(row.entity).map_err(broken)?.is_some() {
                    ensure(swept.more || !is_due(row), || format!("{:?} was left", row.entity))?;
                    continue;
                }
                gone += 1;
                ensure(is_due(row), || format!("{:?} was swept too early", row.entity))?;
                let chunks = self.store.chunks(row.entity).map_err(broken)?;
                ensure(chunks.is_empty(), || format!("{:?} has left chunks", row.entity))?;
                self.ledger.forget(&row.opening.name, row.opening.started_at);
            }
            ensure(gone == swept.executions, || format!("{gone} went, and {} were told", swept.executions))?;
            self.report.swept += gone;
            if !swept.more {
                return Ok(());
            }
            if self.report.crashes < CRASHES_MAX && self.random.percent(self.options.crash_percent) {
                self.power_fails(None)?;
            }
        }
        Ok(())
    }
}
