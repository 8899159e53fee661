//! A slice: names in ascending order, immutable, in blocks of a page each.
//!
//! A record is a name's key (16 bytes) and the key of the execution that took it (8 bytes, big-endian),
//! so records sort as their bytes do. A name that was taken several times has as many records.
//!
//! A slice is a row of the table `name_slice` and blocks in the table `name_block`, each in a slot:
//!
//! | what             | bytes                                                                       |
//! |------------------|-----------------------------------------------------------------------------|
//! | a block          | 4: CRC-32, little-endian, of the slice's id, the block's place in the slice (8 bytes each, little-endian) and what follows; then 4,032 |
//! | blocks of names  | 168 records; the last is filled up with zeros                               |
//! | blocks of the index | the first 8 bytes of each block of names, then the words of the filter, all integers little-endian; the last is filled up with zeros |
//! | the row          | id, level, number of names, largest key of an execution, number of groups of the filter, and the slots of the blocks in order, 4 bytes each, little-endian |
//!
//! The index is in memory while the store is open: 10 bits a name for the filter, and 12 bytes a block. The
//! filter is a Bloom filter in groups of 64 bytes, so that a name which is not there costs one look at
//! memory, but for one or two in a hundred.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension};
use stepwell_store::{NameKey, StoreError};

use super::slots::Slots;
use crate::{damaged, store_error};

/// A name's key and the key of the execution that took it.
pub(crate) type Record = (NameKey, i64);

/// The length of a record.
const RECORD_BYTES: usize = 24;
/// How many records a block has.
pub(crate) const RECORDS: usize = 168;
/// What a block holds beside its checksum.
const CONTENT_BYTES: usize = RECORDS * RECORD_BYTES;
/// The length of a block's checksum.
const CHECKSUM_BYTES: usize = 4;

/// The bits of the filter for each name.
const FILTER_BITS: u64 = 10;
/// How many bits a name sets, all in one group.
const FILTER_PROBES: u32 = 6;
/// The words of a group: a line of the processor's cache.
const GROUP_WORDS: usize = 8;

/// A slice that is complete. When the last one who looks at it is done, its slots are free again.
pub(crate) struct Slice {
    pub id: u64,
    /// How often its names were merged.
    pub level: u8,
    /// How many records it has.
    pub names: u64,
    /// The largest key of an execution in it.
    pub entity_max: i64,
    slots: Vec<u32>,
    index: Index,
    pool: Arc<Slots>,
}

/// A row of the table `name_slice`.
pub(crate) struct SliceRow {
    pub id: u64,
    pub level: u8,
    pub names: u64,
    pub entity_max: i64,
    pub groups: u64,
    pub slots: Vec<u32>,
}

/// What of a slice is in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Index {
    /// Of each block of names, the beginning of its first key.
    firsts: Vec<u64>,
    filter: Vec<u64>,
}

impl Slice {
    /// `slots` are all its blocks, those of the index last.
    pub fn new(drawn: Drawn, slots: Vec<u32>, pool: Arc<Slots>) -> Slice {
        let Drawn { id, level, names, entity_max, index } = drawn;
        Slice { id, level, names, entity_max, slots, index, pool }
    }

    /// Reads the index of the slice that a row of `name_slice` tells of.
    pub fn load(connection: &Connection, row: SliceRow, pool: Arc<Slots>) -> Result<Slice, StoreError> {
        let SliceRow { id, level, names, entity_max, groups, slots } = row;
        let blocks = names.div_ceil(RECORDS as u64) as usize;
        let words = blocks + GROUP_WORDS * groups as usize;
        if names == 0 || groups == 0 || slots.len() != blocks + (words * 8).div_ceil(CONTENT_BYTES) {
            return Err(damaged(0, &format!("slice {id} of names has {} blocks", slots.len())));
        }
        let mut firsts = Vec::with_capacity(words);
        for (place, slot) in slots.iter().enumerate().skip(blocks) {
            let content = read_block(connection, id, place, *slot)?;
            let read = content.as_chunks::<8>().0.iter().map(|word| u64::from_le_bytes(*word));
            firsts.extend(read.take(words - firsts.len()));
        }
        let filter = firsts.split_off(blocks);
        Ok(Slice { id, level, names, entity_max, slots, index: Index { firsts, filter }, pool })
    }

    /// Whether it may have the name: it has not where this is false.
    pub fn may_have(&self, name: &NameKey) -> bool {
        self.index.may_have(name)
    }

    /// Adds the executions that took the name.
    pub fn find(
        &self,
        connection: &Connection,
        name: &NameKey,
        found: &mut Vec<i64>,
    ) -> Result<(), StoreError> {
        let first = beginning(name);
        let firsts = &self.index.firsts;
        // The name may begin in the block before the first one that begins with it, and go on in later ones.
        let from = firsts.partition_point(|at| *at < first).saturating_sub(1);
        for (place, at) in firsts.iter().enumerate().skip(from) {
            if place > from && *at > first {
                break;
            }
            let records = self.records(connection, place)?;
            let at = records.partition_point(|(key, _)| key < name);
            found.extend(records[at..].iter().take_while(|(key, _)| key == name).map(|(_, entity)| *entity));
        }
        Ok(())
    }

