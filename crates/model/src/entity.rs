//! The identity of everything with a life.

/// How many partitions a store has; fixed for good when it is created.
pub const PARTITIONS: u16 = 256;

/// One of the [`PARTITIONS`].
pub type Partition = u8;

/// What kind of thing an entity is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EntityKind {
    /// An execution of a state machine.
    Execution,
}

/// The identity of an entity: its partition, and a number that is its own within it and ascends.
///
/// Entities of all partitions are numbered together, so that most keys are new at the end of an index; a
/// store from before that has numbers that ascend within each partition only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EntityId {
    /// The partition that owns it.
    pub partition: Partition,
    /// From 1 upwards, with gaps; at most [`EntityId::NUMBER_MAX`].
    pub number: u64,
}

impl EntityId {
    /// The largest number: 48 bits.
    pub const NUMBER_MAX: u64 = (1 << 48) - 1;

    /// Both in one integer that sorts as the pair does and fits a signed 64-bit column.
    pub fn to_u64(self) -> u64 {
        (u64::from(self.partition) << 48) | self.number
    }

    /// The identity in such an integer.
    pub fn from_u64(packed: u64) -> EntityId {
        EntityId { partition: (packed >> 48) as u8, number: packed & EntityId::NUMBER_MAX }
    }
}
