use crate::Event;
/// The bytes are no journal of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct CorruptJournal(pub String);
pub fn encode(events: &[Event]) -> Vec<u8> { panic!() }
pub fn decode(bytes: &[u8]) -> Result<Vec<Event>, CorruptJournal> { panic!() }
