//! Execution logs: what state machines log by their `loggingConfiguration`, as files.
//!
//! Each log group has a folder of its own with files of JSON lines ([`folder`], [`files`]); a line is
//! the message that AWS sends to CloudWatch Logs ([`record`]). Lines of one execution are in the
//! order of its events, those of different executions as they came.
//!
//! Logging never holds anybody up: what is to be logged is handed to one thread through a queue with
//! a bound, and what finds no room there is dropped, counted and told. Lines reach the operating
//! system within [`FLUSH_AFTER`] of being handed over, unless the thread cannot keep up. When the
//! process is killed, lines that have not are lost, and when the machine fails, those that the
//! operating system had not written: delivery is best effort, as with AWS. No line is written twice.

mod files;
mod folder;
mod record;

pub use files::Rotation;

use std::collections::HashMap;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use files::{GroupFiles, NotWritten};
use stepwell_model::{HistoryEvent, Timestamp};

/// How long a line waits at most for others before it is written.
pub const FLUSH_AFTER: Duration = Duration::from_millis(200);

/// What an event weighs in the queue beside its payloads, in bytes.
const EVENT_BYTES: usize = 512;

/// How many log groups have a file open.
const OPEN_GROUPS_MAX: usize = 64;

/// How long after a notice of one kind the next of that kind may come.
const NOTICE_PAUSE: Duration = Duration::from_secs(10);

/// Events of one execution, to be logged.
pub struct Entry {
    /// The ARN of the log group, with `:*` at its end.
    pub log_group_arn: Arc<str>,
    /// Whether payloads are logged.
    pub include_execution_data: bool,
    /// The ARN of the execution.
    pub execution_arn: Arc<str>,
    /// How often it has been redriven.
    pub redrive_count: u64,
    /// How many events there are.
    pub events: usize,
    /// Roughly how many bytes of payload they hold.
    pub bytes: usize,
    /// Makes the events, all of which are logged. Called by the thread that writes.
    pub history: Box<dyn FnOnce() -> Vec<HistoryEvent> + Send>,
}

/// How logs are kept.
#[derive(Clone)]
pub struct Options {
    /// The folder of all logs; made with the first line.
    pub folder: PathBuf,
    /// When files begin and how many are kept.
    pub rotation: Rotation,
    /// How many bytes may wait to be written; what comes on top is dropped.
    pub queue_bytes_max: usize,
    /// Hears what an operator should know, from the thread that writes.
    pub on_notice: Arc<dyn Fn(Notice) + Send + Sync>,
}

impl Options {
    /// Logs in `folder`, with a queue of 64 MiB; notices go nowhere.
    pub fn new(folder: impl Into<PathBuf>) -> Options {
        Options {
            folder: folder.into(),
            rotation: Rotation::default(),
            queue_bytes_max: 64 * 1024 * 1024,
            on_notice: Arc::new(|_| ()),
        }
    }
}

/// Something an operator should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// So many records since the last notice found no room in the queue.
    Dropped {
        /// How many.
        records: u64,
    },
    /// Records could not be written and are lost.
    NotWritten {
        /// Where.
        folder: PathBuf,
        /// Why.
        why: String,
    },
}

/// What has been done since the logs were opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Records handed to the operating system.
    pub written: u64,
    /// Records lost: for want of room in the queue, or because they could not be written.
    pub dropped: u64,
}

/// The logs. Dropping them lets the thread write what it has and end, without waiting for it.
pub struct ExecutionLogs {
    shared: Arc<Shared>,
}

struct Shared {
    options: Options,
    queue: Mutex<Queue>,
    /// There is something to do.
    wake: Condvar,
    /// Something was written.
    flushed: Condvar,
    written: AtomicU64,
    dropped: AtomicU64,
}

#[derive(Default)]
struct Queue {
    waiting: Vec<Entry>,
    /// What waits and what is being written weighs so much.
    bytes: usize,
    /// Ascends with each wish that all be flushed.
    flush_asked: u64,
    flush_done: u64,
    closed: bool,
}

impl ExecutionLogs {
    /// Starts the thread. Nothing is written yet.
    ///
    /// # Errors
    ///
    /// If the thread cannot be started.
    pub fn open(options: Options) -> io::Result<ExecutionLogs> {
        let shared = Arc::new(Shared {
            options,
            queue: Mutex::default(),
            wake: Condvar::new(),
            flushed: Condvar::new(),
            written: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
        });
        let mut writer = Writer::new(shared.clone());
        std::thread::Builder::new().name("execution-logs".to_owned()).spawn(move || writer.run())?;
        Ok(ExecutionLogs { shared })
    }

