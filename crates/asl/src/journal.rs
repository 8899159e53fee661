use stepwell_model::Timestamp;
#[derive(Debug, Clone, PartialEq)]
pub struct Event { pub at: Timestamp, /// AWS's id; 0 for what AWS does not show
 pub id: u64, pub previous_id: u64, pub branch: u32, pub kind: EventKind }
#[derive(Debug, Clone, PartialEq)]
pub enum EventKind { Todo }
