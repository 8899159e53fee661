//! The log of the simulated disk: frames with a length and a checksum.
//!
//! A frame is `length, checksum, payload`; its payload a commit or a slice of a sweep. What is cut
//! through, or is zeros, is not a frame, and ends the log.

use std::sync::Arc;

use stepwell_model::{EntityId, Timestamp};
use stepwell_store::{Batch, CatalogueWrite, Chunk, Snapshot};

/// Before each payload: its length and its checksum.
const HEAD: usize = 12;

/// What is written at once.
#[derive(Debug, Clone)]
pub enum Frame {
    /// A commit.
    Commit(Batch),
    /// A slice of a sweep, as the store was asked for it.
    Sweep(Timestamp, usize),
}

/// Appends a frame to a log.
pub fn append(log: &mut Vec<u8>, frame: &Frame) {
    let begins = log.len();
    log.extend_from_slice(&[0; HEAD]);
    match frame {
        Frame::Commit(batch) => {
            log.push(1);
            number(log, batch.chunks.len() as u64);
            for chunk in &batch.chunks {
                part(log, &chunk.encode_header());
                part(log, &chunk.body);
            }
            number(log, batch.snapshots.len() as u64);
            for snapshot in &batch.snapshots {
                number(log, snapshot.entity.to_u64());
                number(log, snapshot.row);
                part(log, &snapshot.body);
            }
            for write in &batch.catalogue {
                part(log, write.key.as_bytes());
                log.push(u8::from(write.value.is_some()));
                part(log, write.value.as_deref().unwrap_or_default().as_bytes());
            }
        }
        Frame::Sweep(before, rows_max) => {
            log.push(2);
            number(log, before.epoch_ms);
            number(log, *rows_max as u64);
        }
    }
    let length = (log.len() - begins - HEAD) as u32;
    let sum = checksum(&log[begins + HEAD..]);
    log[begins..begins + 4].copy_from_slice(&length.to_be_bytes());
    log[begins + 4..begins + HEAD].copy_from_slice(&sum.to_be_bytes());
}

/// The frames of a log that are whole, and how long they are together.
pub fn frames(log: &[u8]) -> (Vec<Frame>, usize) {
    let (mut found, mut at) = (Vec::new(), 0);
    while let Some((frame, length)) = first(&log[at..]) {
        found.push(frame);
        at += length;
    }
    (found, at)
}

fn first(log: &[u8]) -> Option<(Frame, usize)> {
    let mut head = Reader(log);
    let length = u32::from_be_bytes(head.take(4)?.try_into().ok()?) as usize;
    let sum = head.number()?;
    let payload = head.take(length)?;
    // A frame has a byte at least: zeros are none.
    if length == 0 || checksum(payload) != sum {
        return None;
    }
    Some((decode(Reader(payload))?, HEAD + length))
}

fn decode(mut reader: Reader<'_>) -> Option<Frame> {
    if reader.byte()? == 2 {
        return Some(Frame::Sweep(Timestamp::from_epoch_ms(reader.number()?), reader.number()? as usize));
    }
    let mut batch = Batch::default();
    for _ in 0..reader.number()? {
        let (header, body) = (reader.part()?, reader.part()?);
        batch.chunks.push(Chunk::decode(header, body).ok()?);
    }
    for _ in 0..reader.number()? {
        let (entity, row) = (EntityId::from_u64(reader.number()?), reader.number()?);
        batch.snapshots.push(Snapshot { entity, row, body: reader.part()?.into() });
    }
    while !reader.0.is_empty() {
        let key = std::str::from_utf8(reader.part()?).ok()?.to_owned();
        let is_there = reader.byte()? == 1;
        let value: Arc<str> = std::str::from_utf8(reader.part()?).ok()?.into();
        batch.catalogue.push(CatalogueWrite { key, value: is_there.then_some(value) });
    }
    Some(Frame::Commit(batch))
}

fn number(log: &mut Vec<u8>, number: u64) {
    log.extend_from_slice(&number.to_be_bytes());
}

fn part(log: &mut Vec<u8>, bytes: &[u8]) {
    number(log, bytes.len() as u64);
    log.extend_from_slice(bytes);
}

/// FNV-1a over words of eight bytes, and over what is left.
fn checksum(bytes: &[u8]) -> u64 {
    let mix = |sum: u64, word: u64| (sum ^ word).wrapping_mul(0x100_0000_01b3).rotate_left(23);
    let words = bytes.chunks_exact(8);
    let rest = words.remainder();
    let word = |bytes: &[u8]| bytes.iter().fold(0, |word, byte| word << 8 | u64::from(*byte));
    let sum = words.fold(0xcbf2_9ce4_8422_2325, |sum, bytes| mix(sum, word(bytes)));
    mix(sum, word(rest))
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1).map(|bytes| bytes[0])
    }

    fn number(&mut self) -> Option<u64> {
        Some(u64::from_be_bytes(self.take(8)?.try_into().ok()?))
    }

    fn part(&mut self) -> Option<&'a [u8]> {
        let length = self.number()?;
        self.take(usize::try_from(length).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_that_is_cut_anywhere_has_the_whole_frames_before_the_cut() {
        let mut log = Vec::new();
        let mut ends = vec![0];
        for n in 0..3 {
            let write = CatalogueWrite { key: format!("key-{n}"), value: Some("value".into()) };
            append(&mut log, &Frame::Commit(Batch { catalogue: vec![write], ..Batch::default() }));
            ends.push(log.len());
            append(&mut log, &Frame::Sweep(Timestamp::from_epoch_ms(n), 5));
            ends.push(log.len());
        }
        for cut in 0..=log.len() {
            for zeros in [0, 40] {
                let mut left = log[..cut].to_vec();
                left.resize(cut + zeros, 0);
                let whole = ends.iter().rposition(|end| *end <= cut).unwrap();
                let (found, length) = frames(&left);
                assert_eq!((found.len(), length), (whole, ends[whole]), "cut at {cut}, {zeros} zeros");
            }
        }
    }
}
