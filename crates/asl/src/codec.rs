//! The journal as bytes: the body of a chunk.
//!
//! A body is a format version, the distinct payloads of the chunk in the order of their first use,
//! and the events, which name payloads by their place. In a chain of states the same JSON is
//! output, next input and result; here it stands once.
//!
//! Integers are LEB128, moments and ids are differences from the event before. Tags are never used
//! again for something else, and an old format is read for ever.

use std::collections::HashMap;
use std::sync::Arc;

use stepwell_model::{Failure, Timestamp};
use stepwell_value::Payload;

use crate::definition::StateId;
use crate::journal::{Event, EventKind, Transition};

/// The only format so far.
const FORMAT: u8 = 1;

/// The bytes are no journal of ours, or the journal contradicts itself.
///
/// Neither the user nor the network can cause these; a bug or a damaged disk can. The engine sets
/// the execution aside with its history intact and carries on with the others.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CorruptJournal {
    /// The body was written by a newer release, or is none.
    #[error("unknown journal format {0}")]
    UnknownFormat(u8),
    /// The bytes end early or hold a value out of range.
    #[error("the journal's bytes are damaged at {offset}: {what}")]
    Damaged {
        /// In bytes from the start of the body.
        offset: usize,
        /// What does not fit.
        what: &'static str,
    },
    /// An event's id does not follow.
    #[error("event {id} follows event {previous}; ids must rise by one")]
    GapInEventIds {
        /// The id found.
        id: u64,
        /// The last one before.
        previous: u64,
    },
    /// An event does not fit the state it meets.
    #[error("an event of branch {branch} does not fit: {what}")]
    DoesNotFit {
        /// The branch.
        branch: u32,
        /// What does not fit.
        what: &'static str,
    },
}

/// How many bytes most events take without their payloads.
const EVENT_BYTES: usize = 16;

/// The body of a chunk with these events.
pub fn encode(events: &[Event]) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.bytes.reserve(events.len() * EVENT_BYTES + 8);
    writer.number(events.len() as u64);
    let mut before = Before::default();
    for event in events {
        writer.event(event, before);
        before = before.then(event);
    }
    writer.into_body(FORMAT)
}

/// The events of a body. Clones of one payload share it.
pub fn decode(body: &[u8]) -> Result<Vec<Event>, CorruptJournal> {
    let mut reader = Reader::of_body(body, FORMAT)?;
    let mut events = Vec::new();
    let mut before = Before::default();
    for _ in 0..reader.number()? {
        let event = reader.event(before)?;
        before = before.then(&event);
        events.push(event);
    }
    reader.end()?;
    Ok(events)
}

/// What an event is measured from: the moment of the one before it in the body, and the largest id so far.
#[derive(Clone, Copy, Default)]
struct Before {
    at: Timestamp,
    id: u64,
}

impl Before {
    fn then(self, event: &Event) -> Before {
        Before { at: event.at, id: event.id.max(self.id) }
    }
}

