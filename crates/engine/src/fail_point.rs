//! Fail points: the moments at which a crash is tried, all in one list.
//!
//! One stands at each side of every commit, dispatch, hand-out, reply, start, result, answer, timer, stop
//! and redrive, and of the recovery of an execution. In a build with the feature `sabotage` the process
//! aborts when it passes the one that it was told, for the n-th time; in any other build a fail point is
//! nothing. `conformance/crash/fail_points.py` tries each.

/// Makes the list: each fail point with what it means and its name.
macro_rules! fail_points {
    ($($(#[$meaning:meta])* $point:ident = $name:literal,)*) => {
        /// A side of something that matters.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum FailPoint {
            $($(#[$meaning])* $point,)*
        }

        /// All of them, with their names.
        #[cfg(feature = "sabotage")]
        const ALL: &[(&str, FailPoint)] = &[$(($name, FailPoint::$point),)*];
    };
}

fail_points! {
    /// A batch is about to be written.
    BeforeCommit = "before_commit",
    /// It is durable, and nothing of it has been let out.
    AfterCommit = "after_commit",
    /// A call is about to leave; its start is durable.
    BeforeDispatch = "before_dispatch",
    /// It has left.
    AfterDispatch = "after_dispatch",
    /// An integration is about to be told that the outcome of a call no longer matters.
    BeforeCancel = "before_cancel",
    /// It has been told.
    AfterCancel = "after_cancel",
    /// The token of a task is about to leave for a worker; its start is durable.
    BeforeHandOut = "before_hand_out",
    /// It has left.
    AfterHandOut = "after_hand_out",
    /// A caller is about to hear that what he asked for was done.
    BeforeReply = "before_reply",
    /// He has heard it.
    AfterReply = "after_reply",
    /// Another shard is about to be told of something durable: of a child, mostly.
    BeforeTell = "before_tell",
    /// It has been told.
    AfterTell = "after_tell",
    /// An execution is about to begin.
    BeforeStart = "before_start",
    /// It has begun, in memory.
    AfterStart = "after_start",
    /// The outcome of a call has come.
    BeforeResult = "before_result",
    /// What follows from it is decided, in memory.
    AfterResult = "after_result",
    /// A worker's answer or heartbeat has come.
    BeforeAnswer = "before_answer",
    /// What follows from it is decided, in memory.
    AfterAnswer = "after_answer",
    /// The moment of an execution has come.
    BeforeTimer = "before_timer",
    /// What follows from it is decided, in memory.
    AfterTimer = "after_timer",
    /// A stop has come.
    BeforeStop = "before_stop",
    /// It is decided, in memory.
    AfterStop = "after_stop",
    /// A redrive has come.
    BeforeRedrive = "before_redrive",
    /// It is decided, in memory.
    AfterRedrive = "after_redrive",
    /// An execution is about to be loaded because the server was started again.
    BeforeRecovery = "before_recovery",
    /// It is loaded, and what it waits for is taken up, in memory.
    AfterRecovery = "after_recovery",
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

    use super::{ALL, FailPoint};

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
