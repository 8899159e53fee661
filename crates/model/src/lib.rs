//! The nouns that AWS gave a name: ARNs, names, moments, states' types, statuses, failures, history
//! events, limits. Plain data with its spelling and its ranges; nothing here decides.

mod arn;
mod details;
mod entity;
mod failure;
mod history;
mod limits;
mod logging;
mod name;
mod resource;
mod status;
mod timestamp;

pub use arn::{Arn, ArnError, ArnResource};
pub use details::Detail;
pub use entity::{EntityId, EntityKind, PARTITIONS, Partition};
pub use failure::{Failure, error_names};
pub use history::{HistoryEvent, HistoryEventKind, TaskEvent};
pub use limits::Limits;
pub use logging::{LogLevel, Logging};
pub use name::{NAME_CHARACTERS_MAX, is_name};
pub use resource::{Pattern, Resource, TaskRef};
pub use status::{ExecutionStatus, MachineType, StateType};
pub use timestamp::Timestamp;
