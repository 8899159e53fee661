//! The chunk and its header: what a store writes and derives its indexes from.
//!
//! A header is written as bytes of its own beside the body:
//!
//! | bytes   | meaning                                                                       |
//! |---------|-------------------------------------------------------------------------------|
//! | 1       | format, [`FORMAT`]                                                            |
//! | 1       | codec of the body: 0, as the language wrote it                                |
//! | 1       | id of the key the body is encrypted with: 0, none                             |
//! | 1       | flags: 1 opening, 2 name key, 4 due, 8 parked, 16 by way, 32 redrives, 64 parent |
//! | 1       | [code](ExecutionStatus::code) of the status                                   |
//! | 1       | partition of the entity                                                       |
//! | varints | number of the entity, row, previous row, first event id, last event id, at    |
//! | varint  | next due, if flagged                                                          |
//! | varints | how often redriven, when last, if flagged                                     |
//! | opening | if flagged: varints machine, revision, started at, length of the name; name   |
//! | 16      | name key, if flagged                                                          |
//! | by way  | if flagged: varint version, texts alias and trace header                      |
//! | parent  | if flagged: varints packed entity and event id; a byte, 1 if it waits         |
//! | 4       | CRC-32 (IEEE), little-endian, of all header bytes before it and then the body |
//!
//! The version is 0 for none. A text that may be missing is a varint, 0 for none and else one more
//! than its length, and then its bytes.
//!
//! A varint is LEB128: seven bits a byte, lowest first, the high bit set on all but the last.
//! Moments are milliseconds since the epoch. The checksum covers both parts, so that neither a
//! flipped bit nor the body of another chunk goes unnoticed. Later fields come with a flag,
//! which an older release refuses by name, or with a new format byte; compression and encryption come
//! with a codec and a key id and leave the format alone.

use std::sync::Arc;

use stepwell_model::{EntityId, ExecutionStatus, TaskRef, Timestamp};

use crate::NameKey;

/// The format of headers that this release writes, and the only one it reads.
const FORMAT: u8 = 1;

/// The body is as the language wrote it: neither compressed nor moved elsewhere.
const CODEC_PLAIN: u8 = 0;

/// The body is not encrypted.
const KEY_NONE: u8 = 0;

/// The header has an opening.
const FLAG_OPENING: u8 = 1;
/// The opening has a name key.
const FLAG_NAME_KEY: u8 = 2;
/// The header has a moment to be woken at.
const FLAG_NEXT_DUE: u8 = 4;
/// The entity is parked.
const FLAG_PARKED: u8 = 8;
/// The opening tells of a version, an alias or a trace header.
const FLAG_BY_WAY: u8 = 16;
/// The header has redrives.
const FLAG_REDRIVES: u8 = 32;
/// The header has a parent.
const FLAG_PARENT: u8 = 64;
/// Every flag that this format knows.
const FLAGS: u8 =
    FLAG_OPENING | FLAG_NAME_KEY | FLAG_NEXT_DUE | FLAG_PARKED | FLAG_BY_WAY | FLAG_REDRIVES | FLAG_PARENT;
/// The flags that only a header with an opening can have.
const FLAGS_OF_OPENING: u8 = FLAG_NAME_KEY | FLAG_BY_WAY;

/// The length of the checksum at the end of a header, in bytes.
const CHECKSUM_BYTES: usize = 4;

/// What the first chunk of an execution says about it for good.
#[derive(Debug, Clone, PartialEq)]
pub struct Opening {
    /// The number of the state machine in the catalogue.
    pub machine: u64,
    /// The revision of the machine that the execution is pinned to.
    pub revision: u64,
    /// The execution's name.
    pub name: Arc<str>,
    /// What the name is found by; `None` for a generated name, which says itself where it lives.
    pub name_key: Option<NameKey>,
    /// When it was started.
    pub started_at: Timestamp,
    /// The number of the version of the machine that it was started with, from 1; `None` if neither
    /// a version nor an alias was named.
    pub version: Option<u64>,
    /// The name of the alias that it was started through.
    pub alias: Option<Arc<str>>,
    /// `traceHeader`, as it was given.
    pub trace_header: Option<Arc<str>>,
}

