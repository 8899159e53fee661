//! Commits, what fails about them, and what they let out.

use std::collections::BTreeSet;

use stepwell_engine::{Measured, Message, Release};
use stepwell_model::EntityId;
use stepwell_store::{Batch, Chunk, Store};

use super::{Pending, Process, RESIDENTS_FEW, When, World, place};
use crate::checks::{Ledger, Violation, ensure, open_ones_are_counted, replay_equals_memory};
use crate::disk::WriteFault;
use crate::faults::Fault;

/// After so many commits everything in memory is looked at, and all journals are read anew; more seldom
/// when there are more journals.
const COMMITS_BETWEEN: u64 = 50;

impl World {
    /// Writes some of the turns that wait, and lets out what they release; or fails to.
    pub(super) fn commit(&mut self) -> Result<(), Violation> {
        let count = self.random.within(1..=self.process.pending.len() as u64) as usize;
        let mut written: Vec<Pending> = self.process.pending.drain(..count).collect();
        let mut batch = Batch::default();
        for pending in &mut written {
            match pending {
                Pending::Turn(_, turn) => {
                    batch.chunks.append(&mut turn.chunks);
                    batch.snapshots.append(&mut turn.snapshots);
                }
                Pending::Change(change) => batch.catalogue.append(&mut change.writes()),
            }
        }
        let is_empty = batch.chunks.is_empty() && batch.catalogue.is_empty();
        if !is_empty && !self.write(&batch)? {
            return Ok(());
        }
        let commits_read = self.report.commits - self.commits_when_read;
        let reads_anew = commits_read >= COMMITS_BETWEEN.max(self.ledger.journals.len() as u64);
        let is_for_all = reads_anew || self.in_memory() <= RESIDENTS_FEW;
        if !is_empty {
            self.report.commits += 1;
            let turns = written.iter().filter_map(Pending::turn);
            turns.flat_map(|(_, turn)| &turn.measured).for_each(Measured::count);
            if is_for_all {
                open_ones_are_counted(&*self.store, &self.process.commons, &place())?;
            }
            self.ledger.offspring.have_begun(&*self.store, self.ledger.expired_before, &batch.chunks)?;
            self.ledger.orphans.have_begun(&batch.chunks);
        }
        // Everything may be lost in the midst of letting out, too.
        let last = match self.is_struck() {
            true => self.random.below(4),
            false => u64::MAX,
        };
        let mut let_out = 0;
        for pending in written {
            let (index, turn) = match pending {
                Pending::Turn(index, turn) => (index, turn),
                Pending::Change(change) => {
                    self.changed(change);
                    continue;
                }
            };
            for release in turn.releases {
                if let_out == last {
                    let fault = match let_out {
                        0 => Fault::KilledAfterCommit,
                        _ => Fault::KilledWhileReleasing,
                    };
                    self.report.faults.happened(fault);
                    return self.crash(fault, &[]);
                }
                let_out += 1;
                self.let_out(release, When::Durable)?;
            }
            self.process.shards[index].committed(turn.number);
        }
        let written: BTreeSet<EntityId> = batch.chunks.iter().map(|chunk| chunk.header.entity).collect();
        // In a large world that is asked of what has just been written, and now and then of all.
        let is_asked = |entity| is_for_all || written.contains(&entity);
        if reads_anew {
            self.commits_when_read = self.report.commits;
            self.ledger.journals.forget();
        }
        for shard in &self.process.shards {
            let commons = &self.process.commons;
            replay_equals_memory(&*self.store, commons, shard, &mut self.ledger, is_asked)?;
        }
        Ok(())
    }

    /// Writes a batch. False if everything was lost over it, and has begun anew.
    fn write(&mut self, batch: &Batch) -> Result<bool, Violation> {
        let mut ordered = None;
        if self.is_struck() {
            match self.random.below(8) {
                0 => {
                    self.report.faults.happened(Fault::KilledBeforeCommit);
                    self.crash(Fault::KilledBeforeCommit, &batch.chunks)?;
                    return Ok(false);
                }
                1 => ordered = Some(WriteFault::ErrorLost),
                2 => ordered = Some(WriteFault::ErrorLanded),
                3 => self.store.fill(self.random.within(1..=3)),
                _ => ordered = Some(WriteFault::PowerFails),
            }
        }
        if let Some(fault) = ordered {
            self.store.fail_next_commit(fault);
        }
        for chunk in &batch.chunks {
            self.digest(&chunk.header.row.to_be_bytes());
            self.digest(&chunk.body);
        }
        let Ledger { offspring, journals, .. } = &mut self.ledger;
        offspring.are_about_to_begin(&*self.store, &self.process.commons, journals, &batch.chunks)?;
        let is_full = self.store.is_full();
        let Err(error) = self.store.commit(batch) else {
            self.trace.note(self.time, || {
                let rows: Vec<u64> = batch.chunks.iter().map(|chunk| chunk.header.row).collect();
                format!("commit of rows {rows:?}")
            });
            return Ok(true);
        };
        self.trace.note(self.time, || format!("the commit failed: {error}"));
        let fault = match ordered {
            _ if is_full => Fault::DiskFull,
            Some(WriteFault::ErrorLost) => Fault::CommitErrorLost,
            Some(WriteFault::ErrorLanded) => Fault::CommitErrorLanded,
            Some(WriteFault::PowerFails) => return self.power_fails(Some(batch)).map(|()| false),
            None => return Err(Violation(format!("a batch was refused: {error}"))),
        };
        self.report.faults.happened(fault);
        let lost = if fault == Fault::CommitErrorLanded { &[][..] } else { &batch.chunks };
        self.crash(fault, lost)?;
        Ok(false)
    }

