//! Shards without threads and without a clock, over a store in memory, with an integration that
//! does what the test says.

#![allow(dead_code, reason = "each test file uses its part")]

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use stepwell_engine::*;
use stepwell_model::{Failure, Limits, MachineType, Resource, TaskRef, Timestamp};
use stepwell_store::{Batch, MemoryStore, Store};
use stepwell_task::{Done, Integration, Target, TaskOutcome, TaskRequest};
use stepwell_value::Payload;
use tokio::sync::oneshot;

/// Knows `lambda` and `sqs`, functions by ARN, nothing else. It never does anything: the test does.
pub struct Script {
    pub slots: usize,
    pub idempotent: bool,
}

impl Integration for Script {
    fn target(&self, request: &TaskRequest) -> Option<Result<Target, Failure>> {
        let name = match &request.resource {
            Resource::Service { service, .. } if matches!(&**service, "lambda" | "sqs") => service.clone(),
            Resource::LambdaFunction { arn } if arn.ends_with("refused") => {
                return Some(Err(Failure::new("Lambda.ResourceNotFoundException", "no such function")));
            }
            Resource::LambdaFunction { arn } => arn.clone(),
            Resource::Service { .. } | Resource::Activity { .. } => return None,
        };
        Some(Ok(Target { name, slots: self.slots, idempotent: self.idempotent }))
    }

    fn start(&self, _request: TaskRequest, _done: Done) {}

    fn cancel(&self, _task: TaskRef) {}
}

/// What was let out to the integration.
#[derive(Debug, Clone)]
pub enum Sent {
    Run(TaskRequest),
    Cancel(TaskRef),
}

pub struct Driver {
    pub store: Arc<MemoryStore>,
    pub commons: Arc<Commons>,
    pub shards: Vec<Shard>,
    pub now: Timestamp,
    pub sent: VecDeque<Sent>,
    pub commits: usize,
    pub slots: usize,
    pub idempotent: bool,
    pub resident_max: usize,
    /// Of Express executions that callers wait for.
    pub ended: Vec<ExpressEnded>,
    /// Dies at this commit: before or after what it releases is let out.
    pub dies_at: Option<(usize, Dies)>,
    pub is_dead: bool,
    /// In force from the next crash on.
    pub limits: Limits,
    /// Whether what is lent stays away, until `give_back`.
    pub holds_loans: bool,
    pub loans: Vec<(usize, Loan)>,
    /// How many milliseconds go by between two looks at the stopwatch.
    pub looks: Arc<AtomicU64>,
    inbox: Vec<Vec<Message>>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Dies {
    BeforeRelease,
    AfterRelease,
}

pub type Heard<T> = oneshot::Receiver<Result<T, EngineError>>;

impl Driver {
    pub fn new() -> Driver {
        Driver::with(4, false, 100)
    }

    pub fn with(slots: usize, idempotent: bool, resident_max: usize) -> Driver {
        let store = Arc::new(MemoryStore::new([9; 32]));
        let now = Timestamp::from_epoch_ms(1_000_000);
        let limits = Limits::default();
        let looks = Arc::new(AtomicU64::new(0));
        let (commons, shards) = open(&store, slots, idempotent, resident_max, limits, now, &looks);
        let inbox = shards.iter().map(|_| Vec::new()).collect();
        let sent = VecDeque::new();
        Driver {
            store,
            commons,
            shards,
            now,
            sent,
            commits: 0,
            slots,
            idempotent,
            resident_max,
            ended: Vec::new(),
            dies_at: None,
            is_dead: false,
            limits,
            holds_loans: false,
            loans: Vec::new(),
            looks,
            inbox,
        }
    }

    /// Forgets everything but the store, and begins anew.
    pub fn crash(&mut self) {
        self.begin_anew();
        self.run();
    }

    /// Forgets everything but the store; the new shards have had no turn yet.
    pub fn begin_anew(&mut self) {
        self.store.reopen();
        let Driver { store, slots, idempotent, resident_max, limits, now, looks, .. } = self;
        (self.commons, self.shards) = open(store, *slots, *idempotent, *resident_max, *limits, *now, looks);
        self.inbox = self.shards.iter().map(|_| Vec::new()).collect();
        self.sent.clear();
        self.loans.clear();
        self.is_dead = false;
        self.dies_at = None;
    }

