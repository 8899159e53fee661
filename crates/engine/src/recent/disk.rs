//! Express executions that ended, on disk: more of them than memory holds, and across a restart.
//!
//! What ends is offered to one thread through a queue with a bound, and written within
//! [`GATHER`] as far as a budget of bytes per second allows, so that writing can never cost the time
//! that executions need. What finds no room is not kept here and counted; one that failed or timed
//! out goes before one that succeeded.
//!
//! The files are a ring: records are appended to the newest, and the oldest goes when all
//! together are too large. Nothing is flushed: what a crash of the process finds in the queue is
//! lost, and what a crash of the machine finds in the caches of the system. A record that is cut off
//! is left out. Where records are is kept in memory, some forty bytes for each, and is read again from
//! the files after a start, the newest first.

use std::collections::{BTreeMap, VecDeque};
use std::fs::{self, File, OpenOptions};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use stepwell_model::ExecutionStatus;

use super::record::{self, HEADER_BYTES, Header};
use super::{RecentExpress, RecentSummary, has_failed};
use crate::commons::Commons;
use crate::options::{Log, LogEvent, LogLevel, RecentDisk};
use crate::requests::{ExpressKey, MachineKey};

/// How long what has ended waits for others to be written along with.
const GATHER: Duration = Duration::from_millis(100);

/// What is written a second at most, in bytes, with [`RECORD_COST`] added for each record. Some
/// thousand records: a few hundredths of one core.
const BYTES_PER_SECOND: f64 = 4.0 * 1024.0 * 1024.0;

/// What is written at once after a while of rest, in the same bytes.
const BURST_BYTES: f64 = 4.0 * 1024.0 * 1024.0;

/// What a record costs beside its bytes.
const RECORD_COST: usize = 1024;

/// How many bytes may wait to be written, as memory counts them.
const QUEUE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// In how many files the room is divided: so much of it goes at once when it is full.
const FILES: u64 = 16;

/// How long a start reads files. Those that are left are not shown, and go when their turn has come.
const SCAN_MAX: Duration = Duration::from_secs(5);

/// How long the end waits for what is in the queue.
const CLOSE_MAX: Duration = Duration::from_secs(2);

/// How many records are looked at for those of one place.
const LOOKED_AT_MAX: usize = 2_000;

/// How the names of files end.
const SUFFIX: &str = ".recent";

/// Where records are.
#[derive(Debug, Default)]
struct Index {
    /// By number, which ascends.
    files: BTreeMap<u64, Ring>,
}

#[derive(Debug, Default)]
struct Ring {
    bytes: u64,
    entries: Vec<Entry>,
}

/// Where a record is. Of its names only hashes are kept: what has them is looked at.
#[derive(Debug, Clone, Copy)]
struct Entry {
    number: u64,
    machine: u64,
    execution: u64,
    offset: u64,
    status: ExecutionStatus,
}

/// What waits to be written.
#[derive(Debug, Default)]
struct Queue {
    /// Failed, timed out, aborted.
    ended_badly: VecDeque<Arc<RecentExpress>>,
    succeeded: VecDeque<Arc<RecentExpress>>,
    bytes: usize,
    closed: bool,
    /// The thread has ended.
    over: bool,
}

impl Queue {
    fn is_empty(&self) -> bool {
        self.ended_badly.is_empty() && self.succeeded.is_empty()
    }

    fn pop(&mut self) -> Option<Arc<RecentExpress>> {
        let next = self.ended_badly.pop_front().or_else(|| self.succeeded.pop_front())?;
        self.bytes -= next.bytes;
        Some(next)
    }

    /// Takes one in. What had to make room, or itself, comes back.
    fn push(&mut self, execution: &Arc<RecentExpress>) -> Vec<Arc<RecentExpress>> {
        let has_succeeded = execution.ended.status == ExecutionStatus::Succeeded;
        let is_full = |queue: &Queue| queue.bytes > 0 && queue.bytes + execution.bytes > QUEUE_BYTES_MAX;
        let mut left_out = Vec::new();
        while !has_succeeded
            && is_full(self)
            && let Some(other) = self.succeeded.pop_front()
        {
            self.bytes -= other.bytes;
            left_out.push(other);
        }
        if self.closed || is_full(self) {
            left_out.push(execution.clone());
            return left_out;
        }
        self.bytes += execution.bytes;
        match has_succeeded {
            true => self.succeeded.push_back(execution.clone()),
            false => self.ended_badly.push_back(execution.clone()),
        }
        left_out
    }
}

