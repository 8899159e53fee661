//! The engine: makes durable what the language decided, and only then lets it out.
//!
//! A call goes to the [shard](Shard) that owns its partition; the shard's turn lets the language
//! decide; one commit makes the turns of all shards durable; then replies and effects are released.
//! Calls go down, values come up, one loop.
//!
//! | chapter      | what                                                                  |
//! |--------------|-----------------------------------------------------------------------|
//! | `engine`     | what callers can ask ([`Engine`]), in the words of `requests`          |
//! | `shard`      | the loop, without threads and clocks, so that the simulator drives it  |
//! | `runtime`    | its threads, `mailbox`es, and the `committer`                          |
//! | `catalogue`  | machines, revisions, activities                                        |
//! | `dispatcher` | slots, queues of tasks, workers that wait                              |
//! | `names`, `tokens`, `keys`, `siphash` | what is generated and sealed                   |
//! | `express`    | Express executions, which are decided where their callers wait          |
//! | `recent`     | Express executions that ended not long ago                             |
//! | `reads`      | what is read, out of the store                                         |
//! | `changes`    | who is told that something was committed                               |
//! | `failures`   | what failed last, over many machines                                   |
//! | `waiting`    | tasks that wait for somebody outside                                   |
//! | `metrics`    | what happened to the executions of each machine, minute by minute      |
//! | `redrive`    | which executions can be redriven                                       |
//! | `history_log`| what executions log, once it is durable                                |
//! | `deletion`, `retention` | what takes its time                                         |
//! | `trial`      | one task outside of any execution, for a test of a state               |
//! | `fail_point`, `sabotage` | where tests have it crash, and what they have it break     |
//!
//! # Known limits
//!
//! Revisions are never deleted. A state machine's deletion leaves the journals of its executions, which
//! go when their retention ends.

mod catalogue;
mod changes;
mod child_words;
mod clock;
mod committer;
mod commons;
mod deletion;
mod dispatcher;
mod engine;
mod entity_map;
mod express;
mod fail_point;
mod failures;
mod history_log;
mod keys;
mod mailbox;
mod messages;
mod metrics;
mod names;
mod options;
mod pool;
mod publishing;
mod reads;
mod recent;
mod redrive;
mod refusal;
mod requests;
mod retention;
mod runtime;
#[cfg(feature = "sabotage")]
mod sabotage;
mod shard;
mod siphash;
mod stats;
mod tokens;
mod trial;
mod waiting;

pub use catalogue::{
    Activity, ActivityKey, Alias, Catalogue, Change, CreateActivity, CreateAlias, Encryption, Plan,
    PublishVersion, Published, Resolved, Revision, Route, TAGS_MAX, TagChange, TaggedKey, Tags, UpdateAlias,
    Updated, Version, execution_arn, machine_arn, qualified_arn, version_number,
};
pub use changes::{ExecutionProgress, ExecutionReader, ExecutionWatcher, PlaceWatcher};
pub use clock::{Clock, SystemClock};
pub use commons::{Commons, NO_INTEGRATION};
pub use dispatcher::{Dispatcher, Poller};
pub use engine::Engine;
pub use express::{ExpressHere, ExpressRound, ExpressStart, ExpressUnderWay, express_arn};
#[cfg(feature = "sabotage")]
pub use fail_point::armed::arm_fail_point;
pub use failures::RecentFailure;
pub use history_log::{HistoryLog, LoggedHistory};
pub use keys::Keys;
pub use messages::{
    ChildNews, ChildStarted, Counts, ExpressEar, Message, Release, Reply, StartEar, TaskAnswer, Turn,
};
pub use metrics::{ExecutionTime, MachineCounts, Measured, MetricPoint, MetricSeries};
pub use names::Home;
pub use options::{
    EngineOptions, Log, LogEvent, LogLevel, RecentDisk, Seed, Stopwatch, random_seeds, seeds_from,
};
pub use recent::{RecentExpress, RecentSummary};
pub use redrive::NotRedrivable;
pub use requests::*;
#[cfg(feature = "sabotage")]
pub use sabotage::Sabotage;
pub use shard::{Loan, Shard, replay};
pub use stats::EngineStats;
pub use trial::Trial;
pub use waiting::{WaitingCursor, WaitingTask};