    /// The records of one of its blocks of names.
    pub fn records(&self, connection: &Connection, place: usize) -> Result<Vec<Record>, StoreError> {
        let content = read_block(connection, self.id, place, self.slots[place])?;
        let left = self.names as usize - place * RECORDS;
        let records = content.as_chunks::<RECORD_BYTES>().0.iter().take(left);
        Ok(records.map(decode).collect())
    }

    /// How many blocks of names it has.
    pub fn blocks(&self) -> usize {
        self.index.firsts.len()
    }
}

impl Drop for Slice {
    fn drop(&mut self) {
        self.pool.free(&self.slots);
    }
}

impl Index {
    fn may_have(&self, name: &NameKey) -> bool {
        let (group, bits) = probe(name, self.filter.len());
        let words = &self.filter[group..group + GROUP_WORDS];
        bits.into_iter().all(|(word, bit)| words[word] & bit != 0)
    }

    /// Halves the filter as often as it is too large for so many names: each half says of its groups what
    /// two by two said before.
    fn fit(&mut self, names: u64) {
        let enough = groups(names) as usize * GROUP_WORDS;
        while self.filter.len().is_multiple_of(2 * GROUP_WORDS) && self.filter.len() / 2 >= enough {
            let pairs = self.filter.chunks(2 * GROUP_WORDS);
            self.filter = pairs
                .flat_map(|pair| (0..GROUP_WORDS).map(|word| pair[word] | pair[word + GROUP_WORDS]))
                .collect();
        }
    }

    fn add(&mut self, name: &NameKey) {
        let (group, bits) = probe(name, self.filter.len());
        for (word, bit) in bits {
            self.filter[group + word] |= bit;
        }
    }
}

/// What a slice is, but for where it is written.
pub(crate) struct Drawn {
    pub id: u64,
    pub level: u8,
    pub names: u64,
    pub entity_max: i64,
    index: Index,
}

impl Drawn {
    /// How many groups its filter has, for the row of the slice.
    pub fn groups(&self) -> u64 {
        (self.index.filter.len() / GROUP_WORDS) as u64
    }
}

/// Turns ascending records into the blocks of a slice.
pub(crate) struct Drawing {
    drawn: Drawn,
    content: Vec<u8>,
    blocks: u64,
}

impl Drawing {
    /// Of at most `names_max` records.
    pub fn new(id: u64, level: u8, names_max: u64) -> Drawing {
        let index = Index { firsts: Vec::new(), filter: vec![0; GROUP_WORDS * groups(names_max) as usize] };
        Drawing {
            drawn: Drawn { id, level, names: 0, entity_max: 0, index },
            content: Vec::with_capacity(CONTENT_BYTES),
            blocks: 0,
        }
    }

    /// Takes the next record. Gives a block when one is full.
    pub fn push(&mut self, record: &Record) -> Option<Vec<u8>> {
        let (name, entity) = record;
        if self.content.is_empty() {
            self.drawn.index.firsts.push(beginning(name));
        }
        self.drawn.index.add(name);
        self.drawn.names += 1;
        self.drawn.entity_max = self.drawn.entity_max.max(*entity);
        self.content.extend_from_slice(name);
        self.content.extend_from_slice(&entity.to_be_bytes());
        (self.content.len() == CONTENT_BYTES).then(|| self.block())
    }

    /// The blocks that are left, those of the index last.
    pub fn finish(mut self) -> (Drawn, Vec<Vec<u8>>) {
        let mut blocks = Vec::new();
        if !self.content.is_empty() {
            blocks.push(self.block());
        }
        self.drawn.index.fit(self.drawn.names);
        let Index { firsts, filter } = &self.drawn.index;
        let words: Vec<u64> = firsts.iter().chain(filter).copied().collect();
        for words in words.chunks(CONTENT_BYTES / 8) {
            self.content.extend(words.iter().flat_map(|word| word.to_le_bytes()));
            blocks.push(self.block());
        }
        (self.drawn, blocks)
    }

    fn block(&mut self) -> Vec<u8> {
        self.content.resize(CONTENT_BYTES, 0);
        let mut block = Vec::with_capacity(CHECKSUM_BYTES + CONTENT_BYTES);
        block.extend_from_slice(&checksum(self.drawn.id, self.blocks, &self.content).to_le_bytes());
        block.append(&mut self.content);
        self.blocks += 1;
        block
    }
}

