//! Keeping counts: what is loaded at the start, what is written each minute, what goes in time.
//!
//! The thread looks at the clock and writes when something has changed and the last time was a minute
//! ago. It hands small slices to the committer and waits for each, so that no commit of executions
//! gets much larger by it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use stepwell_model::Timestamp;
use stepwell_store::CatalogueWrite;
use tokio::sync::oneshot;

use super::codec::{self, Span};
use super::{Counts, MINUTE_MS, MINUTES_KEPT_HOURS, MINUTES_PER_HOUR, Metrics, Minute, Tally};
use crate::committer::Submission;
use crate::retention::Stopper;
use crate::runtime::Wires;

/// How often the clock is looked at.
const LOOK: Duration = Duration::from_millis(500);

/// How many minutes of all machines are kept at most: some fifty megabytes.
const MINUTES_MAX: usize = 250_000;

/// How many hours of all machines are kept at most.
const HOURS_MAX: usize = 250_000;

/// About how many entries are written at once.
const SLICE: usize = 256;

impl Metrics {
    /// What is in the catalogue of a store; `is_there` tells of the number of a machine whether there is
    /// one. What cannot be read is left out, and goes.
    pub(crate) fn load(entries: &[(String, Arc<str>)], is_there: impl Fn(u64) -> bool) -> Metrics {
        let metrics = Metrics::default();
        let mut stale = Vec::new();
        for (key, text) in entries {
            let read = codec::read_key(key).filter(|(machine, _)| is_there(*machine));
            let Some(((machine, span), tally)) = read.zip(codec::read(text)) else {
                stale.push(key.clone());
                continue;
            };
            let meter = metrics.meter(machine);
            let mut counts = meter.counts();
            match span {
                Span::Minute(minute) => {
                    counts.minutes.push_back((minute, Minute { tally, unwritten: false }))
                }
                Span::Hour(hour) => {
                    counts.hours.insert(hour, tally);
                }
            }
        }
        for (_, meter) in metrics.all() {
            // Keys come in the order of texts.
            meter.counts().minutes.make_contiguous().sort_by_key(|(minute, _)| *minute);
        }
        metrics.changed.store(!stale.is_empty(), Ordering::Relaxed);
        *metrics.stale() = stale;
        metrics
    }

    /// Whether these are entries of ours.
    pub(crate) fn is_key(key: &str) -> bool {
        key.starts_with(codec::PREFIX)
    }

    /// What is to be written, in slices that are each written whole. What goes in time goes from memory
    /// here.
    fn take_writes(&self, now: Timestamp, retention_seconds: u64) -> Vec<Vec<CatalogueWrite>> {
        self.changed.store(false, Ordering::Relaxed);
        let mut slices = Slices::default();
        for key in std::mem::take(&mut *self.stale()) {
            slices.add(vec![CatalogueWrite { key, value: None }]);
        }
        let meters = self.all();
        let this_hour = now.epoch_ms / MINUTE_MS / MINUTES_PER_HOUR;
        let mut minutes: BTreeMap<u64, usize> = BTreeMap::new();
        let mut hours: BTreeMap<u64, usize> = BTreeMap::new();
        for (_, meter) in &meters {
            let counts = meter.counts();
            for (minute, _) in &counts.minutes {
                *minutes.entry(minute / MINUTES_PER_HOUR).or_default() += 1;
            }
            for hour in counts.hours.keys() {
                *hours.entry(*hour).or_default() += 1;
            }
        }
        let folded_before =
            this_hour.saturating_sub(MINUTES_KEPT_HOURS).max(first_kept(&minutes, MINUTES_MAX));
        let dropped_before =
            this_hour.saturating_sub(retention_seconds / 3_600).max(first_kept(&hours, HOURS_MAX));
        for (machine, meter) in &meters {
            meter.counts().take_writes(*machine, folded_before, dropped_before, &mut slices);
        }
        slices.slices
    }
}