impl Opening {
    fn has_way(&self) -> bool {
        self.version.is_some() || self.alias.is_some() || self.trace_header.is_some()
    }
}

/// The task that started an execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parent {
    /// The task.
    pub task: TaskRef,
    /// Whether it waits for the end of the execution.
    pub waits: bool,
}

/// How often an execution was redriven, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Redrives {
    /// How often, from 1.
    pub count: u64,
    /// When the last time.
    pub last_at: Timestamp,
}

/// What the store reads of a chunk.
#[derive(Debug, Clone, PartialEq)]
pub struct ChunkHeader {
    /// Whose chunk it is.
    pub entity: EntityId,
    /// Its key, from 1 to 2^63 - 1: unique in the store, ascending in time for each entity, and
    /// nearly so for all.
    pub row: u64,
    /// The row of the entity's chunk before it; 0 for the first.
    pub previous_row: u64,
    /// The id of the first history event in it; 0 if it has none that AWS shows.
    pub first_event_id: u64,
    /// The id of the entity's last history event as of this chunk.
    pub last_event_id: u64,
    /// When it was decided; never before an earlier chunk of the partition.
    pub at: Timestamp,
    /// In the first chunk, and only there: who this is.
    pub opening: Option<Opening>,
    /// In the first chunk of an execution that another one started: by which task.
    pub parent: Option<Parent>,
    /// The status from here on.
    pub status: ExecutionStatus,
    /// When the entity next has to be woken, if nothing comes before; `None` if never.
    pub next_due: Option<Timestamp>,
    /// Whether the entity has nothing to do before it is woken or called: recovery need not read
    /// its journal.
    pub parked: bool,
    /// In every chunk from the first redrive on, that of the redrive included.
    pub redrives: Option<Redrives>,
}

/// One commit's worth of an entity's journal.
#[derive(Debug, Clone, PartialEq)]
pub struct Chunk {
    /// What the store reads.
    pub header: ChunkHeader,
    /// What only the language reads.
    pub body: Arc<[u8]>,
}

/// The bytes are no header, or not the header of this body.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct DamagedHeader(pub String);

impl Chunk {
    /// The header as bytes, its checksum over both parts included. The body is stored beside it.
    pub fn encode_header(&self) -> Vec<u8> {
        let header = &self.header;
        let name_bytes = header.opening.as_ref().map_or(0, |opening| opening.name.len());
        let mut out = Vec::with_capacity(64 + name_bytes);

        out.extend_from_slice(&[FORMAT, CODEC_PLAIN, KEY_NONE, flags(header)]);
        out.extend_from_slice(&[header.status.code(), header.entity.partition]);
        put_varint(&mut out, header.entity.number);
        put_varint(&mut out, header.row);
        put_varint(&mut out, header.previous_row);
        put_varint(&mut out, header.first_event_id);
        put_varint(&mut out, header.last_event_id);
        put_varint(&mut out, header.at.epoch_ms);
        if let Some(next_due) = header.next_due {
            put_varint(&mut out, next_due.epoch_ms);
        }
        if let Some(Redrives { count, last_at }) = header.redrives {
            put_varint(&mut out, count);
            put_varint(&mut out, last_at.epoch_ms);
        }
        if let Some(opening) = &header.opening {
            put_varint(&mut out, opening.machine);
            put_varint(&mut out, opening.revision);
            put_varint(&mut out, opening.started_at.epoch_ms);
            put_varint(&mut out, opening.name.len() as u64);
            out.extend_from_slice(opening.name.as_bytes());
            if let Some(name_key) = &opening.name_key {
                out.extend_from_slice(name_key);
            }
            if opening.has_way() {
                put_varint(&mut out, opening.version.unwrap_or(0));
                put_text(&mut out, opening.alias.as_deref());
                put_text(&mut out, opening.trace_header.as_deref());
            }
        }
        if let Some(Parent { task, waits }) = header.parent {
            put_varint(&mut out, task.execution.to_u64());
            put_varint(&mut out, task.scheduled_event_id);
            out.push(u8::from(waits));
        }

        let sum = checksum(&out, &self.body);
        out.extend_from_slice(&sum.to_le_bytes());
        out
    }