/// The content of a block, if it is what was written for this place of this slice.
fn read_block(connection: &Connection, slice: u64, place: usize, slot: u32) -> Result<Vec<u8>, StoreError> {
    let wrong = |what: &str| damaged(0, &format!("block {place} of slice {slice} of names: {what}"));
    let block: Vec<u8> = connection
        .prepare_cached("SELECT block FROM name_block WHERE slot = ?1")
        .and_then(|mut select| select.query_row([slot], |row| row.get(0)).optional())
        .map_err(store_error)?
        .ok_or_else(|| wrong("it is missing"))?;
    let (sum, content) =
        block.split_first_chunk::<CHECKSUM_BYTES>().ok_or_else(|| wrong("it is cut short"))?;
    if content.len() != CONTENT_BYTES || u32::from_le_bytes(*sum) != checksum(slice, place as u64, content) {
        return Err(wrong("the checksum does not fit"));
    }
    Ok(content.to_vec())
}

fn checksum(slice: u64, place: u64, content: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&slice.to_le_bytes());
    hasher.update(&place.to_le_bytes());
    hasher.update(content);
    hasher.finalize()
}

fn decode(record: &[u8; RECORD_BYTES]) -> Record {
    let (name, entity) = record.split_first_chunk::<16>().expect("24 bytes begin with 16");
    (*name, i64::from_be_bytes(entity.try_into().expect("8 bytes are left of 24")))
}

/// How many groups a filter of so many names has. It is a small number times a power of two, so that it
/// can be halved.
fn groups(names: u64) -> u64 {
    let groups = (names * FILTER_BITS).div_ceil(64 * GROUP_WORDS as u64).max(1);
    let halvings = groups.ilog2().saturating_sub(3);
    groups.div_ceil(1 << halvings) << halvings
}

/// The first word of a name's group in a filter of so many words, and its bits in it.
///
/// The names of the engine are hashes; the multiplication is for those that are not.
fn probe(name: &NameKey, words: usize) -> (usize, [(usize, u64); FILTER_PROBES as usize]) {
    let [one, other] = [0, 8].map(|at| {
        let word = u64::from_le_bytes(name[at..at + 8].try_into().expect("eight bytes"));
        (word ^ (word >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    });
    let groups = (words / GROUP_WORDS) as u128;
    let group = ((u128::from(one.wrapping_add(other)) * groups) >> 64) as usize;
    let mut rest = other ^ (one >> 7);
    rest = (rest ^ (rest >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let bits = std::array::from_fn(|_| {
        let at = rest >> 55;
        rest = rest.rotate_left(9);
        ((at / 64) as usize, 1 << (at % 64))
    });
    (group * GROUP_WORDS, bits)
}

/// The beginning of a key, in the order of keys.
fn beginning(name: &NameKey) -> u64 {
    u64::from_be_bytes(name[..8].try_into().expect("eight bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names that are hashes, as those of the engine are, or that differ in few bits.
    fn name(number: u64, is_hash: bool) -> NameKey {
        let factor = if is_hash { 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835 } else { 1 };
        u128::from(number + 1).wrapping_mul(factor).to_be_bytes()
    }

    fn filter(names: u64, names_max: u64, is_hash: bool) -> Index {
        let words = GROUP_WORDS * groups(names_max) as usize;
        let mut index = Index { firsts: Vec::new(), filter: vec![0; words] };
        (0..names).for_each(|number| index.add(&name(number, is_hash)));
        index.fit(names);
        index
    }

    #[test]
    fn a_filter_never_denies_a_name_and_seldom_has_one_that_is_not_there() {
        for is_hash in [true, false] {
            // The last were made for a hundred times as many names and are cut to what they hold.
            for (names, names_max) in
                [(1, 1), (700, 700), (20_000, 20_000), (20_000, 2_000_000), (1, 500_000)]
            {
                let index = filter(names, names_max, is_hash);
                let bits = index.filter.len() as u64 * 64;
                assert!(bits >= names * FILTER_BITS && bits <= 16 * 512 + 2 * names * FILTER_BITS, "{bits}");
                assert!((0..names).all(|number| index.may_have(&name(number, is_hash))));
                let wrong = (names..names + 10_000).filter(|number| index.may_have(&name(*number, is_hash)));
                assert!(wrong.count() < 300, "{names} of {names_max}, {is_hash}");
            }
        }
    }

    #[test]
    fn a_block_is_a_page() {
        let mut drawing = Drawing::new(1, 0, 1_000);
        let blocks = (0..1_000_u64).filter_map(|number| drawing.push(&(u128::from(number).to_be_bytes(), 1)));
        let (full, (drawn, rest)) = (blocks.count(), drawing.finish());
        assert_eq!((full, rest.len(), drawn.names), (5, 2, 1_000));
        // What SQLite keeps on a page of 4,096 bytes beside a row of its own: 35 bytes, and the row's header.
        assert!(rest.iter().all(|block| block.len() == CHECKSUM_BYTES + CONTENT_BYTES));
        const { assert!(CHECKSUM_BYTES + CONTENT_BYTES + 6 <= 4_096 - 35) };
    }
}
