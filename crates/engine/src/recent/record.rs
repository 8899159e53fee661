//! An Express execution that ended, as bytes of a file.
//!
//! | part    | what                                                                          |
//! |---------|-------------------------------------------------------------------------------|
//! | header  | 20 bytes: a mark, two lengths, two checksums                                  |
//! | head    | JSON: what a list shows                                                       |
//! | data    | the length of the details, the details as JSON, the events as in a journal    |
//!
//! The head can be read without the data, so that a list and a start read little. A checksum that
//! does not fit means that the process or the machine died in the middle of a write.

use std::sync::Arc;

use stepwell_asl::decode;
use stepwell_model::{ExecutionStatus, Failure, Timestamp};
use stepwell_value::{Payload, Value};

use super::{RecentExpress, RecentSummary};
use crate::commons::Commons;
use crate::requests::{ExpressEnded, ExpressKey, MachineKey, Place};

/// What every record begins with; the last letter is the format.
const MARK: [u8; 4] = *b"SWX1";

/// The length of a header, in bytes.
pub(super) const HEADER_BYTES: usize = 20;

/// How long a head may be, in bytes: a name, an account, a region and four numbers are far less.
const HEAD_BYTES_MAX: u32 = 64 * 1024;

/// What a header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) head_bytes: u32,
    pub(super) data_bytes: u32,
    head_sum: u32,
    data_sum: u32,
}

impl Header {
    /// Reads a header; `None` if this is none.
    pub(super) fn read(bytes: &[u8; HEADER_BYTES]) -> Option<Header> {
        let (mark, rest) = bytes.split_first_chunk::<4>()?;
        let field = |at: usize| Some(u32::from_le_bytes(*rest.get(at * 4..)?.first_chunk::<4>()?));
        let header =
            Header { head_bytes: field(0)?, data_bytes: field(1)?, head_sum: field(2)?, data_sum: field(3)? };
        (*mark == MARK && header.head_bytes <= HEAD_BYTES_MAX).then_some(header)
    }

    /// The length of the whole record, in bytes.
    pub(super) fn record_bytes(&self) -> u64 {
        HEADER_BYTES as u64 + u64::from(self.head_bytes) + u64::from(self.data_bytes)
    }

    /// Reads a head; `None` if it is damaged.
    pub(super) fn head(&self, bytes: &[u8]) -> Option<RecentSummary> {
        if self.head_sum != head_sum(self.head_bytes, self.data_bytes, bytes) {
            return None;
        }
        let head = Value::parse(std::str::from_utf8(bytes).ok()?).ok()?;
        let text = |name: &str| Some(Arc::from(head.get(name)?.as_str()?));
        let place = Place { account: text("account")?, region: text("region")? };
        let machine = MachineKey { place, name: text("machine")? };
        Some(RecentSummary {
            key: ExpressKey { machine, name: text("name")?, id: text("id")? },
            status: ExecutionStatus::from_code(u8::try_from(whole(&head, "status")?).ok()?)?,
            started_at: Timestamp::from_epoch_ms(whole(&head, "startedAt")?),
            closed_at: Timestamp::from_epoch_ms(whole(&head, "closedAt")?),
            number: whole(&head, "number")?,
        })
    }

    /// Reads the data that belong to a head; `None` if they are damaged, or their revision is gone.
    pub(super) fn data(
        &self,
        commons: &Commons,
        summary: RecentSummary,
        bytes: &[u8],
    ) -> Option<RecentExpress> {
        if self.data_sum != crc32fast::hash(bytes) {
            return None;
        }
        let (length, rest) = bytes.split_first_chunk::<4>()?;
        let (details, events) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        let details = Value::parse(std::str::from_utf8(details).ok()?).ok()?;
        let text = |name: &str| details.get(name).and_then(Value::as_str);
        let is = |name: &str| details.get(name).and_then(Value::as_bool);
        let revision = commons.revision(whole(&details, "revision")?)?;
        let way = (text("version").and_then(|version| version.parse().ok()), text("alias"));
        let origin = commons.express_origin(&revision, &summary.key, way, is("synchronous")?, None).ok()?;
        let failure = Failure { error: text("error").map(Into::into), cause: text("cause").map(Into::into) };
        let RecentSummary { key, status, started_at, closed_at, number } = summary;
        let ended = ExpressEnded {
            key,
            status,
            started_at,
            closed_at,
            input: Payload::parse(text("input")?).ok()?,
            output: text("output").map(Payload::parse).transpose().ok()?,
            failure: is("failed")?.then_some(failure),
            billed_memory_mb: whole(&details, "billedMemory")?,
        };
        // It is shown by what this release can read.
        decode(events).ok()?;
        let (body, is_cut) = (events.into(), is("cut")?);
        Some(RecentExpress {
            ended,
            is_cut,
            origin,
            revision: revision.number,
            body,
            bytes: bytes.len(),
            number,
        })
    }
}