    /// The chunk whose header was encoded as `header` beside `body`.
    ///
    /// # Errors
    ///
    /// [`DamagedHeader`] if a bit of either is not what was written, or if a newer release wrote it.
    pub fn decode(header: &[u8], body: impl Into<Arc<[u8]>>) -> Result<Chunk, DamagedHeader> {
        let body = body.into();
        // The format comes first: of a newer one we cannot know where its checksum stands.
        match header.first() {
            None => return Err(damaged("the header is empty")),
            Some(&FORMAT) => (),
            Some(&format) => {
                return Err(DamagedHeader(format!(
                    "the header has format {format}, and this release reads format {FORMAT} only"
                )));
            }
        }
        let (fields, sum) =
            header.split_last_chunk::<CHECKSUM_BYTES>().ok_or_else(|| damaged("the header is cut short"))?;
        if u32::from_le_bytes(*sum) != checksum(fields, &body) {
            return Err(damaged("the checksum does not fit the header and the body"));
        }

        let header = Fields { rest: &fields[1..] }.header()?;
        Ok(Chunk { header, body })
    }
}

/// The flags of a header.
fn flags(header: &ChunkHeader) -> u8 {
    let mut flags = 0;
    if let Some(opening) = &header.opening {
        flags |= FLAG_OPENING;
        if opening.name_key.is_some() {
            flags |= FLAG_NAME_KEY;
        }
        if opening.has_way() {
            flags |= FLAG_BY_WAY;
        }
    }
    if header.next_due.is_some() {
        flags |= FLAG_NEXT_DUE;
    }
    if header.parent.is_some() {
        flags |= FLAG_PARENT;
    }
    if header.parked {
        flags |= FLAG_PARKED;
    }
    if header.redrives.is_some() {
        flags |= FLAG_REDRIVES;
    }
    flags
}

/// The checksum of a chunk: of the header without its last bytes, and then of the body.
fn checksum(fields: &[u8], body: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(fields);
    hasher.update(body);
    hasher.finalize()
}

/// Appends an integer as LEB128.
fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends a text that may be missing.
fn put_text(out: &mut Vec<u8>, text: Option<&str>) {
    put_varint(out, text.map_or(0, |text| text.len() as u64 + 1));
    out.extend_from_slice(text.unwrap_or_default().as_bytes());
}

/// An error with a fixed text.
fn damaged(what: &str) -> DamagedHeader {
    DamagedHeader(what.to_owned())
}

