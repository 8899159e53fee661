//! How fast the embedded store makes executions durable, beside what the machine can do at all.
//!
//! Each cell is one committer that flushes as fast as it can for a while: 1, 64 or 1,000 executions a
//! flush, each one chunk with a body of 400 incompressible bytes, opened and closed in it. Beside it
//! stands a plain log: the same bytes appended to one file, `fdatasync` after each flush. No durable
//! store that flushes as often is faster than the log, and none flushes more often than the machine's
//! rate of `fdatasync`. Times are of the wall; making the batches is in them, for both alike.
//!
//! Usage: `store [--seconds N] [--parked N] [--sweep N] [--dir DIR] [--json]`. `--parked N` also measures
//! how long it takes to open a store with N parked executions and to visit them; `--sweep N`, how fast
//! N closed executions are removed, alone and beside a committer, and what that costs the committer.
//! All files are in a directory of its own within DIR (by default, that for temporary files), and are
//! deleted after each cell.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use stepwell_model::{EntityId, ExecutionStatus, Timestamp};
use stepwell_store::{Batch, Chunk, ChunkHeader, ListQuery, Opening, Store};
use stepwell_store_sqlite::{SqliteOptions, SqliteStore};

/// The body of an execution, in bytes.
const BODY_BYTES: usize = 400;

/// How many executions go into one flush.
const FLUSHES: [usize; 3] = [1, 64, 1_000];

/// A cell ends early when so much was written, in bytes of bodies.
const CELL_BYTES_MAX: usize = 4 << 30;

/// What is started when the benchmark begins: late 2026.
const START: Timestamp = Timestamp::from_epoch_ms(1_790_000_000_000);

struct Arguments {
    seconds: f64,
    parked: usize,
    sweep: usize,
    dir: PathBuf,
    json: bool,
}

fn main() {
    let Some(arguments) = arguments() else {
        eprintln!("usage: store [--seconds N] [--parked N] [--sweep N] [--dir DIR] [--json]");
        std::process::exit(2);
    };
    match run(&arguments) {
        Ok(()) => (),
        Err(error) => {
            eprintln!("error: {error}");
            std::process::exit(1);
        }
    }
}

fn arguments() -> Option<Arguments> {
    let mut arguments =
        Arguments { seconds: 3.0, parked: 0, sweep: 0, dir: std::env::temp_dir(), json: false };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--seconds" => arguments.seconds = words.next()?.parse().ok().filter(|seconds| *seconds > 0.0)?,
            "--parked" => arguments.parked = words.next()?.parse().ok()?,
            "--sweep" => arguments.sweep = words.next()?.parse().ok()?,
            "--dir" => arguments.dir = words.next()?.into(),
            "--json" => arguments.json = true,
            _ => return None,
        }
    }
    Some(arguments)
}

fn run(arguments: &Arguments) -> io::Result<()> {
    let dir = tempfile::Builder::new().prefix("stepwell-bench-").tempdir_in(&arguments.dir)?;
    let time = Duration::from_secs_f64(arguments.seconds);
    let json = arguments.json;

    let syncs_per_second = measure_fdatasync(&dir.path().join("sync"), time.min(Duration::from_secs(2)))?;
    if json {
        println!("{{\"fdatasyncs_per_second\":{syncs_per_second:.0}}}");
    } else {
        println!("fdatasync of a 4 KiB append: {syncs_per_second:.0} per second\n");
        println!(
            "{:<26} {:>7} {:>13} {:>10} {:>10} {:>10} {:>9}",
            "store", "a flush", "executions/s", "p50 ms", "p99 ms", "max ms", "WAL MiB"
        );
    }
    let print = |cell: Cell| cell.print(json);
    for count in FLUSHES {
        print(measure_log(dir.path(), count, time)?);
        print(measure_sqlite(dir.path(), count, time, Load::Unnamed)?);
        print(measure_sqlite(dir.path(), count, time, Load::Named)?);
    }
    print(measure_sqlite(dir.path(), 1_000, time, Load::WithReaders)?);
    if arguments.parked > 0 {
        measure_parked(dir.path(), arguments.parked, json)?;
    }
    if arguments.sweep > 0 {
        for load in [Load::Unnamed, Load::Named] {
            measure_sweep(dir.path(), arguments.sweep, time, load, json)?;
        }
    }
    Ok(())
}

/// What a cell came to.
struct Cell {
    store: &'static str,
    count: usize,
    flushes: Vec<Duration>,
    wall: Duration,
    wal_bytes_max: u64,
    reads: u64,
}

