//! Puts the parts together: a store, the functions, the engine over both, the operations over it.
//!
//! This is the only place that knows them all, and it decides nothing.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};
use stepwell_api::{Api, Counter, TaskAnswered};
use stepwell_engine::{
    Engine, EngineOptions, HistoryLog, LogEvent, LogLevel, LoggedHistory, RecentDisk, SystemClock,
};
use stepwell_execution_logs::{Entry, ExecutionLogs, Notice};
use stepwell_functions::{FunctionRunner, Functions, OnLog};
use stepwell_integrations::{Integrations, Reach, ServiceSettings};
use stepwell_model::Limits;
use stepwell_store::Store;
use stepwell_task::Integration;
use stepwell_value::Value;

use crate::complaint::{Complaint, Exit};
use crate::config::{Express, Logs};
use crate::log::{Level, Log};
use crate::own_calls::{Authority, OwnCalls};

/// The runtime that everything runs on: a worker thread for each core.
pub fn runtime() -> Result<tokio::runtime::Runtime, Complaint> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Complaint::new(Exit::Failure, "cannot start", error.to_string()))
}

/// The functions of a functions file; none without one.
pub fn read_functions(file: Option<&Path>) -> Result<Functions, Complaint> {
    let Some(file) = file else { return Ok(Functions::default()) };
    Functions::load(file).map_err(|error| {
        let complaint = Complaint::usage("cannot use the functions file", error.to_string());
        complaint.hint(error.hint.unwrap_or_default())
    })
}

/// Where AWS's services are, by the configuration file and the variables of the AWS SDKs. `own_address`
/// is where this server listens.
pub fn read_services(
    configured: &BTreeMap<String, ServiceSettings>,
    own_address: Option<SocketAddr>,
) -> Result<stepwell_integrations::Settings, Complaint> {
    let variable = |name: &str| std::env::var_os(name);
    stepwell_integrations::Settings::read(configured, &variable, own_address)
        .map_err(|error| Complaint::usage(error.what, error.subject).hint(error.hint))
}

/// A key that nobody can guess, for a store that does not outlive the process.
pub fn random_key() -> Result<[u8; 32], Complaint> {
    let mut key = [0; 32];
    match getrandom::fill(&mut key) {
        Ok(()) => Ok(key),
        Err(error) => Err(Complaint::new(Exit::Failure, "the system has no randomness", error.to_string())),
    }
}

/// What a node is made of.
pub struct Parts {
    /// Where everything is kept.
    pub store: Arc<dyn Store>,
    /// The functions that run here.
    pub functions: Functions,
    /// Where AWS's services are.
    pub services: stepwell_integrations::Settings,
    /// What state machines may do by calling this server.
    pub authority: Authority,
    /// The limits in force.
    pub limits: Limits,
    /// Where log lines go.
    pub log: Log,
    /// Where and how execution logs are kept; `None` if they are not.
    pub execution_logs: Option<(PathBuf, Logs)>,
    /// Where and how much is kept of Express executions that ended; `None` if nothing is.
    pub recent_express: Option<(PathBuf, Express)>,
    /// What hears the lines that functions print.
    pub on_function_line: OnLog,
}

/// All parts at work.
pub struct Node {
    /// The operations.
    pub api: Arc<Api>,
    engine: Engine,
    runner: Arc<FunctionRunner>,
    log: Log,
    execution_logs: Option<Arc<ExecutionLogs>>,
}