    /// The power fails, perhaps while a batch is being written.
    pub(super) fn power_fails(&mut self, batch: Option<&Batch>) -> Result<(), Violation> {
        let failure = self.store.fail_power(&mut self.random);
        let failure = failure.map_err(|error| Violation(format!("the log cannot be read: {error}")))?;
        self.trace.note(self.time, || format!("the power failed: {failure:?}"));
        if failure.unswept > 0 {
            self.report.faults.happened(Fault::LostSweep);
            self.report.coverage.meet_one_of("closed", Fault::LostSweep, crate::coverage::Rule::SweptAgain);
        }
        let fault = match batch {
            None => Fault::KilledAtWork,
            Some(_) if failure.torn => Fault::TornWrite,
            Some(_) if failure.landed => Fault::UnknownCommit,
            Some(_) => {
                ensure(failure.lost, || format!("a batch is neither lost nor there: {failure:?}"))?;
                Fault::LostWrite
            }
        };
        if batch.is_some() {
            self.report.faults.happened(fault);
        }
        let lost = batch.filter(|_| !failure.landed).map_or(&[][..], |batch| &batch.chunks);
        self.crash(fault, lost)
    }

    pub(super) fn digest(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.report.digest = (self.report.digest ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
        }
    }

    pub(super) fn let_out(&mut self, release: Release, when: When) -> Result<(), Violation> {
        if let Release::HandOut(reply, task, handed) = &release {
            // Workers hang up at once or stay, so this one had gone before the task was started.
            ensure(!reply.is_closed(), || format!("{task:?} was handed to a worker that had gone"))?;
            self.tokens.insert(handed.task_token.clone(), *task);
        }
        match release.answer() {
            Some(Release::RunTask { integration: _, request }) => {
                self.sent.insert(request.task);
                self.run_task(request, when)
            }
            Some(Release::Tell(partition, message)) => {
                match &message {
                    Message::RunExpress { parent, .. } => {
                        self.sent.insert(*parent);
                    }
                    Message::DropExpress { parent } => {
                        let is_sent = self.sent.contains(parent);
                        ensure(is_sent, || format!("what {parent:?} runs was dropped before it was run"))?;
                    }
                    _ => (),
                }
                let shard = self.process.commons.shard_of(partition);
                self.process.post((shard, message));
                Ok(())
            }
            Some(Release::CancelTask { integration: _, task }) => {
                ensure(self.sent.contains(&task), || format!("{task:?} was cancelled before it was sent"))
            }
            None => Ok(()),
            Some(
                Release::Started(..)
                | Release::Stopped(..)
                | Release::Done(..)
                | Release::ExpressEnded(..)
                | Release::HandOut(..),
            ) => Ok(()),
        }
    }

    /// Everything but the store is lost, and begins anew; `lost` was decided, and never written.
    pub(super) fn crash(&mut self, fault: Fault, lost: &[Chunk]) -> Result<(), Violation> {
        self.report.crashes += 1;
        self.life += 1;
        self.may_have_told = true;
        self.trace.note(self.time, || format!("life {} begins: {}", self.life, fault.name()));
        self.sent.clear();
        self.under_way.clear();
        self.told.clear();
        self.store.reopen();
        let now = self.now();
        let retention_seconds = self.ledger.retention_seconds;
        self.process = Process::open(&self.store, &mut self.random, now, retention_seconds, self.options)?;
        self.ledger.crash(&self.store, &self.process.commons)?;
        let Ledger { orphans, journals, .. } = &mut self.ledger;
        self.report.orphans += orphans.crash(&*self.store, &self.process.commons, journals)?;
        self.ledger.all_are_there(&self.process.commons)?;
        self.ledger.routes.are_there(&self.process.commons)?;
        self.cover_crash(fault, lost)?;
        // Some time passes before the server is there again.
        self.time += *self.random.pick(&[0, 50, 5_000, 100_000]);
        Ok(())
    }
}
