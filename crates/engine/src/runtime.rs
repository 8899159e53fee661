//! The threads: one for each shard, those of the compute pool, one that commits, one that sweeps, one that keeps
//! counts.

use std::collections::VecDeque;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use crate::clock::Clock;
use crate::committer::{self, CommitQueue, Submission};
use crate::commons::Commons;
use crate::mailbox::{Appetite, Mailbox};
use crate::metrics::keeper;
use crate::pool::{self, Pool};
use crate::requests::EngineError;
use crate::retention::{self, Chore, Stopper};
use crate::shard::{LENT_MAX, Shard};

/// How many turns of a shard may wait for their commit: the shard goes on deciding that far ahead.
const TURNS_IN_FLIGHT_MAX: usize = 32;

/// How many answers and effects may wait for their commits before a shard hears nothing more; two turns
/// may in any case. Together with what may wait in a mailbox this bounds what callers have under way.
const RELEASES_IN_FLIGHT_MAX: usize = 4_096;

/// How long a shard sleeps at most while a timer is set: the clock may be put forward meanwhile.
const SLEEP_MAX: Duration = Duration::from_secs(1);

/// The body of a thread that ends when it is told to.
type Body = fn(&Wires, &Stopper);

/// What takes its time, each in a thread of its own.
const CHORES: [(&str, Body); 2] = [("retention", retention::run), ("metrics", keeper::run)];

/// The threads, and what they share. Dropping it ends them: what was handed to the committer is
/// still written.
pub(crate) struct Runtime {
    pub(crate) wires: Arc<Wires>,
    threads: Vec<JoinHandle<()>>,
    chores: Vec<Chore>,
}

/// How to reach the threads.
pub(crate) struct Wires {
    pub(crate) commons: Arc<Commons>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) mailboxes: Vec<Arc<Mailbox>>,
    pub(crate) commits: CommitQueue,
    pub(crate) pool: Pool,
}

impl Runtime {
    pub(crate) fn start(
        commons: Arc<Commons>,
        shards: Vec<Shard>,
        clock: Arc<dyn Clock>,
    ) -> Result<Runtime, EngineError> {
        let calls_max = commons.options.limits.waiting_calls_max;
        let mailboxes = shards.iter().map(|_| Arc::new(Mailbox::new(calls_max))).collect();
        let wires =
            Arc::new(Wires { commons, clock, mailboxes, commits: CommitQueue::new(), pool: Pool::new() });
        let mut runtime = Runtime { wires: wires.clone(), threads: Vec::new(), chores: Vec::new() };
        for (index, shard) in shards.into_iter().enumerate() {
            let wires = wires.clone();
            runtime.spawn(format!("shard-{index}"), move || drive(index, shard, &wires))?;
        }
        for index in 0..LENT_MAX * wires.mailboxes.len() {
            let wires = wires.clone();
            runtime.spawn(format!("compute-{index}"), move || {
                let _guard = StopOnPanic { wires: &wires, who: "the compute pool" };
                pool::run(&wires.pool, &wires.mailboxes);
            })?;
        }
        runtime.spawn("committer".to_owned(), move || {
            let _guard = StopOnPanic { wires: &wires, who: "the committer" };
            committer::run(&wires.commons, &wires.commits, &wires.mailboxes);
        })?;
        for (name, body) in CHORES {
            runtime.chores.push(Chore::start(&runtime.wires, name, body).map_err(no_thread)?);
        }
        Ok(runtime)
    }

    fn spawn(&mut self, name: String, body: impl FnOnce() + Send + 'static) -> Result<(), EngineError> {
        let thread = std::thread::Builder::new().name(name).spawn(body);
        self.threads.push(thread.map_err(no_thread)?);
        Ok(())
    }
}

fn no_thread(error: std::io::Error) -> EngineError {
    EngineError::Stopped(format!("a thread cannot be started: {error}"))
}

impl Drop for Runtime {
    fn drop(&mut self) {
        self.wires.commons.changes.end();
        self.chores.iter().for_each(Chore::stop);
        for mailbox in &self.wires.mailboxes {
            mailbox.close();
        }
        self.wires.pool.close();
        let committer = self.threads.pop();
        let own = std::thread::current().id();
        for thread in self.threads.drain(..).filter(|thread| thread.thread().id() != own) {
            // A shard that panicked has said so; there is nothing to add.
            let _ = thread.join();
        }
        self.wires.commits.close();
        if let Some(committer) = committer.filter(|thread| thread.thread().id() != own) {
            let _ = committer.join();
        }
        // Whatever they waited for in a shard or the committer has been dropped by now.
        self.chores.iter_mut().for_each(Chore::join);
        self.wires.commons.dispatcher().drop_pollers();
    }
}

/// The thread of a shard.
fn drive(index: usize, mut shard: Shard, wires: &Wires) {
    let mailbox = &wires.mailboxes[index];
    // The turns, and how much each lets out.
    let mut in_flight: VecDeque<(u64, usize)> = VecDeque::new();
    let mut releases = 0;
    let mut committed = 0;
    let mut messages = VecDeque::new();
    // If this thread ends by a panic, the engine must not look alive.
    let _guard = StopOnPanic { wires, who: "a shard" };
    loop {
        let is_ahead = in_flight.len() >= TURNS_IN_FLIGHT_MAX
            || in_flight.len() >= 2 && releases >= RELEASES_IN_FLIGHT_MAX;
        let pause = match shard.next_wake() {
            _ if is_ahead => None,
            _ if shard.has_work() => Some(Duration::ZERO),
            Some(wake) => Some(wake.since(wires.clock.now()).min(SLEEP_MAX)),
            None => None,
        };
        let appetite = match in_flight.is_empty() {
            _ if is_ahead || shard.is_behind() => Appetite::None,
            true => Appetite::Any,
            false => Appetite::Patient,
        };
        let mail = mailbox.take(&mut messages, committed, pause, appetite);
        if mail.closed {
            return;
        }
        if mail.committed > committed {
            committed = mail.committed;
            while let Some((_, count)) = in_flight.pop_front_if(|(turn, _)| *turn <= committed) {
                releases -= count;
            }
            shard.committed(committed);
        }
        if is_ahead {
            continue;
        }
        let now = wires.clock.now();
        let is_due = shard.next_wake().is_some_and(|wake| wake <= now);
        if messages.is_empty() && !shard.has_work() && !is_due {
            continue;
        }
        let mut turn = shard.turn(messages.drain(..), now);
        for release in turn.at_once.drain(..) {
            if let Some(effect) = release.answer() {
                committer::perform(&wires.commons, effect, &wires.mailboxes);
            }
        }
        for (to, message) in turn.posts.drain(..) {
            wires.mailboxes[to].tell(message);
        }
        wires.pool.lend(index, std::mem::take(&mut turn.loans));
        if !turn.is_empty() {
            in_flight.push_back((turn.number, turn.releases.len()));
            releases += turn.releases.len();
            wires.commits.submit(Submission::Turn(index, Box::new(turn)));
        }
    }
}

struct StopOnPanic<'a> {
    wires: &'a Wires,
    who: &'static str,
}

impl Drop for StopOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.wires.commons.stop_all(format!("{} panicked", self.who));
            for mailbox in &self.wires.mailboxes {
                mailbox.close();
            }
            self.wires.commits.abandon();
        }
    }
}