impl Node {
    /// Sets the parts to work: executions that were under way go on. Must be called on the runtime.
    ///
    /// # Errors
    ///
    /// A [`Complaint`] that what is in the store cannot be read.
    pub fn open(parts: Parts) -> Result<Node, Complaint> {
        let Parts {
            store,
            functions,
            services,
            authority,
            limits,
            log,
            execution_logs,
            recent_express,
            on_function_line,
        } = parts;
        let page_key = page_key(&store.identity().key);
        // Functions that are not listed are looked for at Lambda, if Lambda is anywhere.
        let refuses_unknown = tell_reach(&log, "lambda", &services.reach("lambda"));
        let runner_options =
            stepwell_functions::Options { on_log: on_function_line, refuses_unknown, ..Default::default() };
        let handle = tokio::runtime::Handle::current();
        let runner = FunctionRunner::new(functions, handle.clone(), runner_options);
        let service_log = log.clone();
        let on_trouble = Arc::new(move |line: &_| write_service_line(&service_log, line));
        let own_calls = Arc::new(OwnCalls::new(handle.clone(), authority));
        let network = Integrations::new(services, handle, on_trouble);
        let integrations: Vec<Arc<dyn Integration>> =
            vec![runner.clone(), own_calls.clone(), Arc::new(network)];
        let execution_logs = match execution_logs {
            Some((folder, logs)) => Some(open_execution_logs(folder, logs, &log)?),
            None => None,
        };
        let engine_log = log.clone();
        let options = EngineOptions {
            limits,
            log: Arc::new(move |event| write(&engine_log, &event)),
            history_log: execution_logs.clone().map(history_log),
            recent_express_bytes_max: recent_express.as_ref().map_or(0, |(_, kept)| kept.recent_memory_bytes),
            recent_express_disk: recent_express
                .map(|(folder, kept)| RecentDisk { folder, bytes_max: kept.recent_disk_bytes }),
            ..EngineOptions::default()
        };
        #[cfg(feature = "sabotage")]
        let options = crate::sabotage::engine(options)?;
        let engine = Engine::open(store, integrations, Arc::new(SystemClock), options).map_err(|error| {
            Complaint::new(Exit::Data, "the data cannot be read", error.to_string())
                .hint("put back the last backup; nothing was changed")
        })?;
        let counted = execution_logs.clone();
        let answer_log = log.clone();
        let api_options = stepwell_api::Options {
            limits,
            on_task_answered: Arc::new(move |answered| write_answer(&answer_log, answered)),
            more_counters: Arc::new(move || counted.as_deref().map_or_else(Vec::new, counters)),
            ..stepwell_api::Options::new(page_key)
        };
        let api = Arc::new(Api::new(engine.clone(), api_options));
        own_calls.connect(&api);
        Ok(Node { api, engine, runner, log, execution_logs })
    }

    /// Ends cleanly: tasks under way may still end for as long as `patience`. Those that do not are
    /// told in the log: whether they did their work cannot be known, and after the next start they
    /// fail as `Stepwell.OutcomeUnknown`.
    pub async fn drain(self, patience: Duration) {
        self.api.drain();
        for task in self.engine.drain(patience).await {
            let arn = self.engine.execution_arn(task.execution).map_or(Value::Null, Value::from);
            let fields = [
                ("executionArn", arn),
                ("eventId", Value::from(i64::try_from(task.scheduled_event_id).unwrap_or(i64::MAX))),
            ];
            self.log.warn("task_outcome_unknown", "a task did not end before the server did", &fields);
        }
        // The engine hears no more outcomes; what still runs is only to be ended.
        for cut_off in self.runner.drain(Duration::ZERO).await {
            let fields = [
                ("function", Value::from(&*cut_off.function)),
                ("requestId", Value::from(&*cut_off.request_id)),
            ];
            self.log.warn("invocation_cut_off", "an invocation was ended because the server ends", &fields);
        }
        if let Some(logs) = self.execution_logs
            && !tokio::task::spawn_blocking(move || logs.flush(FLUSH_PATIENCE)).await.unwrap_or(false)
        {
            self.log.warn("execution_logs_cut_off", "execution logs could not all be written in time", &[]);
        }
    }
}

/// How long the end waits for execution logs to be written.
const FLUSH_PATIENCE: Duration = Duration::from_secs(2);

