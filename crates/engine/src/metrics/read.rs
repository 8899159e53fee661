//! What is told of the counts: series of points, and the last 24 hours of each machine.

use stepwell_model::Timestamp;

use super::histogram::{ExecutionTime, Histogram};
use super::{Counts, MINUTE_MS, MINUTES_PER_HOUR, Tally};
use crate::commons::Commons;
use crate::engine::Engine;
use crate::requests::{EngineError, MachineKey, Place};

const HOUR_MS: u64 = MINUTE_MS * MINUTES_PER_HOUR;

/// What [`Engine::machine_counts`] looks back at, in milliseconds.
const DAY_MS: u64 = 24 * HOUR_MS;

/// What happened in one period.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricPoint {
    /// When the period begins.
    pub at: Timestamp,
    /// Executions started.
    pub started: u64,
    /// Executions that succeeded.
    pub succeeded: u64,
    /// Executions that failed.
    pub failed: u64,
    /// Executions that timed out.
    pub timed_out: u64,
    /// Executions that were stopped.
    pub aborted: u64,
    /// Executions that were open at its end, or now if it has not ended.
    pub open: u64,
    /// How long those took that ended in it; `None` if none did.
    pub time: Option<ExecutionTime>,
}

/// What happened in periods that follow each other.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricSeries {
    /// One for each period, in their order.
    pub points: Vec<MetricPoint>,
    /// How long those took that ended in any of them; `None` if none did. Quantiles of parts cannot be
    /// added, so this is no sum of the points.
    pub time: Option<ExecutionTime>,
    /// How many executions are open now.
    pub open: u64,
}

/// The last 24 hours of a machine.
#[derive(Debug, Clone, PartialEq)]
pub struct MachineCounts {
    /// Which one.
    pub key: MachineKey,
    /// Executions that are open now.
    pub running: u64,
    /// Executions started.
    pub started: u64,
    /// Executions that succeeded.
    pub succeeded: u64,
    /// Executions that failed.
    pub failed: u64,
    /// Executions that timed out.
    pub timed_out: u64,
    /// Executions that were stopped.
    pub aborted: u64,
    /// When the last one was started that is still counted somewhere.
    pub last_start: Option<Timestamp>,
}

#[derive(Clone, Default)]
struct Point {
    tally: Tally,
    open: u64,
}

impl Engine {
    /// What happened in `points` periods of `period_ms` from `start` on, to the executions of a machine
    /// or of all of a place. Of long ago only hours are known: they count where they begin.
    ///
    /// # Errors
    ///
    /// [`EngineError::NoSuchMachine`] if one is named.
    pub fn execution_metrics(
        &self,
        place: &Place,
        machine: Option<&MachineKey>,
        start: Timestamp,
        period_ms: u64,
        points: usize,
    ) -> Result<MetricSeries, EngineError> {
        let machines = match machine {
            Some(key) => vec![self.machine(key).ok_or(EngineError::NoSuchMachine)?],
            None => self.machines(place),
        };
        let (metrics, now_ms) = (&self.commons().metrics, self.now().epoch_ms);
        let mut found = vec![Point::default(); points];
        let mut open = 0;
        for machine in &machines {
            let meter = metrics.meter(machine.number);
            let counts = meter.counts();
            open += counts.open;
            counts.spread(start.epoch_ms, period_ms, now_ms, &mut found);
        }
        let mut times = Histogram::default();
        found.iter().for_each(|point| times.merge(&point.tally.times));
        let of_point = |(at, Point { tally, open }): (usize, Point)| {
            let [succeeded, failed, timed_out, aborted] = tally.ended;
            MetricPoint {
                at: Timestamp::from_epoch_ms(start.epoch_ms + at as u64 * period_ms),
                started: tally.started,
                succeeded,
                failed,
                timed_out,
                aborted,
                open,
                time: tally.times.read(),
            }
        };
        let points = found.into_iter().enumerate().map(of_point).collect();
        Ok(MetricSeries { points, time: times.read(), open })
    }

    /// The last 24 hours of all machines of a place, and when these begin.
    pub fn machine_counts(&self, place: &Place) -> (Timestamp, Vec<MachineCounts>) {
        let metrics = &self.commons().metrics;
        let since_ms = self.now().epoch_ms.saturating_sub(DAY_MS) / MINUTE_MS * MINUTE_MS;
        let of_machine = |key: MachineKey, number: u64| {
            let meter = metrics.meter(number);
            let counts = meter.counts();
            let mut total = Tally::default();
            for (begins_ms, tally) in counts.spans() {
                match begins_ms >= since_ms {
                    true => total.add(tally),
                    false => total.last_start_ms = total.last_start_ms.max(tally.last_start_ms),
                }
            }
            let Tally { started, ended: [succeeded, failed, timed_out, aborted], last_start_ms, .. } = total;
            let last_start = (last_start_ms > 0).then(|| Timestamp::from_epoch_ms(last_start_ms));
            let running = counts.open;
            MachineCounts { key, running, started, succeeded, failed, timed_out, aborted, last_start }
        };
        let machines = self.machines(place);
        let counts = machines.iter().map(|machine| of_machine(machine.key.clone(), machine.number));
        (Timestamp::from_epoch_ms(since_ms), counts.collect())
    }
}

impl Commons {
    /// How many executions of the machine of this number are open, as they are counted: what the store
    /// has open, once all turns that are durable have been counted. For the simulator.
    pub fn open_executions(&self, machine: u64) -> u64 {
        self.metrics.meter(machine).counts().open
    }
}

impl Counts {
    /// All minutes and hours by when they begin, in milliseconds since the epoch. Hours come first: there
    /// are none but those whose minutes have gone.
    fn spans(&self) -> impl Iterator<Item = (u64, &Tally)> {
        let hours = self.hours.iter().map(|(hour, tally)| (hour * HOUR_MS, tally));
        hours.chain(self.minutes.iter().map(|(minute, counted)| (minute * MINUTE_MS, &counted.tally)))
    }

    /// Adds what there is to the points it belongs to.
    fn spread(&self, start_ms: u64, period_ms: u64, now_ms: u64, points: &mut [Point]) {
        let mut spans = self.spans().peekable();
        let mut open = 0;
        let mut begins_ms = start_ms;
        for point in points {
            let ends_ms = begins_ms + period_ms;
            while let Some((at, tally)) = spans.next_if(|(at, _)| *at < ends_ms) {
                if at >= start_ms {
                    point.tally.add(tally);
                }
                open = tally.open;
            }
            if (begins_ms..ends_ms).contains(&now_ms) {
                open = self.open;
            }
            point.open += open;
            begins_ms = ends_ms;
        }
    }
}