/// The fields of a header that are still to be read, from the codec on.
struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    /// All fields; anything left over is damage.
    fn header(mut self) -> Result<ChunkHeader, DamagedHeader> {
        let codec = self.byte()?;
        if codec != CODEC_PLAIN {
            return Err(DamagedHeader(format!(
                "the body has codec {codec}, which this release does not read"
            )));
        }
        let key = self.byte()?;
        if key != KEY_NONE {
            return Err(DamagedHeader(format!("the body is encrypted with key {key}, which is not known")));
        }
        let flags = self.byte()?;
        if flags & !FLAGS != 0 || (flags & FLAG_OPENING == 0 && flags & FLAGS_OF_OPENING != 0) {
            return Err(DamagedHeader(format!("the flags {flags:#04x} have no meaning")));
        }
        let status = self.byte()?;
        let status = ExecutionStatus::from_code(status)
            .ok_or_else(|| DamagedHeader(format!("no status has code {status}")))?;
        let entity = EntityId { partition: self.byte()?, number: self.varint()? };
        if entity.number > EntityId::NUMBER_MAX {
            return Err(damaged("the number of the entity is too large"));
        }

        let header = ChunkHeader {
            entity,
            row: self.varint()?,
            previous_row: self.varint()?,
            first_event_id: self.varint()?,
            last_event_id: self.varint()?,
            at: self.timestamp()?,
            next_due: if flags & FLAG_NEXT_DUE == 0 { None } else { Some(self.timestamp()?) },
            redrives: if flags & FLAG_REDRIVES == 0 { None } else { Some(self.redrives()?) },
            opening: if flags & FLAG_OPENING == 0 { None } else { Some(self.opening(flags)?) },
            parent: if flags & FLAG_PARENT == 0 { None } else { Some(self.parent()?) },
            status,
            parked: flags & FLAG_PARKED != 0,
        };
        if self.rest.is_empty() { Ok(header) } else { Err(damaged("the header is too long")) }
    }

    fn redrives(&mut self) -> Result<Redrives, DamagedHeader> {
        Ok(Redrives { count: self.varint()?, last_at: self.timestamp()? })
    }

    fn opening(&mut self, flags: u8) -> Result<Opening, DamagedHeader> {
        let machine = self.varint()?;
        let revision = self.varint()?;
        let started_at = self.timestamp()?;
        let name_bytes = self.varint()?;
        let name = self.bytes(usize::try_from(name_bytes).unwrap_or(usize::MAX))?;
        let name = std::str::from_utf8(name).map_err(|_| damaged("the name is not UTF-8"))?;
        let name_key = if flags & FLAG_NAME_KEY == 0 {
            None
        } else {
            let key = self.bytes(size_of::<NameKey>())?;
            Some(NameKey::try_from(key).expect("so many bytes were asked for"))
        };
        let (version, alias, trace_header) = match flags & FLAG_BY_WAY {
            0 => (None, None, None),
            _ => (Some(self.varint()?).filter(|version| *version != 0), self.text()?, self.text()?),
        };
        let name = name.into();
        Ok(Opening { machine, revision, name, name_key, started_at, version, alias, trace_header })
    }

    fn text(&mut self) -> Result<Option<Arc<str>>, DamagedHeader> {
        let Some(bytes) = self.varint()?.checked_sub(1) else { return Ok(None) };
        let text = self.bytes(usize::try_from(bytes).unwrap_or(usize::MAX))?;
        let text = std::str::from_utf8(text).map_err(|_| damaged("a text in the header is not UTF-8"))?;
        Ok(Some(text.into()))
    }

    fn parent(&mut self) -> Result<Parent, DamagedHeader> {
        let packed = self.varint()?;
        if packed >> 56 != 0 {
            return Err(damaged("the number of the parent is too large"));
        }
        let task = TaskRef { execution: EntityId::from_u64(packed), scheduled_event_id: self.varint()? };
        match self.byte()? {
            0 => Ok(Parent { task, waits: false }),
            1 => Ok(Parent { task, waits: true }),
            _ => Err(damaged("whether the parent waits is neither yes nor no")),
        }
    }

    fn bytes(&mut self, count: usize) -> Result<&'a [u8], DamagedHeader> {
        let (bytes, rest) =
            self.rest.split_at_checked(count).ok_or_else(|| damaged("the header is cut short"))?;
        self.rest = rest;
        Ok(bytes)
    }

    fn byte(&mut self) -> Result<u8, DamagedHeader> {
        Ok(self.bytes(1)?[0])
    }

    fn varint(&mut self) -> Result<u64, DamagedHeader> {
        let mut value = 0;
        for shift in (0..u64::BITS).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            // The tenth byte has room for one bit.
            if bits << shift >> shift != bits {
                break;
            }
            value |= bits << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(damaged("a number in the header is too large"))
    }

    fn timestamp(&mut self) -> Result<Timestamp, DamagedHeader> {
        Ok(Timestamp::from_epoch_ms(self.varint()?))
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn opening() -> impl Strategy<Value = Opening> {
        let text =
            |pattern| proptest::option::of(pattern).prop_map(|text: Option<String>| text.map(Arc::from));
        let way = (proptest::option::of(1..u64::MAX), text("[a-z]{0,80}"), text(".{0,40}"));
        (any::<u64>(), any::<u64>(), ".{0,80}", any::<Option<NameKey>>(), any::<u64>(), way).prop_map(
            |(machine, revision, name, name_key, started_at, (version, alias, trace_header))| Opening {
                machine,
                revision,
                name: name.into(),
                name_key,
                started_at: Timestamp::from_epoch_ms(started_at),
                version,
                alias,
                trace_header,
            },
        )
    }

    fn parent() -> impl Strategy<Value = Option<Parent>> {
        let parent = (any::<u8>(), 0..=EntityId::NUMBER_MAX, any::<u64>(), any::<bool>());
        proptest::option::of(parent.prop_map(|(partition, number, scheduled_event_id, waits)| Parent {
            task: TaskRef { execution: EntityId { partition, number }, scheduled_event_id },
            waits,
        }))
    }

    fn chunk() -> impl Strategy<Value = Chunk> {
        let numbers = (any::<u8>(), 0..=EntityId::NUMBER_MAX, any::<u64>(), any::<u64>(), any::<u64>());
        let more =
            (any::<u64>(), any::<u64>(), any::<Option<u64>>(), any::<bool>(), any::<Option<(u64, u64)>>());
        let rest = (proptest::option::of(opening()), parent(), 0..5_u8, vec(any::<u8>(), 0..300));
        (numbers, more, rest).prop_map(
            |(
                (partition, number, row, previous_row, first_event_id),
                (last_event_id, at, next_due, parked, redrives),
                (opening, parent, status, body),
            )| Chunk {
                header: ChunkHeader {
                    entity: EntityId { partition, number },
                    row,
                    previous_row,
                    first_event_id,
                    last_event_id,
                    at: Timestamp::from_epoch_ms(at),
                    opening,
                    parent,
                    status: ExecutionStatus::from_code(status).unwrap(),
                    next_due: next_due.map(Timestamp::from_epoch_ms),
                    parked,
                    redrives: redrives
                        .map(|(count, at)| Redrives { count, last_at: Timestamp::from_epoch_ms(at) }),
                },
                body: body.into(),
            },
        )
    }

    /// The usual chunk of a short execution.
    fn small() -> Chunk {
        Chunk {
            header: ChunkHeader {
                entity: EntityId { partition: 7, number: 300 },
                row: 70_000,
                previous_row: 0,
                first_event_id: 1,
                last_event_id: 5,
                at: Timestamp::from_epoch_ms(1_790_000_000_000),
                opening: Some(Opening {
                    machine: 1,
                    revision: 2,
                    name: "order-1".into(),
                    name_key: Some([9; 16]),
                    started_at: Timestamp::from_epoch_ms(1_790_000_000_000),
                    version: None,
                    alias: None,
                    trace_header: None,
                }),
                parent: None,
                status: ExecutionStatus::Succeeded,
                next_due: None,
                parked: false,
                redrives: None,
            },
            body: (*b"body").into(),
        }
    }

    /// The header with its fields replaced by `fields` and a checksum that fits.
    fn sealed(fields: &[u8], body: &[u8]) -> Vec<u8> {
        [fields, &checksum(fields, body).to_le_bytes()].concat()
    }

    fn refusal(header: &[u8], body: &[u8]) -> String {
        Chunk::decode(header, body).unwrap_err().0
    }

    proptest! {
        #[test]
        fn a_chunk_is_read_as_it_was_written(chunk in chunk()) {
            prop_assert_eq!(Chunk::decode(&chunk.encode_header(), &*chunk.body).unwrap(), chunk);
        }

        #[test]
        fn any_flipped_bit_is_noticed(chunk in chunk()) {
            let header = chunk.encode_header();
            for bit in 0..header.len() * 8 {
                let mut flipped = header.clone();
                flipped[bit / 8] ^= 1 << (bit % 8);
                prop_assert!(Chunk::decode(&flipped, &*chunk.body).is_err(), "bit {} of the header", bit);
            }
            for bit in 0..chunk.body.len() * 8 {
                let mut flipped = chunk.body.to_vec();
                flipped[bit / 8] ^= 1 << (bit % 8);
                prop_assert!(Chunk::decode(&header, flipped).is_err(), "bit {} of the body", bit);
            }
        }

        #[test]
        fn no_bytes_make_it_panic(fields in vec(any::<u8>(), 0..120), body in vec(any::<u8>(), 0..10)) {
            let _ = Chunk::decode(&fields, &*body);
            // With a checksum that fits, the fields themselves are read.
            let _ = Chunk::decode(&sealed(&[&[FORMAT, 0, 0], &*fields].concat(), &body), &*body);
        }
    }

    #[test]
    fn a_cut_header_or_body_is_noticed() {
        let chunk = small();
        let header = chunk.encode_header();
        for length in 0..header.len() {
            assert!(Chunk::decode(&header[..length], &*chunk.body).is_err(), "{length} bytes");
        }
        assert!(Chunk::decode(&header, &b"bod"[..]).is_err());
        assert!(Chunk::decode(&header, &b"body\0"[..]).is_err());
    }

    #[test]
    fn what_a_newer_release_wrote_is_refused_by_name() {
        let chunk = small();
        let header = chunk.encode_header();
        let fields = &header[..header.len() - CHECKSUM_BYTES];
        let with = |at: usize, byte: u8| {
            let mut fields = fields.to_vec();
            fields[at] = byte;
            refusal(&sealed(&fields, b"body"), b"body")
        };
        assert_eq!(with(0, 2), "the header has format 2, and this release reads format 1 only");
        assert_eq!(with(1, 3), "the body has codec 3, which this release does not read");
        assert_eq!(with(2, 5), "the body is encrypted with key 5, which is not known");
        assert_eq!(with(3, 0x81), "the flags 0x81 have no meaning");
        assert_eq!(with(3, FLAG_NAME_KEY), "the flags 0x02 have no meaning");
        assert_eq!(with(3, FLAG_BY_WAY), "the flags 0x10 have no meaning");
        assert_eq!(with(4, 9), "no status has code 9");

        let longer = [fields, b"x"].concat();
        assert_eq!(refusal(&sealed(&longer, b"body"), b"body"), "the header is too long");
        assert_eq!(refusal(b"", b""), "the header is empty");
    }

    #[test]
    fn the_bytes_of_format_1_never_change() {
        let hex: String = small().encode_header().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(
            hex,
            concat!(
                "01000003",                         // format, codec, key, flags
                "0107ac02",                         // status, partition, number
                "f0a204000105",                     // rows, event ids
                "80d8c1a28c34",                     // at
                "010280d8c1a28c34",                 // machine, revision, started at
                "076f726465722d31",                 // name
                "09090909090909090909090909090909", // name key
                "36dfb006",                         // checksum
            )
        );
    }

    #[test]
    fn a_version_an_alias_and_a_trace_header_stand_behind_the_name_key() {
        let mut chunk = small();
        let plain = chunk.encode_header();
        let opening = chunk.header.opening.as_mut().unwrap();
        opening.version = Some(300);
        opening.alias = Some("PROD".into());
        let header = chunk.encode_header();
        assert_eq!(header[3], plain[3] | FLAG_BY_WAY);
        let way = b"\xac\x02\x05PROD\x00";
        let behind = plain.len() - CHECKSUM_BYTES;
        assert_eq!(header[4..behind], plain[4..behind]);
        assert_eq!(header[behind..header.len() - CHECKSUM_BYTES], way[..]);
    }

    #[test]
    fn the_bytes_of_redrives_never_change_either() {
        let mut chunk = small();
        chunk.header.opening = None;
        let last_at = Timestamp::from_epoch_ms(1_790_000_000_000);
        chunk.header.redrives = Some(Redrives { count: 3, last_at });
        let hex: String = chunk.encode_header().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(
            hex,
            concat!(
                "01000020",       // format, codec, key, flags
                "0107ac02",       // status, partition, number
                "f0a204000105",   // rows, event ids
                "80d8c1a28c34",   // at
                "0380d8c1a28c34", // redrives
                "1b4798a2",       // checksum
            )
        );
    }
}