fn open_execution_logs(folder: PathBuf, logs: Logs, log: &Log) -> Result<Arc<ExecutionLogs>, Complaint> {
    let log = log.clone();
    let options = stepwell_execution_logs::Options {
        rotation: logs.rotation,
        queue_bytes_max: logs.queue_bytes_max,
        on_notice: Arc::new(move |notice| write_notice(&log, &notice)),
        ..stepwell_execution_logs::Options::new(folder)
    };
    match ExecutionLogs::open(options) {
        Ok(logs) => Ok(Arc::new(logs)),
        Err(error) => Err(Complaint::new(Exit::Failure, "cannot start", error.to_string())),
    }
}

/// Hands what executions log to the logs. Their history is made by the thread that writes it.
fn history_log(logs: Arc<ExecutionLogs>) -> HistoryLog {
    let entry = |logged: LoggedHistory| Entry {
        log_group_arn: logged.logging.log_group_arn.clone(),
        include_execution_data: logged.logging.include_execution_data,
        execution_arn: logged.execution_arn.clone(),
        redrive_count: logged.redrive_count,
        events: logged.len(),
        bytes: logged.bytes(),
        history: Box::new(move || logged.history().collect()),
    };
    Arc::new(move |logged| logs.append(logged.into_iter().map(entry).collect()))
}

fn counters(logs: &ExecutionLogs) -> Vec<Counter> {
    let counts = logs.counts();
    vec![
        Counter {
            name: "stepwell_execution_log_records_written_total",
            help: "Records of execution logs written.",
            value: counts.written,
        },
        Counter {
            name: "stepwell_execution_log_records_dropped_total",
            help: "Records of execution logs lost because there was no room, or they could not be written.",
            value: counts.dropped,
        },
    ]
}

fn write_notice(log: &Log, notice: &Notice) {
    match notice {
        Notice::Dropped { records } => log.warn(
            "execution_log_records_dropped",
            "records of execution logs came faster than they could be written",
            &[("records", Value::from(i64::try_from(*records).unwrap_or(i64::MAX)))],
        ),
        Notice::NotWritten { folder, why } => log.warn(
            "execution_log_not_written",
            &format!("records of an execution log cannot be written and are lost: {why}"),
            &[("folder", Value::from(folder.display().to_string()))],
        ),
    }
}

/// The key that seals the tokens of pages: secret, the same after a restart, and another than the
/// store's own.
fn page_key(store_key: &[u8; 32]) -> [u8; 32] {
    Sha256::new().chain_update(b"stepwell pages").chain_update(store_key).finalize().into()
}

/// Tells where a service is reached; whether it is nowhere.
fn tell_reach(log: &Log, service: &str, reach: &Reach) -> bool {
    let (service, at) = (("service", Value::from(service)), |at: &str| ("endpoint", Value::from(at)));
    match reach {
        Reach::Nowhere => return true,
        Reach::At(endpoint) => {
            log.info("service_reached", "calls go over the network", &[service, at(endpoint)])
        }
        // No warning: functions that run here need no credentials, and a task that does says it again.
        Reach::Blocked(why) => {
            let message = format!("calls will fail: these credentials are not supported: {why}");
            log.warn("service_blocked", &message, &[service]);
        }
    }
    false
}

fn write_answer(log: &Log, answered: &TaskAnswered) {
    let text = |text: Option<&str>| text.map_or(Value::Null, Value::from);
    let fields = [
        ("executionArn", text(answered.execution_arn.as_deref())),
        ("user", text(answered.user.as_deref())),
        ("outcome", Value::from(answered.outcome)),
        ("note", text(answered.note.as_deref())),
    ];
    log.info("task_answered_by_hand", "somebody ended a task by hand", &fields);
}

fn write_service_line(log: &Log, line: &stepwell_integrations::LogLine) {
    let fields = [("service", Value::from(line.service)), ("endpoint", Value::from(line.endpoint.as_str()))];
    log.warn(line.event, &line.message, &fields);
}

fn write(log: &Log, event: &LogEvent) {
    let level = match event.level {
        LogLevel::Error => Level::Error,
        LogLevel::Warning => Level::Warn,
        LogLevel::Info => Level::Info,
    };
    let arn = event.execution_arn.as_deref().map(|arn| ("executionArn", Value::from(arn)));
    log.line(level, event.event, &event.message, arn.as_slice());
}
