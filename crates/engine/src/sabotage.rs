//! Sabotage: builds that break a promise on purpose, so that the harnesses can be shown to notice.
//!
//! Only in a build with the feature `sabotage`, which no release has. Each kind is one place in a shard,
//! so that the simulator and the real binary both have it.

use stepwell_model::EntityId;

use crate::messages::Release;

/// Which promise is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sabotage {
    /// Callers hear that what they asked for was done before it is durable.
    AcknowledgeBeforeCommit,
    /// Calls and tokens leave before the start of their task is durable.
    DispatchBeforeCommit,
    /// What an execution waited for at a crash is forgotten, if it is a moment.
    DropTimerAtRecovery,
    /// A call that may have left before a crash is sent once more, to any target.
    DispatchAgainAfterCrash,
}

impl Sabotage {
    /// All of them, with their names.
    pub const ALL: [(&'static str, Sabotage); 4] = [
        ("acknowledge-before-commit", Sabotage::AcknowledgeBeforeCommit),
        ("dispatch-before-commit", Sabotage::DispatchBeforeCommit),
        ("drop-timer-at-recovery", Sabotage::DropTimerAtRecovery),
        ("dispatch-again-after-crash", Sabotage::DispatchAgainAfterCrash),
    ];

    /// Whether a release that should wait for its commit does not.
    pub(crate) fn hurries(self, release: &Release) -> bool {
        match release {
            Release::Started(..) | Release::Stopped(..) | Release::Done(..) | Release::ExpressEnded(..) => {
                self == Sabotage::AcknowledgeBeforeCommit
            }
            Release::HandOut(..) | Release::RunTask { .. } => self == Sabotage::DispatchBeforeCommit,
            Release::Tell(..) | Release::CancelTask { .. } => false,
        }
    }
}

/// Moves to `at_once` what a sabotaged build lets out too early.
pub(crate) fn hurry(
    sabotage: Option<Sabotage>,
    releases: &mut Vec<(Option<EntityId>, Release)>,
    at_once: &mut Vec<Release>,
) {
    let Some(sabotage) = sabotage else { return };
    at_once.extend(
        releases.extract_if(.., |(_, release)| sabotage.hurries(release)).map(|(_, release)| release),
    );
}
