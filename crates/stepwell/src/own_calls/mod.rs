//! Tasks that call Step Functions itself: `arn:aws:states:::aws-sdk:sfn:<action>`.
//!
//! The server that runs the task is the service that the task calls, so the call is made within the
//! process, as the account and in the region of the state machine. (Starting executions is no matter of
//! this integration: the engine does that itself.)
//!
//! | what happens                           | `Error`                  |
//! |----------------------------------------|--------------------------|
//! | the API's model has the exception      | `Sfn.<Name>Exception`    |
//! | it has not (access denied, throttling) | `Sfn.SfnException`       |
//! | the action has no such parameters      | `States.Runtime`         |
//!
//! The cause of the first two is `<message> (Service: Sfn, Status Code: <status>, Request ID: <id>)`. That
//! an exception without a model has the name of the SDK's own was seen for other services
//! (`SecretsManager.SecretsManagerException`).
//!
//! # What a state machine may do
//!
//! AWS asks the role of the state machine. There are no policies of roles here, so an open server lets
//! state machines do everything within their account, as it lets everybody. A server with credentials
//! lets them answer for tasks whose token they have, because a token cannot be guessed and whoever has
//! it was meant to answer. All else is refused unless the operator allows it (`[aws.sfn] allow = true`):
//! otherwise whoever may write a state machine could do by way of it what no policy allows.

mod form;

use std::sync::{Arc, Weak};

use stepwell_api::{Api, Caller, Exception, ExceptionKind, only_reads};
use stepwell_integrations::Flights;
use stepwell_model::{Failure, Pattern, Resource, TaskRef};
use stepwell_task::{Done, Integration, Target, TaskOutcome, TaskRequest};
use stepwell_value::{Payload, Value};
use tokio::runtime::Handle;
use tokio::sync::watch;

use form::Action;

/// As resources name the service.
const SERVICE: &str = "aws-sdk:sfn";

/// How many calls of one action of one account may be under way at once.
const SLOTS: usize = 1_000;

/// How many state machines of one account may wait at once for a task of an activity: as long as a
/// minute each, so it takes more of them.
const POLL_SLOTS: usize = 10_000;

/// What state machines may do by calling this server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authority {
    /// Everything within their account.
    Account,
    /// Answer for tasks whose tokens they have.
    Tokens,
}

/// Performs tasks by calling the server's own API.
pub struct OwnCalls {
    inner: Arc<Inner>,
}

struct Inner {
    handle: Handle,
    authority: Authority,
    /// The API, once it is there. It holds the engine, which holds this.
    api: watch::Sender<Option<Weak<Api>>>,
    flights: Flights,
}

impl OwnCalls {
    /// Calls are made on `handle`, once there is an API to call.
    pub fn new(handle: Handle, authority: Authority) -> OwnCalls {
        let (api, flights) = (watch::Sender::new(None), Flights::default());
        OwnCalls { inner: Arc::new(Inner { handle, authority, api, flights }) }
    }

    /// From now on calls go to `api`; those of executions that were recovered before have waited.
    pub fn connect(&self, api: &Arc<Api>) {
        self.inner.api.send_replace(Some(Arc::downgrade(api)));
    }
}

/// A call that is ready to be made.
struct Call {
    action: &'static Action,
    caller: Caller,
    body: String,
    request_id: String,
}

/// The call that a task stands for. `None` if it is not for this server; a failure if it can never be
/// made.
fn read(request: &TaskRequest) -> Option<Result<Call, Failure>> {
    let Resource::Service { service, action, pattern } = &request.resource else { return None };
    if &**service != SERVICE {
        return None;
    }
    match pattern {
        Pattern::RequestResponse | Pattern::WaitForTaskToken => (),
        Pattern::Sync { .. } => return None,
    }
    Some(call(form::action(action)?, request))
}

fn call(action: &'static Action, request: &TaskRequest) -> Result<Call, Failure> {
    let unusable = |wrong: &str| {
        let given = request.parameters.text();
        Failure::runtime(format!("The Parameters '{given}' could not be used to start the Task: [{wrong}]"))
    };
    let mut body = action.request(request.parameters.value()).map_err(|wrong| unusable(&wrong.join(", ")))?;
    // As SDKs do for a member that makes a call repeatable.
    if action.takes(CLIENT_TOKEN)
        && let Value::Object(members) = &mut body
    {
        let members = Arc::make_mut(members);
        if members.get(CLIENT_TOKEN).is_none_or(Value::is_null) {
            members.insert(CLIENT_TOKEN.into(), Value::from(request.idempotency_key.as_str()));
        }
    }
    Ok(Call {
        action,
        caller: Caller::new(request.account.clone(), request.region.clone()),
        body: body.to_json().map_err(|error| unusable(&error.to_string()))?,
        request_id: request.idempotency_key.clone(),
    })
}

/// The member by which the API knows a call again.
const CLIENT_TOKEN: &str = "clientToken";

