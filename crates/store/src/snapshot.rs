//! Snapshots: what an execution had come to at a row of its journal, so that the rows before need not be
//! read again.
//!
//! Only the language reads the body. A snapshot is disposable: whoever finds none, or cannot read it,
//! reads the journal. It is kept with a checksum behind it:
//!
//! | bytes | meaning                                                                 |
//! |-------|-------------------------------------------------------------------------|
//! | 8     | row, little-endian                                                      |
//! | rest  | the body                                                                |
//! | 4     | CRC-32 (IEEE), little-endian, of the packed entity (8 bytes, little-endian) and all before |

use std::sync::Arc;

use stepwell_model::EntityId;

const ROW_BYTES: usize = 8;

const CHECKSUM_BYTES: usize = 4;

/// What an execution had come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The execution.
    pub entity: EntityId,
    /// The row of the last chunk that is in it; 0 with an empty body.
    pub row: u64,
    /// The state, as the language wrote it. Empty in a batch: the execution's snapshot goes.
    pub body: Arc<[u8]>,
}

/// The bytes are no snapshot of this entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the checksum does not fit the snapshot")]
pub struct DamagedSnapshot;

impl Snapshot {
    /// The snapshot that takes away the one of `entity`.
    pub fn none(entity: EntityId) -> Snapshot {
        Snapshot { entity, row: 0, body: Arc::default() }
    }

    /// As it is kept.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(ROW_BYTES + self.body.len() + CHECKSUM_BYTES);
        bytes.extend_from_slice(&self.row.to_le_bytes());
        bytes.extend_from_slice(&self.body);
        let checksum = checksum(self.entity, &bytes);
        bytes.extend_from_slice(&checksum);
        bytes
    }

    /// The snapshot of `entity` that is kept as these bytes.
    ///
    /// # Errors
    ///
    /// [`DamagedSnapshot`].
    pub fn decode(entity: EntityId, bytes: &[u8]) -> Result<Snapshot, DamagedSnapshot> {
        let (kept, found) = bytes.split_last_chunk::<CHECKSUM_BYTES>().ok_or(DamagedSnapshot)?;
        if *found != checksum(entity, kept) {
            return Err(DamagedSnapshot);
        }
        let (row, body) = kept.split_first_chunk::<ROW_BYTES>().ok_or(DamagedSnapshot)?;
        Ok(Snapshot { entity, row: u64::from_le_bytes(*row), body: body.into() })
    }
}

fn checksum(entity: EntityId, bytes: &[u8]) -> [u8; CHECKSUM_BYTES] {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&entity.to_u64().to_le_bytes());
    hasher.update(bytes);
    hasher.finalize().to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_flipped_bit_and_any_other_owner_is_noticed() {
        let entity = EntityId { partition: 3, number: 7 };
        let snapshot = Snapshot { entity, row: 12, body: (*b"state").into() };
        let bytes = snapshot.encode();
        assert_eq!(Snapshot::decode(entity, &bytes), Ok(snapshot));
        assert_eq!(Snapshot::decode(EntityId { number: 8, ..entity }, &bytes), Err(DamagedSnapshot));
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Snapshot::decode(entity, &flipped), Err(DamagedSnapshot), "bit {bit}");
        }
    }
}