/// What may be written: a bucket that fills with time.
struct Budget {
    bytes: f64,
    filled_at: Instant,
}

impl Budget {
    fn fill(&mut self, now: Instant) {
        let seconds = now.saturating_duration_since(self.filled_at).as_secs_f64();
        self.bytes = (self.bytes + seconds * BYTES_PER_SECOND).min(BURST_BYTES);
        self.filled_at = now;
    }

    /// Whether another record may be written; one that is larger than what is left is paid for later.
    fn allows(&self) -> bool {
        self.bytes > 0.0
    }

    fn spend(&mut self, bytes: usize) {
        self.bytes -= (bytes + RECORD_COST) as f64;
    }
}

/// The executions on disk.
pub(super) struct Disk {
    shared: Arc<Shared>,
}

struct Shared {
    folder: PathBuf,
    bytes_max: u64,
    log: Log,
    hasher: RandomState,
    queue: Mutex<Queue>,
    wake: Condvar,
    index: Mutex<Index>,
    /// The highest number in a file of an earlier run.
    highest: AtomicU64,
    written: AtomicU64,
    dropped: AtomicU64,
}

impl std::fmt::Debug for Disk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Disk").field("folder", &self.shared.folder).finish_non_exhaustive()
    }
}

impl Disk {
    /// Starts the thread, which looks at first for what an earlier run has left.
    ///
    /// # Errors
    ///
    /// If the thread cannot be started.
    pub(super) fn open(options: RecentDisk, log: Log) -> io::Result<Disk> {
        let shared = Arc::new(Shared {
            folder: options.folder,
            bytes_max: options.bytes_max,
            log,
            hasher: RandomState::new(),
            queue: Mutex::default(),
            wake: Condvar::new(),
            index: Mutex::default(),
            highest: AtomicU64::new(0),
            written: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
        });
        let writer = Writer {
            shared: shared.clone(),
            budget: Budget { bytes: BURST_BYTES, filled_at: Instant::now() },
            current: None,
            next_file: 1,
            is_troubled: false,
        };
        std::thread::Builder::new().name("express-recent".to_owned()).spawn(move || writer.run())?;
        Ok(Disk { shared })
    }

    /// Takes in an execution that ended, if there is room. Never waits for the disk.
    pub(super) fn offer(&self, execution: &Arc<RecentExpress>) {
        let mut queue = self.shared.queue();
        let was_empty = queue.is_empty();
        let left_out = queue.push(execution);
        let wakes = was_empty && !queue.is_empty();
        drop(queue);
        if !left_out.is_empty() {
            self.shared.dropped.fetch_add(left_out.len() as u64, Ordering::Relaxed);
        }
        if wakes {
            self.shared.wake.notify_all();
        }
    }

    /// Writes what waits, as long as that takes no more than [`CLOSE_MAX`]; takes in nothing more.
    pub(super) fn close(&self) {
        let mut queue = self.shared.queue();
        queue.closed = true;
        self.shared.wake.notify_all();
        // Whether it was over in time makes no difference to the caller.
        let _ = self.shared.wake.wait_timeout_while(queue, CLOSE_MAX, |queue| !queue.over);
    }

    /// The highest number of an earlier run, as far as its files were read.
    pub(super) fn highest(&self) -> u64 {
        self.shared.highest.load(Ordering::Relaxed)
    }

    /// How many were written, and how many were not for want of room, of budget or of a disk that
    /// takes them.
    pub(super) fn counts(&self) -> (u64, u64) {
        (self.shared.written.load(Ordering::Relaxed), self.shared.dropped.load(Ordering::Relaxed))
    }

    /// Executions of a machine with a number below `before`, the highest first. Reads files.
    pub(super) fn list(
        &self,
        machine: &MachineKey,
        status: Option<ExecutionStatus>,
        before: u64,
        limit: usize,
    ) -> Vec<RecentSummary> {
        let hash = self.shared.hasher.hash_one(machine);
        let wanted = |entry: &Entry| {
            entry.machine == hash
                && entry.number < before
                && status.is_none_or(|status| entry.status == status)
        };
        let mut files = Files::default();
        let heads = self.shared.entries(wanted).into_iter();
        let heads = heads.filter_map(|(file, entry)| Some(files.head(&self.shared, file, &entry)?.1));
        heads.filter(|summary| summary.key.machine == *machine).take(limit).collect()
    }