/// Whether a call may be made again if it is not known whether it was made.
fn is_repeatable(operation: &str) -> bool {
    only_reads(operation)
        || matches!(
            operation,
            // A task that was handed out to a call that nobody heard is lost either way: that worker died.
            "GetActivityTask"
                | "SendTaskHeartbeat"
                // The same again is the same.
                | "CreateActivity"
                | "CreateStateMachine"
                | "CreateStateMachineAlias"
                | "DeleteActivity"
                | "DeleteStateMachine"
                | "PublishStateMachineVersion"
                | "StopExecution"
                | "TagResource"
                | "UntagResource"
                // It has a client token.
                | "RedriveExecution"
        )
}

impl Authority {
    fn check(self, call: &Call) -> Result<(), Exception> {
        let operation = call.action.operation;
        let answers_for_a_task =
            matches!(operation, "SendTaskSuccess" | "SendTaskFailure" | "SendTaskHeartbeat");
        match self {
            Authority::Account => Ok(()),
            Authority::Tokens if answers_for_a_task => Ok(()),
            Authority::Tokens => Err(Exception::new(
                ExceptionKind::AccessDenied,
                format!(
                    "The state machine is not authorized to perform: states:{operation} because roles have no \
                     policies here and the server's configuration does not allow it ([aws.sfn] allow)"
                ),
            )),
        }
    }
}

impl Inner {
    /// Makes a call, once.
    async fn perform(&self, call: &Call) -> TaskOutcome {
        let operation = call.action.operation;
        let answer = match self.authority.check(call) {
            Ok(()) => match self.api().await {
                Some(api) => api.call(operation, &call.caller, call.body.as_bytes()).await,
                None => Err(Exception::new(ExceptionKind::ServiceUnavailable, "The server has stopped")),
            },
            Err(exception) => Err(exception),
        };
        match answer {
            Ok(answer) => told(call.action, &answer),
            Err(exception) => TaskOutcome::Failed(failure(&exception, &call.request_id)),
        }
    }

    /// The API, as soon as it is there; `None` once it is gone.
    async fn api(&self) -> Option<Arc<Api>> {
        let mut api = self.api.subscribe();
        let api = api.wait_for(Option::is_some).await.ok()?;
        api.as_ref()?.upgrade()
    }
}

/// The outcome that an answer stands for.
fn told(action: &Action, answer: &str) -> TaskOutcome {
    let result = Value::parse(answer).map_err(|error| error.to_string());
    let result =
        result.and_then(|answer| Payload::of(action.result(&answer)).map_err(|error| error.to_string()));
    match result {
        Ok(result) => TaskOutcome::Succeeded(result),
        // It was done: only what came back cannot be shown.
        Err(error) => TaskOutcome::Failed(Failure::runtime(format!(
            "The answer of {} cannot be read: {error}",
            action.operation
        ))),
    }
}

/// How a state machine hears of an exception.
fn failure(exception: &Exception, request_id: &str) -> Failure {
    let name = exception.kind.name();
    let name = match name {
        name if !form::is_modelled(name) => "SfnException".to_owned(),
        name if name.ends_with("Exception") => name.to_owned(),
        name => format!("{name}Exception"),
    };
    let status = stepwell_server::status_code(exception.kind);
    let cause =
        format!("{} (Service: Sfn, Status Code: {status}, Request ID: {request_id})", exception.message);
    Failure::new(format!("Sfn.{name}"), cause)
}

/// See the crate `stepwell_task` for the promises. `cancel` gives up waiting for the answer; what the
/// engine has taken in is done all the same.
impl Integration for OwnCalls {
    fn target(&self, request: &TaskRequest) -> Option<Result<Target, Failure>> {
        let call = match read(request)? {
            Ok(call) => call,
            Err(failure) => return Some(Err(failure)),
        };
        let operation = call.action.operation;
        // Each action has slots of its own: those that wait hold up nothing that they may wait for.
        Some(Ok(Target {
            name: format!("sfn:{operation}:{}", request.account).into(),
            slots: if operation == "GetActivityTask" { POLL_SLOTS } else { SLOTS },
            idempotent: is_repeatable(operation),
        }))
    }

    fn start(&self, request: TaskRequest, done: Done) {
        let call = match read(&request) {
            Some(Ok(call)) => call,
            Some(Err(failure)) => return done(TaskOutcome::Failed(failure)),
            None => {
                let resource = request.resource.event_resource();
                let cause = format!("{resource} is no action of Step Functions");
                return done(TaskOutcome::Failed(Failure::runtime(cause)));
            }
        };
        let inner = self.inner.clone();
        let work = async move { inner.perform(&call).await };
        self.inner.flights.begin(&self.inner.handle, request.task, done, work);
    }

    fn cancel(&self, task: TaskRef) {
        self.inner.flights.cancel(task);
    }
}

#[cfg(test)]
mod tests;
