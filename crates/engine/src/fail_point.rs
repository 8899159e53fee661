//! Fail points: the moments at which a crash is tried, all in one list.
//!
//! One stands at each side of every commit, dispatch, hand-out, reply, start, result, answer, timer, stop
//! and redrive, and of the recovery of an execution. In a build with the feature `sabotage` the process
//! aborts when it passes the one that it was told, for the n-th time; in any other build a fail point is
//! nothing. `conformance/crash/fail_points.py` tries each.

/// A side of something that matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FailPoint {
    /// A batch is about to be written.
    BeforeCommit,
    /// It is durable, and nothing of it has been let out.
    AfterCommit,
    /// A call is about to leave; its start is durable.
    BeforeDispatch,
    /// It has left.
    AfterDispatch,
    /// An integration is about to be told that the outcome of a call no longer matters.
    BeforeCancel,
    /// It has been told.
    AfterCancel,
    /// The token of a task is about to leave for a worker; its start is durable.
    BeforeHandOut,
    /// It has left.
    AfterHandOut,
    /// A caller is about to hear that what he asked for was done.
    BeforeReply,
    /// He has heard it.
    AfterReply,
    /// Another shard is about to be told of something durable: of a child, mostly.
    BeforeTell,
    /// It has been told.
    AfterTell,
    /// An execution is about to begin.
    BeforeStart,
    /// It has begun, in memory.
    AfterStart,
    /// The outcome of a call has come.
    BeforeResult,
    /// What follows from it is decided, in memory.
    AfterResult,
    /// A worker's answer or heartbeat has come.
    BeforeAnswer,
    /// What follows from it is decided, in memory.
    AfterAnswer,
    /// The moment of an execution has come.
    BeforeTimer,
    /// What follows from it is decided, in memory.
    AfterTimer,
    /// A stop has come.
    BeforeStop,
    /// It is decided, in memory.
    AfterStop,
    /// A redrive has come.
    BeforeRedrive,
    /// It is decided, in memory.
    AfterRedrive,
    /// An execution is about to be loaded because the server was started again.
    BeforeRecovery,
    /// It is loaded, and what it waits for is taken up, in memory.
    AfterRecovery,
}

/// Passes a fail point.
#[inline]
pub(crate) fn pass(point: FailPoint) {
    #[cfg(feature = "sabotage")]
    armed::pass(point);
    #[cfg(not(feature = "sabotage"))]
    let _ = point;
}

#[cfg(feature = "sabotage")]
pub(crate) mod armed {
    //! What a fail point is in a build that has them.

    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::FailPoint::{self, *};

    /// All of them, with their names.
    const ALL: [(&str, FailPoint); 26] = [
        ("before_commit", BeforeCommit),
        ("after_commit", AfterCommit),
        ("before_dispatch", BeforeDispatch),
        ("after_dispatch", AfterDispatch),
        ("before_cancel", BeforeCancel),
        ("after_cancel", AfterCancel),
        ("before_hand_out", BeforeHandOut),
        ("after_hand_out", AfterHandOut),
        ("before_reply", BeforeReply),
        ("after_reply", AfterReply),
        ("before_tell", BeforeTell),
        ("after_tell", AfterTell),
        ("before_start", BeforeStart),
        ("after_start", AfterStart),
        ("before_result", BeforeResult),
        ("after_result", AfterResult),
        ("before_answer", BeforeAnswer),
        ("after_answer", AfterAnswer),
        ("before_timer", BeforeTimer),
        ("after_timer", AfterTimer),
        ("before_stop", BeforeStop),
        ("after_stop", AfterStop),
        ("before_redrive", BeforeRedrive),
        ("after_redrive", AfterRedrive),
        ("before_recovery", BeforeRecovery),
        ("after_recovery", AfterRecovery),
    ];

    /// The one at which this process aborts, and how often it is passed before.
    static ARMED: OnceLock<(FailPoint, &str, AtomicU64)> = OnceLock::new();

    /// Has this process abort when it passes the fail point of this name for the `nth` time, counted
    /// from 1. The first call in a process counts.
    ///
    /// # Errors
    ///
    /// That there is none of this name; the sentence names all there are.
    pub fn arm_fail_point(name: &str, nth: u64) -> Result<(), String> {
        let Some((name, point)) = ALL.iter().find(|(known, _)| *known == name) else {
            let names: Vec<&str> = ALL.iter().map(|(name, _)| *name).collect();
            return Err(format!("no such fail point; there are {}", names.join(" ")));
        };
        ARMED.get_or_init(|| (*point, name, AtomicU64::new(nth.max(1))));
        Ok(())
    }

    pub(super) fn pass(point: FailPoint) {
        let Some((armed, name, left)) = ARMED.get() else { return };
        if *armed == point && left.fetch_sub(1, Ordering::Relaxed) == 1 {
            eprintln!("fail point {name}");
            std::process::abort();
        }
    }
}