    /// Executions that failed or timed out, with a number below `before`, the highest first: those of a
    /// machine, if it is known, and else those that `is_meant`, of the last [`LOOKED_AT_MAX`]. Reads files.
    pub(super) fn failures(
        &self,
        is_meant: impl Fn(&MachineKey) -> bool,
        machine: Option<&MachineKey>,
        before: u64,
        limit: usize,
    ) -> Vec<RecentSummary> {
        let hash = machine.map(|machine| self.shared.hasher.hash_one(machine));
        let wanted = |entry: &Entry| {
            has_failed(entry.status) && entry.number < before && hash.is_none_or(|hash| entry.machine == hash)
        };
        let mut files = Files::default();
        let entries = self.shared.entries(wanted).into_iter().take(LOOKED_AT_MAX);
        let heads = entries.filter_map(|(file, entry)| Some(files.head(&self.shared, file, &entry)?.1));
        heads.filter(|summary| is_meant(&summary.key.machine)).take(limit).collect()
    }

    /// An execution with its history. Reads a file.
    pub(super) fn find(&self, commons: &Commons, key: &ExpressKey) -> Option<RecentExpress> {
        let hash = self.shared.hasher.hash_one(key);
        let mut files = Files::default();
        self.shared.entries(|entry| entry.execution == hash).into_iter().find_map(|(file, entry)| {
            let (header, summary) = files.head(&self.shared, file, &entry)?;
            if summary.key != *key {
                return None;
            }
            let data = files.read(&self.shared, file, None, header.data_bytes)?;
            header.data(commons, summary, &data)
        })
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        self.close();
    }
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().expect("nobody panics while holding the queue")
    }

    fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().expect("nobody panics while holding the index")
    }

    fn path(&self, file: u64) -> PathBuf {
        self.folder.join(format!("{file:020}{SUFFIX}"))
    }

    /// Those that are wanted, the highest number first, with their files.
    fn entries(&self, wanted: impl Fn(&Entry) -> bool) -> Vec<(u64, Entry)> {
        let index = self.index();
        let all =
            index.files.iter().flat_map(|(file, ring)| ring.entries.iter().map(|entry| (*file, *entry)));
        let mut found: Vec<(u64, Entry)> = all.filter(|(_, entry)| wanted(entry)).collect();
        drop(index);
        found.sort_unstable_by_key(|(_, entry)| std::cmp::Reverse(entry.number));
        found
    }

    fn entry(&self, summary: &RecentSummary, offset: u64) -> Entry {
        Entry {
            number: summary.number,
            machine: self.hasher.hash_one(&summary.key.machine),
            execution: self.hasher.hash_one(&summary.key),
            offset,
            status: summary.status,
        }
    }
}

/// The file that was read from last: neighbours are mostly in the same one.
#[derive(Default)]
struct Files {
    open: Option<(u64, File)>,
}

impl Files {
    /// Reads so many bytes, at an offset or where the last read ended. `None` also if the file has gone
    /// meanwhile.
    fn read(&mut self, shared: &Shared, file: u64, offset: Option<u64>, bytes: u32) -> Option<Vec<u8>> {
        if self.open.as_ref().is_none_or(|(open, _)| *open != file) {
            self.open = Some((file, File::open(shared.path(file)).ok()?));
        }
        let (_, open) = self.open.as_mut()?;
        if let Some(offset) = offset {
            open.seek(SeekFrom::Start(offset)).ok()?;
        }
        let mut found = Vec::new();
        open.take(bytes.into()).read_to_end(&mut found).ok()?;
        (found.len() == bytes as usize).then_some(found)
    }

    fn head(&mut self, shared: &Shared, file: u64, entry: &Entry) -> Option<(Header, RecentSummary)> {
        let header = self.read(shared, file, Some(entry.offset), HEADER_BYTES as u32)?;
        let header = Header::read(header.first_chunk()?)?;
        let head = self.read(shared, file, None, header.head_bytes)?;
        Some((header, header.head(&head)?))
    }
}

/// The thread that writes.
struct Writer {
    shared: Arc<Shared>,
    budget: Budget,
    /// The newest file, if it can be appended to.
    current: Option<(u64, File)>,
    next_file: u64,
    /// The last write failed, and that was told.
    is_troubled: bool,
}

