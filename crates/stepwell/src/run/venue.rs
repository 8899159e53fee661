//! Where the execution of `run` lives.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use stepwell_api::Caller;
use stepwell_functions::LogLine;
use stepwell_model::Limits;
use stepwell_store::MemoryStore;
use stepwell_value::Value;

use crate::cli;
use crate::client::{CallError, Client, Refusal};
use crate::complaint::{Complaint, Exit};
use crate::log::{Format, Level, Log, escape_controls};
use crate::own_calls::Authority;
use crate::wiring::{self, Node, Parts};

/// How long functions that still run may go on once the execution has ended.
const PATIENCE: Duration = Duration::from_secs(1);

/// A server in this process, or one elsewhere.
pub enum Venue {
    /// In this process, and gone with it, for a caller in the region of the variables of the AWS SDKs.
    Temporary(Node, Caller),
    /// Elsewhere.
    Remote(Client),
}

impl Venue {
    /// A server in this process whose journal is in memory. Must be called on the runtime.
    pub fn temporary(command: &cli::Run) -> Result<Venue, Complaint> {
        let as_json = command.json;
        let services = wiring::read_services(&BTreeMap::new(), None)?;
        let caller = Caller::new("000000000000", services.region().unwrap_or("us-east-1"));
        let node = Node::open(Parts {
            store: Arc::new(MemoryStore::new(wiring::random_key()?)),
            functions: wiring::read_functions(command.functions.as_deref())?,
            services,
            authority: Authority::Account,
            limits: Limits::default(),
            log: Log::to_stderr(Level::Warn, if as_json { Format::Json } else { Format::Text }),
            execution_logs: None,
            on_function_line: Arc::new(move |line| tell_function_line(&line, as_json)),
        })?;
        Ok(Venue::Temporary(node, caller))
    }

    /// Calls an operation of AWS Step Functions.
    ///
    /// # Errors
    ///
    /// A [`Complaint`] that it was refused, or that there was no answer.
    pub async fn call(&self, operation: &'static str, parameters: Value) -> Result<Value, Complaint> {
        match self {
            Venue::Temporary(node, caller) => {
                let answer = node.api.call(operation, caller, parameters.to_string().as_bytes()).await;
                let refused = |error: String, message: String| {
                    Complaint::new(
                        Exit::Failure,
                        format!("{operation} was refused"),
                        format!("{error}: {message}"),
                    )
                };
                let text = answer
                    .map_err(|exception| refused(exception.kind.name().to_owned(), exception.message))?;
                Value::parse(&text)
                    .map_err(|error| refused("the answer is not JSON".into(), error.to_string()))
            }
            Venue::Remote(client) => {
                let called = client.clone();
                let answer = tokio::task::spawn_blocking(move || called.call(operation, &parameters)).await;
                // Only a bug ends it otherwise; then there was no answer.
                let answer = answer.unwrap_or_else(|error| Err(CallError::Lost(error.to_string())));
                answer.map_err(|error| told(error, operation, client))
            }
        }
    }

    /// Ends what is in this process.
    pub async fn close(self) {
        match self {
            Venue::Temporary(node, _) => node.drain(PATIENCE).await,
            Venue::Remote(_) => (),
        }
    }
}

/// What a person is told of a call that brought nothing.
fn told(error: CallError, operation: &str, client: &Client) -> Complaint {
    match error {
        CallError::Lost(why) => {
            Complaint::new(Exit::Failure, "cannot reach the server", format!("{}: {why}", client.url()))
                .hint("stepwell serve starts one")
        }
        CallError::Refused(Refusal { error, message }) => {
            Complaint::new(Exit::Failure, format!("{operation} was refused"), format!("{error}: {message}"))
        }
    }
}

fn tell_function_line(line: &LogLine, as_json: bool) {
    if as_json {
        let told = [("function", Value::from(&*line.function)), ("line", Value::from(line.line.as_str()))];
        eprintln!("{}", Value::object(told));
    } else {
        eprintln!("            [{}] {}", line.function, escape_controls(&line.line));
    }
}