    pub fn put(&mut self, (shard, message): (usize, Message)) {
        self.inbox[shard].push(message);
    }

    /// Turns until there is nothing to do.
    pub fn run(&mut self) {
        loop {
            let mut idle = true;
            for index in 0..self.shards.len() {
                let messages = std::mem::take(&mut self.inbox[index]);
                let shard = &mut self.shards[index];
                let is_due = shard.next_wake().is_some_and(|wake| wake <= self.now);
                if messages.is_empty() && !shard.has_work() && !is_due {
                    continue;
                }
                idle = false;
                let turn = shard.turn(messages, self.now);
                self.finish(index, turn);
                if self.is_dead {
                    return;
                }
            }
            if idle {
                return;
            }
        }
    }

    /// Decides what is lent, and gives it back.
    pub fn give_back(&mut self) {
        for (index, mut loan) in std::mem::take(&mut self.loans) {
            let stopwatch = stopwatch(&self.looks);
            loan.decide(&*stopwatch);
            self.put((index, Message::Returned(Box::new(loan))));
        }
    }

    fn finish(&mut self, index: usize, mut turn: Turn) {
        self.loans.extend(turn.loans.drain(..).map(|loan| (index, loan)));
        if !self.holds_loans {
            self.give_back();
        }
        for release in turn.at_once.drain(..) {
            self.let_out(release);
        }
        for (to, message) in turn.posts.drain(..) {
            self.inbox[to].push(message);
        }
        if !turn.chunks.is_empty() {
            let batch = Batch { chunks: turn.chunks, snapshots: turn.snapshots, ..Batch::default() };
            self.store.commit(&batch).unwrap();
            self.commits += 1;
            self.is_dead = self.dies_at == Some((self.commits, Dies::BeforeRelease));
            if self.is_dead {
                return;
            }
        }
        for release in turn.releases {
            self.let_out(release);
        }
        self.is_dead = self.dies_at == Some((self.commits, Dies::AfterRelease));
        self.shards[index].committed(turn.number);
    }

    fn let_out(&mut self, release: Release) {
        if let Release::ExpressEnded(_, Ok(ended)) = &release {
            self.ended.push(ended.clone());
        }
        match release.answer() {
            Some(Release::RunTask { request, .. }) => self.sent.push_back(Sent::Run(request)),
            Some(Release::CancelTask { task, .. }) => self.sent.push_back(Sent::Cancel(task)),
            Some(Release::Tell(partition, message)) => {
                let shard = self.commons.shard_of(partition);
                self.inbox[shard].push(message);
            }
            _ => (),
        }
    }

    pub fn pass(&mut self, time: Duration) {
        self.now = self.now.after(time);
        self.run();
    }

    pub fn machine(&mut self, name: &str, definition: &str) -> MachineKey {
        self.machine_of(MachineType::Standard, name, definition)
    }

    pub fn machine_of(&mut self, machine_type: MachineType, name: &str, definition: &str) -> MachineKey {
        let key = MachineKey { place: place(), name: name.into() };
        let request = CreateMachine {
            key: key.clone(),
            machine_type,
            definition: definition.into(),
            role_arn: "arn:aws:iam::123456789012:role/r".into(),
            logging: None,
            tracing: None,
            encryption: Encryption::AwsOwnedKey,
            publish: None,
            tags: Tags::default(),
        };
        let plan = self.commons.catalogue().plan_create(request, self.now).unwrap();
        self.keep(plan);
        key
    }

    pub fn activity(&mut self, name: &str) {
        let key = ActivityKey { place: place(), name: name.into() };
        let request = CreateActivity { key, encryption: Encryption::AwsOwnedKey, tags: Tags::default() };
        let plan = self.commons.catalogue().plan_activity(request, self.now).unwrap();
        self.keep(plan);
    }

    pub fn keep<T>(&mut self, plan: Plan<T>) -> T {
        match plan {
            Plan::Nothing(answer) => answer,
            Plan::Change(change, answer) => {
                self.store.commit(&Batch { catalogue: change.writes(), ..Default::default() }).unwrap();
                self.commons.catalogue_mut().apply(change);
                answer
            }
        }
    }

    pub fn start(
        &mut self,
        machine: &MachineKey,
        name: Option<&str>,
        input: &str,
    ) -> Result<ExecutionStarted, EngineError> {
        let mut heard = self.ask_start(machine, name, input)?;
        self.run();
        heard.try_recv().expect("it is answered")
    }