impl Writer {
    fn run(mut self) {
        // Without its folder nothing can be read; whether it can be written comes out then.
        if let Err(error) = self.scan() {
            self.tell(&error);
        }
        loop {
            let (executions, closed) = self.wait();
            if !executions.is_empty() {
                self.write(&executions);
            }
            if closed {
                break;
            }
        }
        self.shared.queue().over = true;
        self.shared.wake.notify_all();
    }

    /// Waits for something to write, and for others beside it; whether this is the end.
    fn wait(&mut self) -> (Vec<Arc<RecentExpress>>, bool) {
        const SOUND: &str = "nobody panics while holding the queue";
        let wake = &self.shared.wake;
        let queue = self.shared.queue();
        let queue = wake.wait_while(queue, |queue| queue.is_empty() && !queue.closed).expect(SOUND);
        let (mut queue, _) = wake.wait_timeout_while(queue, GATHER, |queue| !queue.closed).expect(SOUND);
        self.budget.fill(Instant::now());
        let mut taken = Vec::new();
        // The last of all are not many, and are written whatever they cost.
        while (queue.closed || self.budget.allows())
            && let Some(next) = queue.pop()
        {
            self.budget.spend(next.bytes);
            taken.push(next);
        }
        (taken, queue.closed)
    }

    fn write(&mut self, executions: &[Arc<RecentExpress>]) {
        let file_max = self.shared.bytes_max / FILES;
        let mut bytes = Vec::new();
        let mut entries = Vec::new();
        for execution in executions {
            let before = bytes.len();
            let header = record::append(execution, &mut bytes);
            let fits = |header: &Header| header.record_bytes() <= self.shared.bytes_max / 4;
            if header.as_ref().is_none_or(|header| !fits(header)) {
                bytes.truncate(before);
                self.shared.dropped.fetch_add(1, Ordering::Relaxed);
                continue;
            }
            entries.push(self.shared.entry(&execution.summary(), before as u64));
            if bytes.len() as u64 >= file_max {
                self.append(&mut bytes, &mut entries, file_max);
            }
        }
        self.append(&mut bytes, &mut entries, file_max);
    }

    /// Appends to the newest file, or begins one.
    fn append(&mut self, bytes: &mut Vec<u8>, entries: &mut Vec<Entry>, file_max: u64) {
        let (bytes, entries) = (std::mem::take(bytes), std::mem::take(entries));
        if bytes.is_empty() {
            return;
        }
        let (count, length) = (entries.len() as u64, bytes.len() as u64);
        match self.try_append(&bytes, file_max) {
            Ok((file, offset)) => {
                self.is_troubled = false;
                self.shared.written.fetch_add(count, Ordering::Relaxed);
                let mut index = self.shared.index();
                let ring = index.files.entry(file).or_default();
                ring.bytes = offset + length;
                ring.entries.extend(
                    entries.into_iter().map(|entry| Entry { offset: offset + entry.offset, ..entry }),
                );
            }
            Err(error) => {
                // What was written of it is cut off there; the next file begins anew.
                self.current = None;
                self.shared.dropped.fetch_add(count, Ordering::Relaxed);
                self.tell(&error);
            }
        }
        self.make_room();
    }

    /// The file and the offset where the bytes went.
    fn try_append(&mut self, bytes: &[u8], file_max: u64) -> io::Result<(u64, u64)> {
        let used = |file: u64| self.shared.index().files.get(&file).map_or(0, |ring| ring.bytes);
        let is_full = |file: u64| used(file) > 0 && used(file) + bytes.len() as u64 > file_max;
        if self.current.as_ref().is_none_or(|(file, _)| is_full(*file)) {
            let file = self.next_file;
            fs::create_dir_all(&self.shared.folder)?;
            let open = OpenOptions::new().create_new(true).append(true).open(self.shared.path(file));
            // Also if it could not be made: perhaps there is one of that name.
            self.next_file += 1;
            self.current = Some((file, open?));
        }
        let (file, open) = self.current.as_mut().expect("it was set if it was not there");
        open.write_all(bytes)?;
        let file = *file;
        Ok((file, self.shared.index().files.get(&file).map_or(0, |ring| ring.bytes)))
    }