    /// Takes in what is to be logged, or drops it if there is no room. Never waits for the disk.
    pub fn append(&self, entries: Vec<Entry>) {
        let mut dropped = 0;
        let mut queue = self.shared.queue();
        let was_empty = queue.waiting.is_empty();
        for entry in entries {
            let bytes = weight(&entry);
            // What alone is too large is let in where there is nothing else.
            if queue.bytes > 0 && queue.bytes.saturating_add(bytes) > self.shared.options.queue_bytes_max {
                dropped += entry.events as u64;
            } else {
                queue.bytes += bytes;
                queue.waiting.push(entry);
            }
        }
        drop(queue);
        if dropped > 0 {
            self.shared.dropped.fetch_add(dropped, Ordering::Relaxed);
        }
        if was_empty {
            self.shared.wake.notify_one();
        }
    }

    /// Waits until everything that was taken in before is in its file, `patience` at most. Whether it
    /// is.
    pub fn flush(&self, patience: Duration) -> bool {
        let mut queue = self.shared.queue();
        queue.flush_asked += 1;
        let asked = queue.flush_asked;
        self.shared.wake.notify_one();
        let waited =
            self.shared.flushed.wait_timeout_while(queue, patience, |queue| queue.flush_done < asked);
        waited.is_ok_and(|(_, timeout)| !timeout.timed_out())
    }

    /// What has been done so far.
    pub fn counts(&self) -> Counts {
        Counts {
            written: self.shared.written.load(Ordering::Relaxed),
            dropped: self.shared.dropped.load(Ordering::Relaxed),
        }
    }
}

impl Drop for ExecutionLogs {
    fn drop(&mut self) {
        self.shared.queue().closed = true;
        self.shared.wake.notify_one();
    }
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().expect("nobody panics while holding the queue")
    }
}

fn weight(entry: &Entry) -> usize {
    entry.bytes.saturating_add(entry.events.saturating_mul(EVENT_BYTES))
}

/// The thread that writes.
struct Writer {
    shared: Arc<Shared>,
    /// By ARN of the log group, with the moment of the last line.
    groups: HashMap<Arc<str>, (GroupFiles, Instant)>,
    /// When what was appended and not flushed has to be.
    flush_at: Option<Instant>,
    /// Appended and not flushed.
    unflushed: u64,
    line: String,
    dropped_told: u64,
    may_tell_drops_at: Instant,
    may_tell_trouble_at: Instant,
}

impl Writer {
    fn new(shared: Arc<Shared>) -> Writer {
        let now = Instant::now();
        Writer {
            shared,
            groups: HashMap::new(),
            flush_at: None,
            unflushed: 0,
            line: String::new(),
            dropped_told: 0,
            may_tell_drops_at: now,
            may_tell_trouble_at: now,
        }
    }

    fn run(&mut self) {
        loop {
            let (entries, asked, closed) = self.wait();
            let bytes = entries.iter().map(weight).sum::<usize>();
            for entry in entries {
                let events = entry.events as u64;
                // A bug in one execution's history must not end the logs of all others.
                if catch_unwind(AssertUnwindSafe(|| self.write(entry))).is_err() {
                    self.shared.dropped.fetch_add(events, Ordering::Relaxed);
                }
            }
            let is_asked = closed || asked.is_some();
            if is_asked || self.flush_at.is_some_and(|at| at <= Instant::now()) {
                self.flush();
            }
            let mut queue = self.shared.queue();
            queue.bytes -= bytes;
            if let Some(asked) = asked {
                queue.flush_done = asked;
                self.shared.flushed.notify_all();
            }
            drop(queue);
            self.tell_drops(closed);
            if closed {
                return;
            }
        }
    }