    pub fn ask_start(
        &mut self,
        machine: &MachineKey,
        name: Option<&str>,
        input: &str,
    ) -> Result<Heard<ExecutionStarted>, EngineError> {
        let (reply, heard) = oneshot::channel();
        let input = Payload::parse(input).unwrap();
        let request = StartExecution {
            machine: machine.clone(),
            qualifier: None,
            name: name.map(Arc::from),
            input,
            trace_header: None,
        };
        let call = self.commons.start(request, reply)?;
        self.put(call);
        Ok(heard)
    }

    /// Starts an Express execution durably.
    pub fn start_express(&mut self, machine: &MachineKey, input: &str) -> ExpressKey {
        let (key, mut heard) = self.ask_express(machine, input);
        self.run();
        if !self.is_dead {
            heard.try_recv().expect("it is answered").unwrap();
        }
        key
    }

    pub fn ask_express(
        &mut self,
        machine: &MachineKey,
        input: &str,
    ) -> (ExpressKey, Heard<ExecutionStarted>) {
        let (reply, heard) = oneshot::channel();
        let input = Payload::parse(input).unwrap();
        let (machine, name) = (machine.clone(), Some("x".into()));
        let request =
            StartExpress { machine, qualifier: None, name, input, synchronous: false, seconds_max: None };
        let (key, call) = self.commons.start_express(request, reply).unwrap();
        self.put(call);
        (key, heard)
    }

    pub fn stop(&mut self, key: &ExecutionKey) -> Result<Timestamp, EngineError> {
        let mut heard = self.ask_stop(key);
        self.run();
        heard.try_recv().expect("it is answered")
    }

    pub fn ask_stop(&mut self, key: &ExecutionKey) -> Heard<Timestamp> {
        let (reply, heard) = oneshot::channel();
        let call = self.commons.stop(key.clone(), Failure::new("Stopped", "by the test"), reply);
        self.put(call);
        heard
    }

    pub fn redrive(
        &mut self,
        key: &ExecutionKey,
        client_token: Option<&str>,
    ) -> Result<Timestamp, EngineError> {
        let mut heard = self.ask_redrive(key, client_token);
        self.run();
        heard.try_recv().expect("it is answered")
    }

    pub fn ask_redrive(&mut self, key: &ExecutionKey, client_token: Option<&str>) -> Heard<Timestamp> {
        let (reply, heard) = oneshot::channel();
        let call = self.commons.redrive(key.clone(), client_token.map(Arc::from), reply);
        self.put(call);
        heard
    }

    /// Lets each shard that has something to hear have a turn, and writes nothing: what it decided is
    /// lost with the next crash, or `written` later.
    pub fn turn_unwritten(&mut self) -> Vec<(usize, Turn)> {
        let mut turns = Vec::new();
        for index in 0..self.shards.len() {
            let messages = std::mem::take(&mut self.inbox[index]);
            if !messages.is_empty() {
                turns.push((index, self.shards[index].turn(messages, self.now)));
            }
        }
        turns
    }

    /// Writes such turns in one commit, and lets out what waits for them, or loses that.
    pub fn write(&mut self, turns: Vec<(usize, Turn)>, is_let_out: bool) {
        let mut batch = Batch::default();
        let mut written = Vec::new();
        for (index, mut turn) in turns {
            batch.chunks.append(&mut turn.chunks);
            written.push((index, turn));
        }
        self.store.commit(&batch).unwrap();
        for (index, turn) in written {
            if is_let_out {
                self.finish(index, turn);
            }
        }
    }

    pub fn answer(&mut self, token: &str, answer: TaskAnswer) -> Result<(), EngineError> {
        let (reply, mut heard) = oneshot::channel();
        let call = self.commons.answer(&place(), token, answer, reply)?;
        self.put(call);
        self.run();
        heard.try_recv().expect("it is answered")
    }

    pub fn succeed(&mut self, token: &str, output: &str) -> Result<(), EngineError> {
        self.answer(token, TaskAnswer::Succeeded(Payload::parse(output).unwrap()))
    }