impl Counts {
    fn take_writes(&mut self, machine: u64, folded_before: u64, dropped_before: u64, slices: &mut Slices) {
        let entry =
            |key: String, tally: &Tally| CatalogueWrite { key, value: Some(codec::write(tally).into()) };
        // An hour and its minutes change places at once.
        while let Some(hour) = self.minutes.front().map(|(minute, _)| minute / MINUTES_PER_HOUR)
            && hour < folded_before
        {
            let mut tally = self.hours.remove(&hour).unwrap_or_default();
            let mut writes = Vec::new();
            while let Some((minute, of_minute)) =
                self.minutes.pop_front_if(|(minute, _)| *minute / MINUTES_PER_HOUR == hour)
            {
                tally.add(&of_minute.tally);
                writes.push(CatalogueWrite { key: codec::minute_key(machine, minute), value: None });
            }
            writes.push(entry(codec::hour_key(machine, hour), &tally));
            self.hours.insert(hour, tally);
            slices.add(writes);
        }
        while let Some(hour) = self.hours.keys().next().copied().filter(|hour| *hour < dropped_before) {
            self.hours.remove(&hour);
            slices.add(vec![CatalogueWrite { key: codec::hour_key(machine, hour), value: None }]);
        }
        for (minute, of_minute) in self.minutes.iter_mut().filter(|(_, minute)| minute.unwritten) {
            of_minute.unwritten = false;
            slices.add(vec![entry(codec::minute_key(machine, *minute), &of_minute.tally)]);
        }
    }
}

/// The first hour that is kept if there may be `most` in all; `counts` are by hour.
fn first_kept(counts: &BTreeMap<u64, usize>, most: usize) -> u64 {
    let mut left: usize = counts.values().sum();
    for (hour, count) in counts {
        if left <= most {
            return *hour;
        }
        left -= count;
    }
    // The last one, however much there is of it.
    counts.keys().next_back().copied().unwrap_or(0)
}

/// Writes in slices; the last one takes more.
#[derive(Default)]
struct Slices {
    slices: Vec<Vec<CatalogueWrite>>,
}

impl Slices {
    fn add(&mut self, writes: Vec<CatalogueWrite>) {
        match self.slices.last_mut().filter(|last| last.len() < SLICE) {
            Some(last) => last.extend(writes),
            None => self.slices.push(writes),
        }
    }
}

/// Writes what has changed, and waits until it is durable or never will be.
pub(crate) fn write(wires: &Wires) {
    let commons = &wires.commons;
    let _turn = commons.metrics.writing.lock().expect("nobody panics while writing counts");
    let retention_seconds = commons.options.limits.retention_seconds;
    for writes in commons.metrics.take_writes(wires.clock.now(), retention_seconds) {
        let (reply, written) = oneshot::channel();
        let done = move || {
            // The thread may have been told to end.
            let _ = reply.send(());
        };
        wires.commits.submit(Submission::Catalogue(writes, Box::new(done)));
        if written.blocking_recv().is_err() {
            // The engine has stopped.
            return;
        }
    }
}

/// The thread.
pub(crate) fn run(wires: &Wires, stopper: &Stopper) {
    let mut last: Option<Timestamp> = None;
    while stopper.pause(LOOK) && wires.commons.stopped().is_none() {
        let now = wires.clock.now();
        // A clock that was set back must not end it.
        let is_due = last.is_none_or(|last| now < last || now.epoch_ms >= last.epoch_ms + MINUTE_MS);
        if is_due && wires.commons.metrics.changed.load(Ordering::Relaxed) {
            last = Some(now);
            write(wires);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_too_many_the_oldest_hours_go_first_and_the_last_stays() {
        let counts = BTreeMap::from([(10, 60), (11, 60), (15, 40)]);
        assert_eq!(
            [160, 159, 100, 99, 40, 1].map(|most| first_kept(&counts, most)),
            [10, 11, 11, 15, 15, 15]
        );
        assert_eq!(first_kept(&BTreeMap::new(), 1), 0);
    }

    #[test]
    fn hours_go_when_the_retention_ends() {
        let metrics = Metrics::default();
        let entries = [("metrics/1/h/100", "[1,1,0,0,0,0,0,5,5,[5,1]]"), ("metrics/1/h/101", "broken")];
        let entries = entries.map(|(key, text)| (key.to_owned(), Arc::from(text)));
        let writes = |metrics: &Metrics, hour: u64| {
            let now = Timestamp::from_epoch_ms(hour * MINUTES_PER_HOUR * MINUTE_MS);
            let slices = metrics.take_writes(now, 2 * 3_600);
            slices.concat().into_iter().map(|write| (write.key, write.value)).collect::<Vec<_>>()
        };
        assert_eq!(writes(&metrics, 102), []);
        let metrics = Metrics::load(&entries, |machine| machine == 1);
        assert_eq!(writes(&metrics, 102), [("metrics/1/h/101".to_owned(), None)]);
        assert_eq!(writes(&metrics, 103), [("metrics/1/h/100".to_owned(), None)]);
        assert_eq!(writes(&metrics, 104), []);
        // Of a machine that is not there any more all goes.
        let metrics = Metrics::load(&entries, |_| false);
        assert_eq!(writes(&metrics, 101).len(), 2);
    }
}
