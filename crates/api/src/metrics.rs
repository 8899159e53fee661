//! Counters and gauges, in the text format of Prometheus.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};

use stepwell_engine::EngineStats;

use crate::exception::{Exception, ExceptionKind};
use crate::{Counter, operations};

/// How often each operation was called, and how it ended.
pub(crate) struct Counters {
    operations: Vec<Outcomes>,
}

#[derive(Default)]
struct Outcomes {
    answered: AtomicU64,
    refused: AtomicU64,
    broken: AtomicU64,
}

impl Counters {
    pub(crate) fn new() -> Counters {
        Counters { operations: operations::all().map(|_| Outcomes::default()).collect() }
    }

    /// Counts a call of the operation at `index` of the list.
    pub(crate) fn count(&self, index: usize, exception: Option<&Exception>) {
        let outcomes = &self.operations[index];
        let counter = match exception.map(|exception| exception.kind) {
            None => &outcomes.answered,
            Some(ExceptionKind::ServiceUnavailable | ExceptionKind::InternalFailure) => &outcomes.broken,
            Some(_) => &outcomes.refused,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

/// All of it as text.
pub(crate) fn text(counters: &Counters, stats: &EngineStats, more: &[Counter]) -> String {
    let mut out = String::new();
    let closed = [
        ("SUCCEEDED", stats.succeeded),
        ("FAILED", stats.failed),
        ("TIMED_OUT", stats.timed_out),
        ("ABORTED", stats.aborted),
    ];
    let mut metric = |name: &str, kind: &str, help: &str, samples: &[(String, u64)]| {
        writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}").expect("a String takes what it is given");
        for (labels, value) in samples {
            writeln!(out, "{name}{labels} {value}").expect("a String takes what it is given");
        }
    };
    let one = |value: u64| [(String::new(), value)];

    metric("stepwell_executions_started_total", "counter", "Executions started.", &one(stats.started));
    metric(
        "stepwell_executions_closed_total",
        "counter",
        "Executions closed, by status.",
        &closed.map(|(status, count)| (format!("{{status=\"{status}\"}}"), count)),
    );
    metric("stepwell_executions_redriven_total", "counter", "Executions redriven.", &one(stats.redriven));
    metric(
        "stepwell_executions_swept_total",
        "counter",
        "Closed executions removed when their retention ended.",
        &one(stats.swept),
    );
    metric("stepwell_state_transitions_total", "counter", "States entered.", &one(stats.transitions));
    metric("stepwell_journal_events_total", "counter", "Events recorded.", &one(stats.events));
    metric("stepwell_journal_commits_total", "counter", "Batches written.", &one(stats.commits));
    metric("stepwell_journal_chunks_total", "counter", "Chunks written.", &one(stats.chunks));
    metric("stepwell_journal_bytes_total", "counter", "Bytes of chunks written.", &one(stats.chunk_bytes));
    metric(
        "stepwell_task_outcomes_late_total",
        "counter",
        "Outcomes of tasks that came too late to matter.",
        &one(stats.late_outcomes),
    );
    metric(
        "stepwell_express_recent_written_total",
        "counter",
        "Express executions that ended and were written to disk, to be read for a while.",
        &one(stats.express_kept),
    );
    metric(
        "stepwell_express_recent_dropped_total",
        "counter",
        "Express executions that ended and were not written to disk, for want of time or room.",
        &one(stats.express_not_kept),
    );
    metric("stepwell_executions_resident", "gauge", "Executions in memory as a whole.", &one(stats.resident));
    metric("stepwell_executions_parked", "gauge", "Executions in memory as stubs.", &one(stats.stubs));
    metric(
        "stepwell_executions_set_aside",
        "gauge",
        "Executions that cannot be read and were set aside.",
        &one(stats.set_aside),
    );
    metric("stepwell_tasks_running", "gauge", "Tasks under way.", &one(stats.tasks_running));
    metric(
        "stepwell_tasks_queued",
        "gauge",
        "Tasks that wait for a slot or a worker.",
        &one(stats.tasks_queued),
    );
    metric(
        "stepwell_activity_workers_waiting",
        "gauge",
        "Workers that wait for a task of an activity.",
        &one(stats.workers_waiting),
    );

    let mut calls = Vec::new();
    for ((_, operation), outcomes) in operations::all().zip(&counters.operations) {
        let Outcomes { answered, refused, broken } = outcomes;
        for (outcome, counter) in [("ok", answered), ("refused", refused), ("error", broken)] {
            let count = counter.load(Ordering::Relaxed);
            // What never happened need not be listed 57 times.
            if count > 0 {
                calls.push((format!("{{operation=\"{}\",outcome=\"{outcome}\"}}", operation.name), count));
            }
        }
    }
    metric("stepwell_api_calls_total", "counter", "Calls of operations, by outcome.", &calls);
    for Counter { name, help, value } in more {
        metric(name, "counter", help, &one(*value));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_a_comment_or_a_sample() {
        let counters = Counters::new();
        counters.count(0, None);
        counters.count(0, Some(&Exception::invalid_token()));
        let more = [Counter { name: "stepwell_more_total", help: "More.", value: 7 }];
        let text = text(&counters, &EngineStats { failed: 3, ..EngineStats::default() }, &more);
        for line in text.lines() {
            let sample = line.rsplit_once(' ').is_some_and(|(_, value)| value.parse::<u64>().is_ok());
            assert!(line.starts_with("# ") || sample, "{line}");
        }
        for line in [
            "stepwell_executions_closed_total{status=\"FAILED\"} 3",
            "stepwell_more_total 7",
            "stepwell_api_calls_total{operation=\"StartExecution\",outcome=\"ok\"} 1",
            "stepwell_api_calls_total{operation=\"StartExecution\",outcome=\"refused\"} 1",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}");
        }
    }
}