    /// Waits for something to do: what waits, the number of the last wish for a flush if it is not
    /// fulfilled, and whether this is the end.
    fn wait(&self) -> (Vec<Entry>, Option<u64>, bool) {
        let mut queue = self.shared.queue();
        while queue.waiting.is_empty() && queue.flush_asked == queue.flush_done && !queue.closed {
            const SOUND: &str = "nobody panics while holding the queue";
            queue = match self.flush_at {
                None => self.shared.wake.wait(queue).expect(SOUND),
                Some(at) => {
                    let left = at.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        break;
                    }
                    self.shared.wake.wait_timeout(queue, left).expect(SOUND).0
                }
            };
        }
        let asked = (queue.flush_asked > queue.flush_done).then_some(queue.flush_asked);
        (std::mem::take(&mut queue.waiting), asked, queue.closed)
    }

    fn write(&mut self, entry: Entry) {
        let Entry { log_group_arn, include_execution_data, execution_arn, redrive_count, history, .. } =
            entry;
        let history = history();
        if !self.groups.contains_key(&log_group_arn) {
            self.make_room();
            let folder = self.shared.options.folder.join(folder::of(&log_group_arn));
            let group = GroupFiles::new(folder, self.shared.options.rotation);
            self.groups.insert(log_group_arn.clone(), (group, Instant::now()));
        }
        let (group, used_at) =
            self.groups.get_mut(&log_group_arn).expect("it is there or was just put there");
        *used_at = Instant::now();
        self.flush_at.get_or_insert(*used_at + FLUSH_AFTER);
        let record = record::RecordWriter::new(&execution_arn, redrive_count, include_execution_data);
        let now = now();
        let mut troubles = Vec::new();
        for event in &history {
            self.line.clear();
            record.write(&mut self.line, event);
            troubles.extend(group.append(&self.line, now).err());
        }
        self.unflushed += history.len() as u64;
        for trouble in troubles {
            self.lost(trouble);
        }
    }

    /// Closes the file that was not written for the longest time, if there are too many.
    fn make_room(&mut self) {
        if self.groups.len() < OPEN_GROUPS_MAX {
            return;
        }
        let oldest = self.groups.iter().min_by_key(|(_, (_, used_at))| *used_at);
        let Some((mut group, _)) =
            oldest.map(|(arn, _)| arn.clone()).and_then(|arn| self.groups.remove(&arn))
        else {
            return;
        };
        if let Err(trouble) = group.flush(now()) {
            self.lost(trouble);
        }
    }

    fn flush(&mut self) {
        let now = now();
        let troubles: Vec<NotWritten> =
            self.groups.values_mut().filter_map(|(group, _)| group.flush(now).err()).collect();
        for trouble in troubles {
            self.lost(trouble);
        }
        self.flush_at = None;
        self.shared.written.fetch_add(std::mem::take(&mut self.unflushed), Ordering::Relaxed);
    }

    fn lost(&mut self, trouble: NotWritten) {
        self.unflushed = self.unflushed.saturating_sub(trouble.lines);
        self.shared.dropped.fetch_add(trouble.lines, Ordering::Relaxed);
        // These are told by a notice of their own.
        self.dropped_told += trouble.lines;
        let now = Instant::now();
        if let Some(why) = trouble.why
            && now >= self.may_tell_trouble_at
        {
            self.may_tell_trouble_at = now + NOTICE_PAUSE;
            let notice = Notice::NotWritten { folder: trouble.folder, why: why.to_string() };
            (self.shared.options.on_notice)(notice);
        }
    }

    fn tell_drops(&mut self, closed: bool) {
        let dropped = self.shared.dropped.load(Ordering::Relaxed);
        let now = Instant::now();
        if dropped > self.dropped_told && (closed || now >= self.may_tell_drops_at) {
            self.may_tell_drops_at = now + NOTICE_PAUSE;
            (self.shared.options.on_notice)(Notice::Dropped { records: dropped - self.dropped_told });
            self.dropped_told = dropped;
        }
    }
}

