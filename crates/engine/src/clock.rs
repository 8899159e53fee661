//! Where the engine reads the time.

use std::time::{SystemTime, UNIX_EPOCH};

use stepwell_model::Timestamp;

/// A clock. The machine's is [`SystemClock`]; the simulator has one of its own, which jumps.
pub trait Clock: Send + Sync {
    /// The present moment. It may go back: the engine takes the larger of this and what it used
    /// last.
    fn now(&self) -> Timestamp;
}

/// The clock of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_epoch_ms(0).after(since)
    }
}
