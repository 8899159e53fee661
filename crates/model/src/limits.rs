//! Limits with AWS's values as defaults where AWS has one; each is a key under `[limits]` of the configuration.

/// The limits in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The largest input, output or parameter, in bytes of UTF-8.
    pub payload_bytes_max: usize,
    /// The most events a Standard execution may have in its history.
    pub history_events_max: u64,
    /// The largest definition, in bytes.
    pub definition_bytes_max: usize,
    /// The longest a Standard execution may last, in seconds: a year.
    pub execution_seconds_max: u64,
    /// The longest an Express execution may last, in seconds: five minutes.
    pub express_seconds_max: u64,
    /// All live variables of an execution together, in bytes.
    pub variables_bytes_max: usize,
    /// How long after its end an execution may be redriven, in seconds: 14 days.
    pub redrive_seconds_max: u64,
    /// How long an execution is kept after it was closed, in seconds: 90 days. Then it is gone, and its
    /// name is free. Source: the quotas in the Developer Guide, "Execution history retention time", and
    /// the API reference of StartExecution, on names.
    pub retention_seconds: u64,
    /// How many calls may wait at each shard; more are answered with `ThrottlingException`. Ours: AWS
    /// bounds rates instead.
    pub waiting_calls_max: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            payload_bytes_max: 262_144,
            history_events_max: 25_000,
            definition_bytes_max: 1_048_576,
            execution_seconds_max: 31_536_000,
            express_seconds_max: 300,
            variables_bytes_max: 10 * 1024 * 1024,
            redrive_seconds_max: 14 * 24 * 60 * 60,
            retention_seconds: 7_776_000,
            waiting_calls_max: 4_096,
        }
    }
}