/// Appends an execution to `out`; its header. `None` if it is too large to be kept.
pub(super) fn append(execution: &RecentExpress, out: &mut Vec<u8>) -> Option<Header> {
    let ended = &execution.ended;
    let summary = execution.summary();
    let place = &ended.key.machine.place;
    let head = Value::object([
        ("number", number(summary.number)),
        ("account", Value::from(&*place.account)),
        ("region", Value::from(&*place.region)),
        ("machine", Value::from(&*ended.key.machine.name)),
        ("name", Value::from(&*ended.key.name)),
        ("id", Value::from(&*ended.key.id)),
        ("status", number(ended.status.code().into())),
        ("startedAt", number(ended.started_at.epoch_ms)),
        ("closedAt", number(ended.closed_at.epoch_ms)),
    ]);
    let head = head.to_json().ok()?;

    let last = |arn: &Option<Arc<str>>| Some(Value::from(arn.as_ref()?.rsplit(':').next()?));
    let failure = ended.failure.as_ref();
    let said = |text: Option<&str>| text.map(Value::from);
    let maybe = [
        ("version", last(&execution.origin.version_arn)),
        ("alias", last(&execution.origin.alias_arn)),
        ("output", said(ended.output.as_ref().map(Payload::text))),
        ("error", said(failure.and_then(|failure| failure.error.as_deref()))),
        ("cause", said(failure.and_then(|failure| failure.cause.as_deref()))),
    ];
    let always = [
        ("revision", number(execution.revision)),
        ("synchronous", Value::from(execution.origin.synchronous)),
        ("input", Value::from(ended.input.text())),
        ("failed", Value::from(failure.is_some())),
        ("billedMemory", number(ended.billed_memory_mb)),
        ("cut", Value::from(execution.is_cut)),
    ];
    let maybe = maybe.into_iter().filter_map(|(name, value)| Some((name, value?)));
    let details = Value::object(always.into_iter().chain(maybe)).to_json().ok()?;

    let mut data = u32::try_from(details.len()).ok()?.to_le_bytes().to_vec();
    data.extend_from_slice(details.as_bytes());
    data.extend_from_slice(&execution.body);

    let head_bytes = u32::try_from(head.len()).ok().filter(|length| *length <= HEAD_BYTES_MAX)?;
    let data_bytes = u32::try_from(data.len()).ok()?;
    let head_sum = head_sum(head_bytes, data_bytes, head.as_bytes());
    let header = Header { head_bytes, data_bytes, head_sum, data_sum: crc32fast::hash(&data) };
    out.extend_from_slice(&MARK);
    for field in [header.head_bytes, header.data_bytes, header.head_sum, header.data_sum] {
        out.extend_from_slice(&field.to_le_bytes());
    }
    out.extend_from_slice(head.as_bytes());
    out.extend_from_slice(&data);
    Some(header)
}

/// The checksum of a head covers the lengths as well: they say where the next record begins.
fn head_sum(head_bytes: u32, data_bytes: u32, head: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&head_bytes.to_le_bytes());
    hasher.update(&data_bytes.to_le_bytes());
    hasher.update(head);
    hasher.finalize()
}

fn number(value: u64) -> Value {
    Value::from(i64::try_from(value).unwrap_or(i64::MAX))
}

fn whole(value: &Value, name: &str) -> Option<u64> {
    u64::try_from(value.get(name)?.as_i64()?).ok()
}