    /// Removes the oldest files while all are too large.
    fn make_room(&mut self) {
        loop {
            let mut index = self.shared.index();
            let total: u64 = index.files.values().map(|ring| ring.bytes).sum();
            if total <= self.shared.bytes_max {
                return;
            }
            let Some((file, _)) = index.files.pop_first() else { return };
            drop(index);
            if self.current.as_ref().is_some_and(|(current, _)| *current == file) {
                self.current = None;
            }
            if let Err(error) = fs::remove_file(self.shared.path(file))
                && error.kind() != io::ErrorKind::NotFound
            {
                self.tell(&error);
            }
        }
    }

    /// Finds what an earlier run has left, the newest first.
    fn scan(&mut self) -> io::Result<()> {
        let began = Instant::now();
        let entries = match fs::read_dir(&self.shared.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        let mut files: Vec<u64> = Vec::new();
        for entry in entries {
            let name = entry?.file_name();
            files.extend(name.to_str().and_then(|name| name.strip_suffix(SUFFIX)?.parse::<u64>().ok()));
        }
        files.sort_unstable();
        self.next_file = files.last().map_or(1, |file| file + 1);
        let newest = files.last().copied();
        for file in files.into_iter().rev() {
            let Ok(bytes) = fs::metadata(self.shared.path(file)).map(|metadata| metadata.len()) else {
                continue;
            };
            let is_late = began.elapsed() > SCAN_MAX;
            let found = if is_late { None } else { self.scan_file(file, bytes).ok() };
            let (entries, sound) = found.unwrap_or_default();
            let highest = entries.iter().map(|entry| entry.number).max().unwrap_or(0);
            self.shared.highest.fetch_max(highest, Ordering::Relaxed);
            let mut ring = Ring { bytes, entries };
            if newest == Some(file) && !is_late {
                // What was cut off goes, and the file is continued.
                let open = OpenOptions::new().append(true).open(self.shared.path(file));
                if let Ok(open) = open
                    && open.set_len(sound).is_ok()
                {
                    ring.bytes = sound;
                    self.current = Some((file, open));
                }
            }
            self.shared.index().files.insert(file, ring);
        }
        self.make_room();
        Ok(())
    }

    /// The records of a file up to the first that is damaged, and where that would begin.
    fn scan_file(&self, file: u64, bytes: u64) -> io::Result<(Vec<Entry>, u64)> {
        let mut reader = BufReader::new(File::open(self.shared.path(file))?);
        let (mut entries, mut offset) = (Vec::new(), 0);
        let mut header = [0; HEADER_BYTES];
        while offset + HEADER_BYTES as u64 <= bytes {
            reader.read_exact(&mut header)?;
            let Some(header) = Header::read(&header) else { break };
            if offset + header.record_bytes() > bytes {
                break;
            }
            let mut head = vec![0; header.head_bytes as usize];
            reader.read_exact(&mut head)?;
            let Some(summary) = header.head(&head) else { break };
            reader.seek_relative(header.data_bytes.into())?;
            entries.push(self.shared.entry(&summary, offset));
            offset += header.record_bytes();
        }
        Ok((entries, offset))
    }

    /// Tells of trouble, once until a write succeeds.
    fn tell(&mut self, error: &io::Error) {
        if std::mem::replace(&mut self.is_troubled, true) {
            return;
        }
        let folder = self.shared.folder.display();
        let message = format!("Express executions that ended cannot be kept in {folder}: {error}");
        let event = "express_recent_not_written";
        (self.shared.log)(LogEvent { level: LogLevel::Warning, event, message, execution_arn: None });
    }
}

#[cfg(test)]
mod tests {
    use stepwell_asl::{Definition, Origin, encode};
    use stepwell_model::{Limits, Timestamp};
    use stepwell_value::Payload;

    use super::*;
    use crate::requests::{ExpressEnded, Place};

    fn ended(number: u64, status: ExecutionStatus, bytes: usize) -> Arc<RecentExpress> {
        let text = r#"{"StartAt":"A","States":{"A":{"Type":"Succeed"}}}"#;
        let place = Place { account: "123456789012".into(), region: "us-east-1".into() };
        let machine = MachineKey { place, name: "m".into() };
        let (started_at, closed_at) = (Timestamp::from_epoch_ms(7), Timestamp::from_epoch_ms(9));
        let output = Payload::parse("[ 1, \"\u{fc}\" ]").unwrap();
        Arc::new(RecentExpress {
            ended: ExpressEnded {
                key: ExpressKey { machine, name: format!("n{number}").into(), id: "i".into() },
                status,
                started_at,
                closed_at,
                input: Payload::empty_object(),
                output: Some(output),
                failure: None,
                billed_memory_mb: 64,
            },
            is_cut: false,
            origin: Arc::new(Origin {
                definition: Arc::new(Definition::parse(text).unwrap().0),
                execution_arn: "arn".into(),
                execution_name: "n".into(),
                machine_arn: "arn".into(),
                version_arn: Some("arn:7".into()),
                alias_arn: None,
                machine_name: "m".into(),
                role_arn: "role".into(),
                region: "us-east-1".into(),
                limits: Limits::default(),
                synchronous: true,
            }),
            revision: 1,
            body: encode(&[]).into(),
            bytes,
            number,
        })
    }