impl Cell {
    fn print(mut self, json: bool) {
        self.flushes.sort();
        let at = |share: f64| {
            let index = ((self.flushes.len() as f64 * share) as usize).min(self.flushes.len() - 1);
            self.flushes[index].as_secs_f64() * 1e3
        };
        let rate = (self.flushes.len() * self.count) as f64 / self.wall.as_secs_f64();
        let (store, count, wal, reads) = (self.store, self.count, self.wal_bytes_max, self.reads);
        let (p50, p99, max) = (at(0.5), at(0.99), at(1.0));
        if json {
            println!(
                "{{\"store\":\"{store}\",\"executions_per_flush\":{count},\"executions_per_second\":{rate:.0},\
                 \"p50_ms\":{p50:.3},\"p99_ms\":{p99:.3},\"max_ms\":{max:.3},\"wal_bytes_max\":{wal},\"reads\":{reads}}}"
            );
        } else {
            let wal = wal as f64 / f64::from(1 << 20);
            println!("{store:<26} {count:>7} {rate:>13.0} {p50:>10.2} {p99:>10.2} {max:>10.2} {wal:>9.1}");
            if reads > 0 {
                println!("    and {:.0} reads per second beside it", reads as f64 / self.wall.as_secs_f64());
            }
        }
    }
}

fn measure_fdatasync(path: &Path, time: Duration) -> io::Result<f64> {
    let mut file = File::create_new(path)?;
    let start = Instant::now();
    let mut syncs = 0;
    while start.elapsed() < time {
        file.write_all(&[7; 4096])?;
        file.sync_data()?;
        syncs += 1;
    }
    let rate = f64::from(syncs) / start.elapsed().as_secs_f64();
    std::fs::remove_file(path)?;
    Ok(rate)
}

/// Flushes until the time is up; gives the time of each flush and of the whole.
fn flush_for(
    time: Duration,
    count: usize,
    load: Load,
    mut flush: impl FnMut(&Batch) -> io::Result<()>,
) -> io::Result<(Vec<Duration>, Duration)> {
    let mut executions = Executions::new(load);
    let mut flushes = Vec::new();
    let start = Instant::now();
    while start.elapsed() < time && flushes.len() * count * BODY_BYTES < CELL_BYTES_MAX {
        let batch = executions.batch(count, start.elapsed());
        let before = Instant::now();
        flush(&batch)?;
        flushes.push(before.elapsed());
    }
    Ok((flushes, start.elapsed()))
}

fn measure_log(dir: &Path, count: usize, time: Duration) -> io::Result<Cell> {
    let path = dir.join("log");
    let mut file = File::create_new(&path)?;
    let mut bytes = Vec::new();
    let (flushes, wall) = flush_for(time, count, Load::Unnamed, |batch| {
        bytes.clear();
        for chunk in &batch.chunks {
            bytes.extend_from_slice(&chunk.encode_header());
            bytes.extend_from_slice(&chunk.body);
        }
        file.write_all(&bytes)?;
        file.sync_data()
    })?;
    std::fs::remove_file(path)?;
    Ok(Cell { store: "plain log", count, flushes, wall, wal_bytes_max: 0, reads: 0 })
}

fn measure_sqlite(dir: &Path, count: usize, time: Duration, load: Load) -> io::Result<Cell> {
    let dir = dir.join("sqlite");
    let wal = dir.join("stepwell.db-wal");
    let store = SqliteStore::open(&dir, SqliteOptions::default()).map_err(io::Error::other)?;
    let (ended, row, reads) = (AtomicBool::new(false), AtomicU64::new(0), AtomicU64::new(0));

    let measured = std::thread::scope(|scope| {
        for reader in 0..if load == Load::WithReaders { 2 } else { 0 } {
            let (store, ended, row, reads) = (&store, &ended, &row, &reads);
            scope.spawn(move || {
                let mut random = Random(0x9e37 + reader);
                while !ended.load(Ordering::Relaxed) {
                    let last = row.load(Ordering::Acquire).max(1);
                    let asked = 1 + random.next() % last;
                    let found = store.chunks(entity(asked)).expect("the store can be read");
                    assert!(found.len() == 1 || last == 1, "an execution that was committed is found");
                    let list = ListQuery {
                        machine: 1,
                        version: None,
                        alias: None,
                        status: None,
                        after: None,
                        limit: 100,
                    };
                    store.executions(&list).expect("the store can be read");
                    reads.fetch_add(2, Ordering::Relaxed);
                }
            });
        }
        let measured = flush_for(time, count, load, |batch| {
            store.commit(batch).map_err(io::Error::other)?;
            row.fetch_add(count as u64, Ordering::Release);
            Ok(())
        });
        ended.store(true, Ordering::Relaxed);
        measured
    });
    // The file is as long as the log ever was; only above 96 MiB is it cut, so one that was longer for a moment may hide.
    let wal_bytes_max = std::fs::metadata(&wal)?.len();
    let (flushes, wall) = measured?;
    drop(store);
    std::fs::remove_dir_all(dir)?;
    let store = match load {
        Load::Unnamed => "sqlite, generated names",
        Load::Named => "sqlite, names of users",
        Load::WithReaders => "sqlite, beside two readers",
    };
    Ok(Cell { store, count, flushes, wall, wal_bytes_max, reads: reads.into_inner() })
}

