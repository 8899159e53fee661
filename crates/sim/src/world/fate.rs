//! What befalls the world: the clock, the disk, and what a fault met.

use stepwell_model::{EntityId, StateType};
use stepwell_store::{Chunk, ExecutionRow, Store};

use super::World;
use crate::checks::{Violation, all_executions, open_executions, store_broken};
use crate::coverage::{Rule, open_states};
use crate::disk::Reads;
use crate::faults::Fault;

impl World {
    pub(super) fn set_clock(&mut self, jump: i64) {
        let before = self.now();
        self.clock_offset += jump;
        self.clock_moved += jump.unsigned_abs();
        let now = self.now();
        if jump > 0 {
            self.report.faults.inject(Fault::ClockForward);
            let mut wakes = self.process.shards.iter().filter_map(|shard| shard.next_wake());
            if wakes.any(|wake| before < wake && wake <= now) {
                self.report.faults.count(Fault::ClockForward);
            }
        } else {
            self.report.faults.inject(Fault::ClockBack);
            self.clock_went_back = true;
        }
    }

    /// The engine reads the clock.
    pub(super) fn read_clock(&mut self) {
        let now = self.now();
        if self.clock_went_back && now < self.last_reading {
            self.report.faults.count(Fault::ClockBack);
            self.clock_went_back = false;
        }
        self.last_reading = now;
    }

    /// So many outcomes came too late in a turn, those that were told again among them.
    pub(super) fn count_late(&mut self, late: u64) {
        let again = late.min(self.doubled);
        self.doubled -= again;
        for _ in again..late {
            self.report.faults.happened(Fault::LateOutcome);
            self.report.coverage.meet(StateType::Task, Fault::LateOutcome, Rule::Refused);
        }
    }

    /// A bit of some chunk flips, more often one of an open execution.
    pub(super) fn flip_bit(&mut self) -> Result<(), Violation> {
        let mut rows: Vec<ExecutionRow> = all_executions(&self.store)?;
        let has_open = rows.iter().any(|row| row.closed_at.is_none());
        if has_open && self.random.percent(80) {
            rows.retain(|row| row.closed_at.is_none());
        }
        if rows.is_empty() {
            return Ok(());
        }
        let row = self.random.pick(&rows).clone();
        let chunks = self.store.chunks(row.entity).map_err(store_broken)?;
        let flipped = self.random.pick(&chunks).header.row;
        let bit = self.random.below(1 << 20) as usize;
        self.report.faults.inject(Fault::FlippedBit);
        self.trace.note(self.time, || format!("bit {bit} of row {flipped}, of {:?}, flips", row.entity));
        self.store.flip_bit(flipped, bit);
        Ok(())
    }

    /// What the engine met when it read.
    pub(super) fn have_read(&mut self, reads: Reads) -> Result<(), Violation> {
        if reads.failed {
            self.reads_failed = true;
            self.report.faults.count(Fault::ReadError);
            self.trace.note(self.time, || format!("a read failed, of {:?}", reads.failed_of));
            if let Some(entity) = reads.failed_of {
                self.cover(entity, Fault::ReadError, Rule::ReadAgain)?;
            }
        }
        self.report.snapshots += reads.snapshots;
        for _ in 0..reads.spoilt {
            self.report.faults.happened(Fault::SpoiltSnapshot);
        }
        for entity in reads.damaged {
            if self.ledger.damaged.insert(entity) {
                self.report.faults.count(Fault::FlippedBit);
                self.trace.note(self.time, || format!("{entity:?} is damaged"));
                self.cover(entity, Fault::FlippedBit, Rule::SetAside)?;
            }
        }
        Ok(())
    }

    /// The states that an execution is in met a fault, and all are mended by one rule.
    fn cover(&mut self, entity: EntityId, fault: Fault, rule: Rule) -> Result<(), Violation> {
        let Some(row) = self.store.execution(entity).map_err(store_broken)? else { return Ok(()) };
        if self.ledger.offspring.is_express(&row) {
            self.report.coverage.meet_one_of("Express", fault, rule);
            return Ok(());
        }
        let history = self.process.commons.history_of_entity(entity);
        let history = history.map_err(|error| Violation(error.to_string()))?;
        for (_, state_type, _) in open_states(&history) {
            self.report.coverage.meet(state_type, fault, rule);
        }
        Ok(())
    }

    /// Everything was lost but the store: what was under way, and what mends it.
    pub(super) fn cover_crash(&mut self, fault: Fault, lost: &[Chunk]) -> Result<(), Violation> {
        for chunk in lost {
            match chunk.header.opening {
                Some(_) => self.report.coverage.meet_one_of("start", fault, Rule::NeverBegan),
                None => self.cover(chunk.header.entity, fault, Rule::DecidedAgain)?,
            }
        }
        for entity in open_executions(&*self.store)? {
            let row = self.store.execution(entity).map_err(store_broken)?;
            if row.is_some_and(|row| self.ledger.offspring.is_express(&row)) {
                self.report.coverage.meet_one_of("Express", fault, Rule::RunAgain);
                continue;
            }
            let commons = self.process.commons.clone();
            let journal = self.ledger.journals.read(&*self.store, &commons, entity)?;
            let outstanding = journal.map(|journal| journal.execution.outstanding()).unwrap_or_default();
            for task in &outstanding {
                self.report.coverage.meet(StateType::Task, fault, Rule::of_task(task));
            }
            let history = commons.history_of_entity(entity).map_err(|error| Violation(error.to_string()))?;
            for (_, state_type, name) in open_states(&history) {
                if !outstanding.iter().any(|task| &*task.state == name) {
                    self.report.coverage.meet(state_type, fault, Rule::of_state(state_type));
                }
            }
        }
        Ok(())
    }
}
