//! Where the server's time goes under W1 with many in flight: `perf` samples the processor's clock.
//!
//! Samples in the kernel are told by the functions on the stack: the network, the disk, waiting for
//! other threads. Those outside are told by part of the program. A second table is by thread.

use std::collections::HashMap;
use std::io;
use std::process::{Command, Stdio};

use stepwell_bench::chain;
use stepwell_bench::client::{self, Plan};
use stepwell_bench::report::short;
use stepwell_bench::server::Server;

use crate::parts::{self, DISK, INTERRUPTS, KERNEL, NETWORK, OTHER_CALLS, THREADS};
use crate::setting::{MANY, Setting, Table, check_ended, start_body};

/// Samples in a second of each processor.
const SAMPLES_PER_SECOND: &str = "997";

/// Where the time of W1 goes.
pub fn profile(setting: &mut Setting) -> io::Result<()> {
    let in_flight = setting.options.in_flight.first().copied().unwrap_or(MANY);
    let folder = setting.options.folder.clone();
    stepwell_bench::new_folder(&folder)?;
    let server = Server::start(&setting.options.profiled, &folder.join("data"))?;
    let machine = server.create_machine("Load", "STANDARD", &chain(1))?;
    let samples = folder.join("perf.data");
    let mut perf = Command::new("perf")
        .args(["record", "--quiet", "-e", "cpu-clock", "-g", "-F", SAMPLES_PER_SECOND, "-p"])
        .arg(server.process_id().to_string())
        .arg("-o")
        .arg(&samples)
        .stdout(Stdio::null())
        .spawn()?;
    let outcome = client::drive(Plan {
        address: server.address,
        in_flight,
        time: setting.options.time,
        requests_max: u64::MAX,
        request: &mut |n, out| client::put_request("StartExecution", &start_body(&machine, n), out),
    })?;
    // It writes its file when it is interrupted, and says so with its status.
    Command::new("kill").args(["-INT", &perf.id().to_string()]).status()?;
    perf.wait()?;
    server.wait_closed(outcome.accepted)?;
    check_ended(&server, &machine, outcome.accepted)?;
    let script = Command::new("perf")
        .args(["script", "-F", "comm,ip,sym,dso", "-i"])
        .arg(&samples)
        .stderr(Stdio::null())
        .output()?;
    let (costs, threads) = read(&String::from_utf8_lossy(&script.stdout));
    let all: f64 = threads.values().sum();
    if all == 0.0 {
        return Err(io::Error::other("perf took no samples"));
    }
    let title = format!(
        "Processor time of the server, W1 with {in_flight} in flight, at {} starts/s",
        short(outcome.per_second())
    );
    let [by_part, functions] = parts::tables(&title, "samples", &costs, 1.0);
    let mut rows: Vec<(String, f64)> = threads.into_iter().collect();
    rows.sort_by(|one, other| other.1.total_cmp(&one.1));
    let row = |(name, cost): (String, f64)| vec![name, short(cost), format!("{:.1} %", 100.0 * cost / all)];
    let head = vec!["thread".to_owned(), "samples".to_owned(), "share".to_owned()];
    let by_thread = Table {
        title: format!("{title}, by thread"),
        lines: std::iter::once(head).chain(rows.into_iter().map(row)).collect(),
    };
    setting.tables.extend([by_part, by_thread, functions]);
    Ok(())
}

/// Counts samples by function and object, and by thread. A sample is a line with the thread's name,
/// then one for each frame, the innermost first, then an empty one.
fn read(script: &str) -> (HashMap<(String, String), f64>, HashMap<String, f64>) {
    let (mut costs, mut threads) = (HashMap::new(), HashMap::new());
    for sample in script.split("\n\n") {
        let mut lines = sample.lines().filter(|line| !line.trim().is_empty());
        let Some(thread) = lines.next() else { continue };
        let frames: Vec<(&str, &str)> = lines.filter_map(frame).collect();
        let Some(&(name, object)) = frames.first() else { continue };
        let at = if object.contains("kernel") {
            (kernel(&frames).to_owned(), KERNEL.to_owned())
        } else {
            (name.to_owned(), object.to_owned())
        };
        *costs.entry(at).or_default() += 1.0;
        // Threads of a pool differ in a number at the end.
        let thread = thread.trim().trim_end_matches(|last: char| last.is_ascii_digit() || last == '-');
        *threads.entry(thread.to_owned()).or_default() += 1.0;
    }
    (costs, threads)
}

/// A frame: the address, the function, and the file in brackets.
fn frame(line: &str) -> Option<(&str, &str)> {
    let (_, rest) = line.trim().split_once(' ')?;
    let (name, object) = rest.rsplit_once(" (")?;
    Some((name, object.trim_end_matches(')')))
}

/// What a stack in the kernel is about, by the functions on it. Some calls have no frame of their own,
/// so the kernel's own functions count as well as the names of calls.
fn kernel(frames: &[(&str, &str)]) -> &'static str {
    const MARKS: [(&str, &[&str]); 4] = [
        (NETWORK, &["tcp_", "sock_", "writev", "recv", "send", "epoll", "net_rx", "accept"]),
        (DISK, &["ext4", "blk_", "fsync", "fdatasync", "pwrite", "pread", "jbd2", "fallocate"]),
        (THREADS, &["futex", "schedule", "sched_yield", "eventfd", "nanosleep", "rseq"]),
        (INTERRUPTS, &["exc_page_fault", "sysvec", "irq"]),
    ];
    let has = |marks: &[&str]| frames.iter().any(|(name, _)| marks.iter().any(|mark| name.contains(mark)));
    MARKS.iter().find(|(_, marks)| has(marks)).map_or(OTHER_CALLS, |(about, _)| about)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_in_the_kernel_is_told_by_its_call() {
        let script = "shard-0\n\t ffffffff81 tcp_sendmsg ([kernel.kallsyms])\n\t ffffffff82 __x64_sys_sendto ([kernel.kallsyms])\n\
                      \t 7f01 __send (/lib/libc.so.6)\n\nshard-1\n\t 55aa stepwell_asl::decide (/bin/stepwell)\n\n";
        let (costs, threads) = read(script);
        assert_eq!(costs[&(NETWORK.to_owned(), KERNEL.to_owned())], 1.0);
        assert_eq!(costs[&("stepwell_asl::decide".to_owned(), "/bin/stepwell".to_owned())], 1.0);
        assert_eq!(threads["shard"], 2.0);
    }
}