fn now() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_epoch_ms(u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;
    use std::sync::mpsc;

    use super::*;
    use stepwell_model::HistoryEventKind;
    use stepwell_value::{Payload, Value};

    const PATIENCE: Duration = Duration::from_secs(30);

    fn entry(group: &str, execution_arn: &str, ids: std::ops::Range<u64>) -> Entry {
        let events = ids.clone().count();
        let history = move || {
            let event = |id| HistoryEvent {
                id,
                previous_event_id: id - 1,
                timestamp: Timestamp::from_epoch_ms(id),
                kind: HistoryEventKind::ExecutionSucceeded { output: Payload::empty_object() },
            };
            ids.map(event).collect()
        };
        Entry {
            log_group_arn: format!("arn:aws:logs:us-east-1:123456789012:log-group:{group}:*").into(),
            include_execution_data: true,
            execution_arn: execution_arn.into(),
            redrive_count: 0,
            events,
            bytes: 2 * events,
            history: Box::new(history),
        }
    }

    /// `[(execution, id)]` of all lines of a group.
    fn lines(folder: &Path, group: &str) -> Vec<(String, String)> {
        let folder = folder.join("123456789012/us-east-1").join(group);
        let mut files: Vec<PathBuf> =
            fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
        files.sort();
        let text: String = files.iter().map(|file| fs::read_to_string(file).unwrap()).collect();
        let member = |line: &Value, key: &str| line.get(key).unwrap().as_str().unwrap().to_owned();
        text.lines()
            .map(|line| Value::parse(line).unwrap())
            .map(|line| (member(&line, "execution_arn"), member(&line, "id")))
            .collect()
    }

    #[test]
    fn what_is_flushed_is_in_the_file_of_its_group_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let logs = ExecutionLogs::open(Options::new(folder.path().join("logs"))).unwrap();
        assert!(!folder.path().join("logs").exists());
        logs.append(vec![entry("g", "a", 1..4), entry("h", "b", 1..3)]);
        logs.append(vec![entry("g", "c", 1..2), entry("g", "a", 4..6)]);
        assert!(logs.flush(PATIENCE));
        let own = |expected: &[(&str, &str)]| -> Vec<(String, String)> {
            expected.iter().map(|(arn, id)| ((*arn).to_owned(), (*id).to_owned())).collect()
        };
        let folder = folder.path().join("logs");
        let expected = own(&[("a", "1"), ("a", "2"), ("a", "3"), ("c", "1"), ("a", "4"), ("a", "5")]);
        assert_eq!(lines(&folder, "g"), expected);
        assert_eq!(lines(&folder, "h"), own(&[("b", "1"), ("b", "2")]));
        assert_eq!(logs.counts(), Counts { written: 8, dropped: 0 });
    }

    #[test]
    fn lines_are_written_soon_though_nobody_asks() {
        let folder = tempfile::tempdir().unwrap();
        let logs = ExecutionLogs::open(Options::new(folder.path())).unwrap();
        logs.append(vec![entry("g", "a", 1..4)]);
        let began = Instant::now();
        while logs.counts().written < 3 {
            assert!(began.elapsed() < PATIENCE);
            std::thread::yield_now();
        }
        assert_eq!(lines(folder.path(), "g").len(), 3);
    }

    #[test]
    fn what_finds_no_room_is_dropped_and_told_and_holds_nobody_up() {
        let folder = tempfile::tempdir().unwrap();
        let (notices, heard) = mpsc::channel();
        let (let_go, held) = mpsc::channel::<()>();
        let logs = ExecutionLogs::open(Options {
            queue_bytes_max: 10 * EVENT_BYTES,
            on_notice: Arc::new(move |notice| notices.send(notice).unwrap()),
            ..Options::new(folder.path())
        })
        .unwrap();
        let (begins, begun) = mpsc::channel();
        let blocking = Entry {
            history: Box::new(move || {
                begins.send(()).unwrap();
                held.recv().unwrap();
                Vec::new()
            }),
            ..entry("g", "blocks", 1..5)
        };
        logs.append(vec![blocking]);
        begun.recv().unwrap();
        // The thread is held up; there is room for five more events.
        logs.append(vec![entry("g", "a", 1..5), entry("g", "b", 1..4)]);
        logs.append(vec![entry("g", "c", 1..8)]);
        assert_eq!(logs.counts().dropped, 10);
        assert!(!logs.flush(Duration::ZERO));
        let_go.send(()).unwrap();
        assert!(logs.flush(PATIENCE));
        assert_eq!(lines(folder.path(), "g").len(), 4);
        assert_eq!(heard.recv().unwrap(), Notice::Dropped { records: 10 });
        logs.append(vec![entry("g", "larger than the queue", 1..30)]);
        assert!(logs.flush(PATIENCE));
        assert_eq!(lines(folder.path(), "g").len(), 33);
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_told_and_does_not_end_the_logs_of_others() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("123456789012/us-east-1")).unwrap();
        fs::write(folder.path().join("123456789012/us-east-1/bad"), "").unwrap();
        let (notices, heard) = mpsc::channel();
        let logs = ExecutionLogs::open(Options {
            on_notice: Arc::new(move |notice| notices.send(notice).unwrap()),
            ..Options::new(folder.path())
        })
        .unwrap();
        let panics = Entry { history: Box::new(|| panic!("a bug")), ..entry("good", "p", 1..3) };
        logs.append(vec![entry("bad", "a", 1..3), panics, entry("good", "b", 1..3)]);
        assert!(logs.flush(PATIENCE));
        assert_eq!(lines(folder.path(), "good").len(), 2);
        assert_eq!(logs.counts(), Counts { written: 2, dropped: 4 });
        let Notice::NotWritten { folder: told, .. } = heard.recv().unwrap() else { panic!() };
        assert_eq!(told, folder.path().join("123456789012/us-east-1/bad"));
    }

    #[test]
    fn more_groups_than_files_may_be_open_lose_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let logs = ExecutionLogs::open(Options::new(folder.path())).unwrap();
        let groups = 2 * OPEN_GROUPS_MAX + 3;
        for round in 0..2 {
            let ids = 1 + round..2 + round;
            logs.append((0..groups).map(|n| entry(&format!("g{n}"), "a", ids.clone())).collect());
        }
        assert!(logs.flush(PATIENCE));
        for n in 0..groups {
            assert_eq!(lines(folder.path(), &format!("g{n}")).len(), 2);
        }
        assert_eq!(logs.counts(), Counts { written: 2 * groups as u64, dropped: 0 });
    }
}
