//! The store that forgets: for tests, the simulator and `--ephemeral` measurements.

/// Keeps everything in memory.
pub struct MemoryStore {}