/// Fills a store with executions that wait, and measures what a start has to do.
fn measure_parked(dir: &Path, parked: usize, json: bool) -> io::Result<()> {
    let dir = dir.join("parked");
    let open = || SqliteStore::open(&dir, SqliteOptions::default()).map_err(io::Error::other);
    let store = open()?;
    let mut executions = Executions::new(Load::Unnamed);
    let mut left = parked;
    while left > 0 {
        let mut batch = executions.batch(left.min(1_000), Duration::ZERO);
        for (at, chunk) in batch.chunks.iter_mut().enumerate() {
            chunk.header.status = ExecutionStatus::Running;
            chunk.header.next_due = Some(START.after_seconds(3_600 + at as u64));
            chunk.header.parked = true;
        }
        store.commit(&batch).map_err(io::Error::other)?;
        left -= batch.chunks.len();
    }
    drop(store);

    let start = Instant::now();
    let store = open()?;
    let opened = start.elapsed().as_secs_f64();
    let mut visited = 0;
    store
        .open_executions(&mut |execution| visited += usize::from(execution.parked))
        .map_err(io::Error::other)?;
    let visit = start.elapsed().as_secs_f64() - opened;
    store.high_marks().map_err(io::Error::other)?;
    let marks = start.elapsed().as_secs_f64() - opened - visit;
    assert_eq!(visited, parked, "each is visited once");
    if json {
        println!(
            "{{\"parked\":{parked},\"open_seconds\":{opened:.3},\"visit_seconds\":{visit:.3},\"high_marks_seconds\":{marks:.3}}}"
        );
    } else {
        println!(
            "\n{parked} parked executions: opened in {opened:.3} s, visited in {visit:.3} s, high marks in {marks:.3} s"
        );
    }
    Ok(())
}