    pub fn poll(&mut self, activity: &str) -> Heard<Option<ActivityTask>> {
        let (reply, heard) = oneshot::channel();
        let mut dispatcher = self.commons.dispatcher();
        let poller = Poller {
            id: dispatcher.new_poller(),
            activity: Arc::new(ActivityKey { place: place(), name: activity.into() }),
            worker_name: Some("w".into()),
            deadline: self.now.after_seconds(60),
            has_chosen: false,
            reply,
        };
        let found = dispatcher.poll(poller);
        drop(dispatcher);
        if let Some((task, poller)) = found {
            let shard = self.commons.shard_of(task.execution.partition);
            self.put((shard, Message::HandOut { task, poller }));
        }
        heard
    }

    /// A task for a worker that comes now.
    pub fn take(&mut self, activity: &str) -> Option<ActivityTask> {
        let mut heard = self.poll(activity);
        self.run();
        match heard.try_recv() {
            Ok(answer) => answer.unwrap(),
            Err(_) => None,
        }
    }

    pub fn outcome(&mut self, task: TaskRef, outcome: TaskOutcome) {
        let shard = self.commons.shard_of(task.execution.partition);
        self.put((shard, Message::Outcome { task, outcome }));
        self.run();
    }

    /// The next task that was sent.
    pub fn run_task(&mut self) -> TaskRequest {
        match self.sent.pop_front() {
            Some(Sent::Run(request)) => request,
            other => panic!("{other:?} is no task"),
        }
    }

    pub fn done(&mut self, task: TaskRef, output: &str) {
        self.outcome(task, TaskOutcome::Succeeded(Payload::parse(output).unwrap()));
    }

    /// The types of a history's events, and where they fail what with.
    pub fn history(&self, started: &ExecutionStarted) -> String {
        use stepwell_model::{HistoryEventKind as Kind, TaskEvent};
        let events = self.commons.history(&started.key).unwrap();
        for (at, event) in events.iter().enumerate() {
            assert_eq!(event.id, at as u64 + 1, "ids are without a gap");
        }
        let line = |event: &stepwell_model::HistoryEvent| match &event.kind {
            Kind::ExecutionSucceeded { output } => format!("ExecutionSucceeded {}", output.text()),
            Kind::ExecutionFailed(failure) | Kind::Task(_, TaskEvent::Failed(failure)) => {
                format!("{} {}", event.kind.type_name(), failure.error_name())
            }
            kind => kind.type_name(),
        };
        let lines: Vec<String> = events.iter().map(line).collect();
        lines.join("\n")
    }
}

fn open(
    store: &Arc<MemoryStore>,
    slots: usize,
    idempotent: bool,
    resident_max: usize,
    limits: Limits,
    now: Timestamp,
    looks: &Arc<AtomicU64>,
) -> (Arc<Commons>, Vec<Shard>) {
    let options = EngineOptions {
        shards: 3,
        resident_max,
        limits,
        fuel: 8,
        seed: seeds_from(7),
        stopwatch: stopwatch(looks),
        ..EngineOptions::default()
    };
    let integration: Arc<dyn Integration> = Arc::new(Script { slots, idempotent });
    let commons = Commons::open(store.clone(), vec![integration], options, now).unwrap();
    let commons = Arc::new(commons);
    let shards = Shard::open_all(&commons).unwrap();
    (commons, shards)
}

/// A stopwatch on which so many milliseconds go by from look to look.
fn stopwatch(looks: &Arc<AtomicU64>) -> Stopwatch {
    let (looks, time) = (looks.clone(), AtomicU64::new(0));
    Arc::new(move || time.fetch_add(looks.load(Ordering::Relaxed), Ordering::Relaxed))
}

pub fn place() -> Place {
    Place { account: "123456789012".into(), region: "us-east-1".into() }
}

/// A machine of one Task.
pub fn task(resource: &str) -> String {
    task_with(resource, "")
}

/// A machine of one Task with further fields.
pub fn task_with(resource: &str, fields: &str) -> String {
    format!(
        r#"{{"StartAt":"T","States":{{"T":{{"Type":"Task","Resource":"{resource}","End":true{fields}}}}}}}"#
    )
}

pub const INVOKE: &str = "arn:aws:states:::lambda:invoke";
pub const SEND: &str = "arn:aws:states:::sqs:sendMessage.waitForTaskToken";
pub const ACTIVITY: &str = "arn:aws:states:us-east-1:123456789012:activity:a";
pub const WAIT: &str = r#"{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":60,"End":true}}}"#;
pub const PASS: &str = r#"{"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}}"#;