    fn numbers(mut queue: Queue) -> Vec<u64> {
        std::iter::from_fn(|| queue.pop()).map(|execution| execution.number).collect()
    }

    #[test]
    fn those_that_ended_badly_are_written_first() {
        let mut queue = Queue::default();
        for (number, status) in [
            (1, ExecutionStatus::Succeeded),
            (2, ExecutionStatus::Failed),
            (3, ExecutionStatus::Succeeded),
            (4, ExecutionStatus::TimedOut),
        ] {
            assert!(queue.push(&ended(number, status, 100)).is_empty());
        }
        assert_eq!(queue.bytes, 400);
        assert_eq!(numbers(queue), [2, 4, 1, 3]);
    }

    #[test]
    fn a_full_queue_makes_room_for_those_that_ended_badly_alone() {
        let mut queue = Queue::default();
        let half = QUEUE_BYTES_MAX / 2;
        let push = |queue: &mut Queue, number, status| -> Vec<u64> {
            queue.push(&ended(number, status, half)).iter().map(|execution| execution.number).collect()
        };
        assert_eq!(push(&mut queue, 1, ExecutionStatus::Succeeded), []);
        assert_eq!(push(&mut queue, 2, ExecutionStatus::Succeeded), []);
        assert_eq!(push(&mut queue, 3, ExecutionStatus::Succeeded), [3]);
        assert_eq!(push(&mut queue, 4, ExecutionStatus::Failed), [1]);
        assert_eq!(push(&mut queue, 5, ExecutionStatus::TimedOut), [2]);
        assert_eq!(push(&mut queue, 6, ExecutionStatus::Failed), [6]);
        assert_eq!(queue.bytes, 2 * half);
        assert_eq!(numbers(queue), [4, 5]);
    }

    #[test]
    fn a_closed_queue_takes_nothing() {
        let mut queue = Queue { closed: true, ..Queue::default() };
        assert_eq!(queue.push(&ended(1, ExecutionStatus::Failed, 1)).len(), 1);
        assert_eq!(numbers(queue), []);
    }

    #[test]
    fn a_budget_fills_with_time_up_to_a_bound() {
        let began = Instant::now();
        let mut budget = Budget { bytes: 1.0, filled_at: began };
        assert!(budget.allows());
        // The last record may be larger than what is left: its rest is paid for by those that follow.
        budget.spend(BYTES_PER_SECOND as usize - RECORD_COST);
        assert!(!budget.allows());
        budget.fill(began + Duration::from_millis(500));
        assert!(!budget.allows());
        budget.fill(began + Duration::from_millis(1_001));
        assert!(budget.allows());
        budget.fill(began + Duration::from_secs(3_600));
        assert_eq!(budget.bytes, BURST_BYTES);
    }

    #[test]
    fn a_head_is_read_as_it_was_written_and_a_damaged_one_is_not() {
        let execution = ended(u64::MAX >> 3, ExecutionStatus::TimedOut, 1);
        let mut bytes = Vec::new();
        let header = record::append(&execution, &mut bytes).unwrap();
        assert_eq!(header.record_bytes(), bytes.len() as u64);
        assert_eq!(Header::read(bytes.first_chunk().unwrap()), Some(header));
        let head = &bytes[HEADER_BYTES..HEADER_BYTES + header.head_bytes as usize];
        assert_eq!(header.head(head), Some(execution.summary()));
        for at in 0..head.len() {
            let mut changed = head.to_vec();
            changed[at] ^= 4;
            assert_eq!(header.head(&changed), None, "byte {at}");
        }
        // The lengths are guarded by the head's checksum.
        for at in 0..12 {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            let read = Header::read(changed.first_chunk().unwrap());
            assert_eq!(read.and_then(|header| header.head(head)), None, "byte {at}");
        }
    }
}