/// Fills a store with closed executions, and removes half of them alone and half beside a committer,
/// as the engine does: 512 at once, then a pause as long as that took.
fn measure_sweep(dir: &Path, count: usize, time: Duration, load: Load, json: bool) -> io::Result<()> {
    let dir = dir.join("sweep");
    let store = SqliteStore::open(&dir, SqliteOptions::default()).map_err(io::Error::other)?;
    let mut executions = Executions::new(load);
    let day = Duration::from_secs(24 * 60 * 60);
    let mut filled = 0;
    while filled < count {
        // A flush a millisecond; the second half is a day younger.
        let since_start = if filled < count / 2 { Duration::ZERO } else { day };
        let since_start = since_start + Duration::from_millis(filled as u64 / 1_000);
        store.commit(&executions.batch(1_000, since_start)).map_err(io::Error::other)?;
        filled += 1_000;
    }
    let query = ListQuery { machine: 1, version: None, alias: None, status: None, after: None, limit: 100 };
    let page = Instant::now();
    store.executions(&query).map_err(io::Error::other)?;
    let page = page.elapsed();

    let sweep = |before: Timestamp| -> io::Result<(u64, Duration, Duration)> {
        let (start, mut rows, mut longest) = (Instant::now(), 0, Duration::ZERO);
        loop {
            let began = Instant::now();
            let swept = store.sweep(before, 512).map_err(io::Error::other)?;
            let took = began.elapsed();
            rows += swept.rows;
            longest = longest.max(took);
            if !swept.more {
                return Ok((rows, start.elapsed(), longest));
            }
            std::thread::sleep(took);
        }
    };
    let (rows, took, longest) = sweep(START.after(day / 2))?;
    let alone = rows as f64 / took.as_secs_f64();

    let commit =
        |executions: &mut Executions, until: &dyn Fn(Duration) -> bool| -> io::Result<Vec<Duration>> {
            let (start, mut flushes) = (Instant::now(), Vec::new());
            while !until(start.elapsed()) {
                let batch = executions.batch(64, day * 2);
                let before = Instant::now();
                store.commit(&batch).map_err(io::Error::other)?;
                flushes.push(before.elapsed());
            }
            flushes.sort();
            Ok(flushes)
        };
    let without = commit(&mut executions, &|since| since >= time)?;
    let ended = AtomicBool::new(false);
    let (with, (rows, took, longest_beside)) = std::thread::scope(|scope| {
        let sweeper = scope.spawn(|| {
            let swept = sweep(START.after(day + day / 2));
            ended.store(true, Ordering::Relaxed);
            swept
        });
        let with = commit(&mut executions, &|_| ended.load(Ordering::Relaxed));
        let swept = sweeper.join().expect("the sweep does not panic");
        Ok::<_, io::Error>((with?, swept?))
    })?;
    let beside = rows as f64 / took.as_secs_f64();
    let at = |flushes: &[Duration], share: f64| {
        let index = ((flushes.len() as f64 * share) as usize).min(flushes.len() - 1);
        flushes[index].as_secs_f64() * 1e3
    };
    let figures = [&without, &with].map(|flushes| [0.5, 0.99, 0.999, 1.0].map(|share| at(flushes, share)));
    let rate = |flushes: &[Duration]| {
        64.0 * flushes.len() as f64 / flushes.iter().map(Duration::as_secs_f64).sum::<f64>()
    };
    let names = if load == Load::Named { "of users" } else { "generated" };
    if json {
        println!(
            "{{\"swept\":{count},\"names\":\"{names}\",\"alone_per_second\":{alone:.0},\"beside_per_second\":{beside:.0},\
             \"slice_max_ms\":{:.3},\"commit_without_ms\":{:?},\"commit_with_ms\":{:?},\"list_page_ms\":{:.3}}}",
            longest.max(longest_beside).as_secs_f64() * 1e3,
            figures[0],
            figures[1],
            page.as_secs_f64() * 1e3,
        );
    } else {
        let [without_ms, with_ms] = figures.map(|ms| ms.map(|ms| format!("{ms:.2}")).join(", "));
        println!(
            "\n{count} closed executions, names {names}: swept {alone:.0} per second alone, {beside:.0} beside a committer;\n\
             longest slice {:.1} ms alone, {:.1} ms beside; commits of 64 in ms (p50, p99, p99.9, max): without {without_ms}, with {with_ms};\n\
             executions per second of the committer: {:.0} without, {:.0} with; a page of 100 in {:.2} ms",
            longest.as_secs_f64() * 1e3,
            longest_beside.as_secs_f64() * 1e3,
            rate(&without),
            rate(&with),
            page.as_secs_f64() * 1e3,
        );
    }
    drop(store);
    std::fs::remove_dir_all(dir)
}

/// What the executions of a cell are like, and what goes on beside it.
#[derive(Clone, Copy, PartialEq)]
enum Load {
    /// Names that we generated, which need no index.
    Unnamed,
    /// Names that users chose: one row more each, at a random place of an index.
    Named,
    /// As `Unnamed`, with two threads that look up and list as fast as they can.
    WithReaders,
}

/// A small generator (xorshift64): what it makes does not compress, and repeats from run to run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

/// The execution that begins at `row`: spread over all partitions.
fn entity(row: u64) -> EntityId {
    EntityId { partition: row.wrapping_mul(167) as u8, number: 1 + (row >> 8) }
}

/// Makes executions, one after the other.
struct Executions {
    row: u64,
    load: Load,
    random: Random,
}

impl Executions {
    fn new(load: Load) -> Executions {
        Executions { row: 0, load, random: Random(88_172_645_463_325_252) }
    }

    fn batch(&mut self, count: usize, since_start: Duration) -> Batch {
        let at = START.after(since_start);
        Batch { chunks: (0..count).map(|_| self.chunk(at)).collect(), ..Default::default() }
    }

    fn chunk(&mut self, at: Timestamp) -> Chunk {
        self.row += 1;
        let mut body = [0; BODY_BYTES];
        for word in body.chunks_exact_mut(8) {
            word.copy_from_slice(&self.random.next().to_le_bytes());
        }
        let name = u128::from(self.random.next()) << 64 | u128::from(self.random.next());
        Chunk {
            header: ChunkHeader {
                parent: None,
                entity: entity(self.row),
                row: self.row,
                previous_row: 0,
                first_event_id: 1,
                last_event_id: 5,
                at,
                opening: Some(Opening {
                    machine: 1,
                    revision: 1,
                    // As long as a UUID.
                    name: format!("{name:036x}").into(),
                    name_key: (self.load == Load::Named).then(|| name.to_le_bytes()),
                    started_at: at,
                    version: None,
                    alias: None,
                    trace_header: None,
                }),
                status: ExecutionStatus::Succeeded,
                next_due: None,
                parked: false,
                redrives: None,
            },
            body: Arc::from(&body[..]),
        }
    }
}