fn number(out: &mut Vec<u8>, mut number: u64) {
    while number >= ONE_BYTE {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Below this a number is one byte.
const ONE_BYTE: u64 = 0x80;

fn text(out: &mut Vec<u8>, text: &str) {
    number(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

/// Writes what comes after the payloads, and collects these.
#[derive(Default)]
pub(crate) struct Writer {
    bytes: Vec<u8>,
    payloads: Vec<Payload>,
    places: HashMap<Box<str>, u64>,
}

/// From how many distinct payloads on they are looked up by their text's hash.
const HASHED_FROM: usize = 8;

impl Writer {
    /// All of it: a format, the payloads, and what was written.
    pub(crate) fn into_body(self, format: u8) -> Vec<u8> {
        let texts = self.payloads.iter().map(|payload| payload.text().len() + 4).sum::<usize>();
        let mut body = Vec::with_capacity(texts + self.bytes.len() + 8);
        body.push(format);
        number(&mut body, self.payloads.len() as u64);
        for payload in &self.payloads {
            text(&mut body, payload.text());
        }
        body.extend_from_slice(&self.bytes);
        body
    }

    pub(crate) fn flag(&mut self, value: bool) {
        self.bytes.push(u8::from(value));
    }

    pub(crate) fn number(&mut self, value: u64) {
        number(&mut self.bytes, value);
    }

    pub(crate) fn text(&mut self, value: &str) {
        text(&mut self.bytes, value);
    }

    pub(crate) fn optional<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        self.bytes.push(u8::from(value.is_some()));
        if let Some(value) = value {
            write(self, value);
        }
    }

    pub(crate) fn payload(&mut self, payload: &Payload) {
        let place = self.place(payload);
        self.number(place);
    }

    fn place(&mut self, payload: &Payload) -> u64 {
        // It is nearly always the last one.
        let recent = self.payloads.iter().rposition(|known| known.is_same(payload));
        match recent {
            Some(place) => place as u64,
            None => self.place_of_another(payload),
        }
    }

    fn place_of_another(&mut self, payload: &Payload) -> u64 {
        let count = self.payloads.len();
        if count < HASHED_FROM {
            let equal = self.payloads.iter().position(|known| known == payload);
            if let Some(place) = equal {
                return place as u64;
            }
        } else {
            if self.places.is_empty() {
                let known = self.payloads.iter().enumerate();
                self.places = known.map(|(at, payload)| (payload.text().into(), at as u64)).collect();
            }
            if let Some(place) = self.places.get(payload.text()) {
                return *place;
            }
            self.places.insert(payload.text().into(), count as u64);
        }
        self.payloads.push(payload.clone());
        count as u64
    }

    fn failure(&mut self, failure: &Failure) {
        self.optional(failure.error.as_deref(), Self::text);
        self.optional(failure.cause.as_deref(), Self::text);
    }

    pub(crate) fn state(&mut self, state: StateId) {
        self.number(u64::from(state.0));
    }

    fn event(&mut self, event: &Event, before: Before) {
        let tag = tag(&event.kind);
        let since = event.at.epoch_ms.wrapping_sub(before.at.epoch_ms);
        let id = event.id.wrapping_sub(before.id);
        // The event before is by far the most frequent cause.
        let back = event.id.max(before.id).wrapping_sub(event.previous_id);
        let branch = u64::from(event.branch);
        let is_shown = event.kind.is_shown();
        if is_shown && (since | id | back | branch) < ONE_BYTE {
            // Nearly every event, and nearly every one is of a state: written at once.
            let [since, id, back, branch] = [since as u8, id as u8, back as u8, branch as u8];
            match &event.kind {
                EventKind::StateEntered { state, input } => {
                    let (state, place) = (u64::from(state.0), self.place(input));
                    if (state | place) < ONE_BYTE {
                        let bytes = [tag, since, id, back, branch, state as u8, place as u8];
                        return self.bytes.extend_from_slice(&bytes);
                    }
                }
                EventKind::StateExited { state, output, assigned, transition } if assigned.is_empty() => {
                    let (state, place) = (u64::from(state.0), self.place(output));
                    let next = transition.number();
                    if (state | place | next) < ONE_BYTE {
                        let bytes = [tag, since, id, back, branch, state as u8, place as u8, 0, next as u8];
                        return self.bytes.extend_from_slice(&bytes);
                    }
                }
                _ => {}
            }
            self.bytes.extend_from_slice(&[tag, since, id, back, branch]);
        } else {
            self.bytes.push(tag);
            self.number(since);
            if is_shown {
                self.number(id);
            }
            self.number(back);
            self.number(branch);
        }
        match &event.kind {
            EventKind::ExecutionStarted { input, seed } => {
                self.payload(input);
                self.number(*seed);
            }
            EventKind::ExecutionSucceeded { output } => self.payload(output),
            EventKind::ExecutionFailed(failure)
            | EventKind::ExecutionAborted(failure)
            | EventKind::ExecutionTimedOut(failure) => self.failure(failure),
            EventKind::ExecutionRedriven { redrive_count, client_token } => {
                self.number(*redrive_count);
                self.optional(client_token.as_deref(), Self::text);
            }
            EventKind::StateEntered { state, input } => {
                self.state(*state);
                self.payload(input);
            }
            EventKind::StateExited { state, output, assigned, transition } => {
                self.state(*state);
                self.payload(output);
                self.number(assigned.len() as u64);
                for (name, value) in assigned {
                    self.text(name);
                    self.payload(value);
                }
                self.number(transition.number());
            }
            EventKind::StateAborted { state } => self.state(*state),
            EventKind::WaitBegan { until } => self.number(until.epoch_ms),
            EventKind::TaskScheduled { state, parameters, timeout_seconds, heartbeat_seconds } => {
                self.state(*state);
                self.payload(parameters);
                self.optional(*timeout_seconds, Self::number);
                self.optional(*heartbeat_seconds, Self::number);
            }
            EventKind::TaskStarted { state, worker_name } => {
                self.state(*state);
                self.optional(worker_name.as_deref(), Self::text);
            }
            EventKind::TaskSubmitted { state, output } | EventKind::TaskSucceeded { state, output } => {
                self.state(*state);
                self.payload(output);
            }
            EventKind::TaskFailed { state, failure } => {
                self.state(*state);
                self.failure(failure);
            }
            EventKind::TaskTimedOut { state, heartbeat } => {
                self.state(*state);
                self.number(u64::from(*heartbeat));
            }
            EventKind::RetryScheduled { retrier, due } => {
                self.number(u64::from(*retrier));
                self.number(due.epoch_ms);
            }
            EventKind::ParallelStarted { input } => self.payload(input),
            EventKind::EvaluationFailed { state, location, failure } => {
                self.state(*state);
                self.optional(location.as_deref(), Self::text);
                self.failure(failure);
            }
            EventKind::MapStarted { items, concurrency_max } => {
                self.payload(items);
                self.number(*concurrency_max);
            }
            EventKind::IterationStarted { state, index, input } => {
                self.state(*state);
                self.number(*index);
                self.payload(input);
            }
            EventKind::IterationSucceeded { state, index }
            | EventKind::IterationFailed { state, index }
            | EventKind::IterationAborted { state, index } => {
                self.state(*state);
                self.number(*index);
            }
            EventKind::ParallelSucceeded
            | EventKind::ParallelFailed
            | EventKind::MapSucceeded
            | EventKind::MapFailed => {}
        }
    }
}

impl Transition {
    /// 0 at the end.
    fn number(self) -> u64 {
        match self {
            Transition::End => 0,
            Transition::Next(state) => u64::from(state.0) + 1,
        }
    }
}

fn tag(kind: &EventKind) -> u8 {
    match kind {
        EventKind::ExecutionStarted { .. } => 1,
        EventKind::ExecutionSucceeded { .. } => 2,
        EventKind::ExecutionFailed(_) => 3,
        EventKind::ExecutionAborted(_) => 4,
        EventKind::ExecutionTimedOut(_) => 5,
        EventKind::StateEntered { .. } => 6,
        EventKind::StateExited { .. } => 7,
        EventKind::StateAborted { .. } => 8,
        EventKind::WaitBegan { .. } => 9,
        EventKind::TaskScheduled { .. } => 10,
        EventKind::TaskStarted { .. } => 11,
        EventKind::TaskSubmitted { .. } => 12,
        EventKind::TaskSucceeded { .. } => 13,
        EventKind::TaskFailed { .. } => 14,
        EventKind::TaskTimedOut { .. } => 15,
        EventKind::RetryScheduled { .. } => 16,
        EventKind::ParallelStarted { .. } => 17,
        EventKind::ParallelSucceeded => 18,
        EventKind::ParallelFailed => 19,
        EventKind::MapStarted { .. } => 20,
        EventKind::MapSucceeded => 21,
        EventKind::MapFailed => 22,
        EventKind::IterationStarted { .. } => 23,
        EventKind::IterationSucceeded { .. } => 24,
        EventKind::IterationFailed { .. } => 25,
        EventKind::IterationAborted { .. } => 26,
        EventKind::EvaluationFailed { .. } => 27,
        EventKind::ExecutionRedriven { .. } => 28,
    }
}

/// Reads what a [`Writer`] wrote.
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    payloads: Vec<Payload>,
}

impl<'a> Reader<'a> {
    /// A reader behind the payloads of a body.
    pub(crate) fn of_body(body: &'a [u8], format: u8) -> Result<Reader<'a>, CorruptJournal> {
        let mut reader = Reader { bytes: body, at: 0, payloads: Vec::new() };
        let found = reader.byte()?;
        if found != format {
            return Err(CorruptJournal::UnknownFormat(found));
        }
        for _ in 0..reader.number()? {
            let text = reader.text()?.to_owned();
            reader.payloads.push(Payload::trusted(text));
        }
        Ok(reader)
    }

    /// Sees to it that all has been read.
    pub(crate) fn end(&self) -> Result<(), CorruptJournal> {
        if self.at == self.bytes.len() { Ok(()) } else { Err(self.damaged("bytes after the end")) }
    }

    pub(crate) fn flag(&mut self) -> Result<bool, CorruptJournal> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(self.damaged("neither true nor false")),
        }
    }

    pub(crate) fn damaged(&self, what: &'static str) -> CorruptJournal {
        CorruptJournal::Damaged { offset: self.at, what }
    }

    fn byte(&mut self) -> Result<u8, CorruptJournal> {
        let byte = *self.bytes.get(self.at).ok_or(self.damaged("the end came early"))?;
        self.at += 1;
        Ok(byte)
    }

    pub(crate) fn number(&mut self) -> Result<u64, CorruptJournal> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(self.damaged("a number of more than 64 bits"))
    }

    pub(crate) fn small(&mut self) -> Result<u32, CorruptJournal> {
        u32::try_from(self.number()?).map_err(|_| self.damaged("a number out of range"))
    }

    fn text(&mut self) -> Result<&'a str, CorruptJournal> {
        let length = usize::try_from(self.number()?).map_err(|_| self.damaged("a length out of range"))?;
        let end = self.at.checked_add(length).filter(|end| *end <= self.bytes.len());
        let end = end.ok_or(self.damaged("the end came early"))?;
        let text = std::str::from_utf8(&self.bytes[self.at..end]).map_err(|_| self.damaged("no UTF-8"))?;
        self.at = end;
        Ok(text)
    }

    pub(crate) fn optional<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, CorruptJournal>,
    ) -> Result<Option<T>, CorruptJournal> {
        match self.byte()? {
            0 => Ok(None),
            1 => read(self).map(Some),
            _ => Err(self.damaged("neither there nor absent")),
        }
    }

    pub(crate) fn shared_text(&mut self) -> Result<Arc<str>, CorruptJournal> {
        self.text().map(Arc::from)
    }

    pub(crate) fn payload(&mut self) -> Result<Payload, CorruptJournal> {
        let place = usize::try_from(self.number()?).unwrap_or(usize::MAX);
        self.payloads.get(place).cloned().ok_or(self.damaged("no such payload"))
    }

    fn failure(&mut self) -> Result<Failure, CorruptJournal> {
        let error = self.optional(Self::shared_text)?;
        let cause = self.optional(Self::shared_text)?;
        Ok(Failure { error, cause })
    }

    pub(crate) fn state(&mut self) -> Result<StateId, CorruptJournal> {
        self.small().map(StateId)
    }

    pub(crate) fn moment(&mut self) -> Result<Timestamp, CorruptJournal> {
        self.number().map(Timestamp::from_epoch_ms)
    }

    fn event(&mut self, before: Before) -> Result<Event, CorruptJournal> {
        let tag = self.byte()?;
        let at = Timestamp::from_epoch_ms(before.at.epoch_ms.wrapping_add(self.number()?));
        // 9 and 16 are the events that AWS does not show.
        let id = if matches!(tag, 9 | 16) { 0 } else { before.id.wrapping_add(self.number()?) };
        let previous_id = id.max(before.id).wrapping_sub(self.number()?);
        let branch = self.small()?;
        let kind = match tag {
            1 => EventKind::ExecutionStarted { input: self.payload()?, seed: self.number()? },
            2 => EventKind::ExecutionSucceeded { output: self.payload()? },
            3 => EventKind::ExecutionFailed(self.failure()?),
            4 => EventKind::ExecutionAborted(self.failure()?),
            5 => EventKind::ExecutionTimedOut(self.failure()?),
            6 => EventKind::StateEntered { state: self.state()?, input: self.payload()? },
            7 => {
                let state = self.state()?;
                let output = self.payload()?;
                let mut assigned = Vec::new();
                for _ in 0..self.number()? {
                    assigned.push((self.shared_text()?, self.payload()?));
                }
                let transition = match self.small()? {
                    0 => Transition::End,
                    next => Transition::Next(StateId(next - 1)),
                };
                EventKind::StateExited { state, output, assigned, transition }
            }
            8 => EventKind::StateAborted { state: self.state()? },
            9 => EventKind::WaitBegan { until: self.moment()? },
            10 => EventKind::TaskScheduled {
                state: self.state()?,
                parameters: self.payload()?,
                timeout_seconds: self.optional(Self::number)?,
                heartbeat_seconds: self.optional(Self::number)?,
            },
            11 => EventKind::TaskStarted {
                state: self.state()?,
                worker_name: self.optional(Self::shared_text)?,
            },
            12 => EventKind::TaskSubmitted { state: self.state()?, output: self.payload()? },
            13 => EventKind::TaskSucceeded { state: self.state()?, output: self.payload()? },
            14 => EventKind::TaskFailed { state: self.state()?, failure: self.failure()? },
            15 => EventKind::TaskTimedOut { state: self.state()?, heartbeat: self.number()? != 0 },
            16 => EventKind::RetryScheduled { retrier: self.small()?, due: self.moment()? },
            17 => EventKind::ParallelStarted { input: self.payload()? },
            18 => EventKind::ParallelSucceeded,
            19 => EventKind::ParallelFailed,
            20 => EventKind::MapStarted { items: self.payload()?, concurrency_max: self.number()? },
            21 => EventKind::MapSucceeded,
            22 => EventKind::MapFailed,
            23 => EventKind::IterationStarted {
                state: self.state()?,
                index: self.number()?,
                input: self.payload()?,
            },
            24 => EventKind::IterationSucceeded { state: self.state()?, index: self.number()? },
            25 => EventKind::IterationFailed { state: self.state()?, index: self.number()? },
            26 => EventKind::IterationAborted { state: self.state()?, index: self.number()? },
            27 => EventKind::EvaluationFailed {
                state: self.state()?,
                location: self.optional(Self::shared_text)?,
                failure: self.failure()?,
            },
            28 => EventKind::ExecutionRedriven {
                redrive_count: self.number()?,
                client_token: self.optional(Self::shared_text)?,
            },
            _ => return Err(self.damaged("an unknown kind of event")),
        };
        Ok(Event { at, id, previous_id, branch, kind })
    }
}
