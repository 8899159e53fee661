//! AWS's services, reached over the network.
//!
//! A service is a file of pure translation in `services`: which tasks are its own, what request they
//! become, and what its answer means. Everything else is here once: where services are and with what
//! calls are signed (`settings`, `credentials`, `profile`), the signature (`sign`), and what sends
//! (`transport`).
//!
//! # Promises
//!
//! 1. An attempt leaves the machine once at most: nothing is sent again of which a byte may have left.
//!    Retries are the state machine's business.
//! 2. An outcome is unknown only if it is: a connection that broke after the request was written, in
//!    the middle of a good answer, or an answer that did not come in time. Step Functions would show
//!    such a call as failed, although it may have been done; here it is `Stepwell.OutcomeUnknown`.
//! 3. No answer is held that is larger than the service can send.
//! 4. No secret is logged, or told in a cause.
//!
//! # `cancel`
//!
//! The connection is closed. What the service does about it is its own affair: Lambda goes on.

mod credentials;
mod flights;
mod profile;
mod services;
mod settings;
mod sign;
mod transport;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http_body_util::Full;
use hyper::Request;
use hyper::header::USER_AGENT;
use stepwell_model::{Failure, TaskRef};
use stepwell_task::{Done, Integration, Target, TaskOutcome, TaskRequest};
use tokio::runtime::Handle;

pub use flights::Flights;
use services::{Call, Ended, Service};
use settings::Place;
pub use settings::{Reach, ServiceSettings, Settings, SettingsError};
use sign::Scope;
use transport::{Exchange, Transport};

/// How long a call may take whose state sets no limit: a quarter of an hour, the most that Lambda
/// gives a function, and a minute.
const CALL_SECONDS_MAX: u64 = 16 * 60;
/// How much longer than its state's time-out a call may take: the state should end by its own
/// time-out, not by ours.
const GRACE: Duration = Duration::from_secs(5);

/// Something about a connection that an operator may want to know. Never has secrets or payloads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// The stable name of the event.
    pub event: &'static str,
    /// What happened.
    pub message: String,
    /// The id of the service, such as `lambda`.
    pub service: &'static str,
    /// Scheme, host and port.
    pub endpoint: String,
}

/// Hears of trouble.
pub type OnLog = Arc<dyn Fn(&LogLine) + Send + Sync>;

/// The ids of the services that are known here, such as `lambda`.
pub fn service_ids() -> impl Iterator<Item = &'static str> {
    services::ALL.iter().map(|service| service.id)
}

/// Performs tasks by calling services.
pub struct Integrations {
    inner: Arc<Inner>,
}

struct Inner {
    handle: Handle,
    settings: Settings,
    transport: Transport,
    on_log: OnLog,
    flights: Flights,
}

impl Integrations {
    /// Calls services as `settings` say. The work is done on `handle`.
    pub fn new(settings: Settings, handle: Handle, on_log: OnLog) -> Integrations {
        let (transport, flights) = (Transport::new(), Flights::default());
        Integrations { inner: Arc::new(Inner { handle, settings, transport, on_log, flights }) }
    }
}

impl Inner {
    /// The service, the call and the place of a task. `None` if it is for none that is reached.
    fn read(&self, request: &TaskRequest) -> Option<Result<(&'static Service, Call, Place), Failure>> {
        let (service, call) =
            services::ALL.iter().find_map(|service| Some((service, (service.read)(request)?)))?;
        let call = match call {
            Ok(call) => call,
            // Whether it is refused here, too, depends on whether it would have gone from here.
            Err(failure) => {
                return self.settings.place(service, None, &request.region).map(|_| Err(failure));
            }
        };
        match self.settings.place(service, call.region.as_deref(), &request.region)? {
            Ok(place) => Some(Ok((service, call, place))),
            Err(why) => Some(Err(match (call.outcome)(Ended::NotSent(why)) {
                TaskOutcome::Failed(failure) => failure,
                TaskOutcome::Succeeded(_) | TaskOutcome::Unknown => {
                    Failure::runtime("The task was not sent.")
                }
            })),
        }
    }

    /// Sends a call, once.
    async fn perform(&self, service: &Service, call: Call, place: Place, limit: Duration) -> TaskOutcome {
        let Call { method, path, headers, body, outcome, .. } = call;
        let mut request = Request::builder().method(method).uri(format!("{}{path}", place.base));
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let request = request
            .header(USER_AGENT, concat!("stepwell/", env!("CARGO_PKG_VERSION")))
            .body(Full::new(body.clone()))
            .map_err(|error| error.to_string());
        let scope = Scope {
            keys: &place.keys,
            region: &place.region,
            name: service.signing_name,
            time: SystemTime::now(),
        };
        let signed = request.and_then(|mut request| {
            sign::sign(&mut request, &body, &scope)?;
            Ok(request)
        });
        let exchange = match signed {
            Ok(request) => self.transport.exchange(request, limit).await,
            Err(why) => {
                Exchange::Ended(Ended::NotSent(format!("Unable to make an HTTP request of the task: {why}")))
            }
        };
        let log = |event, message: &str| {
            let (message, endpoint) = (message.to_owned(), place.base.clone());
            (self.on_log)(&LogLine { event, message, service: service.id, endpoint });
        };
        match exchange {
            Exchange::Ended(ended) => {
                if let Ended::NotSent(why) = &ended {
                    log("service_call_not_sent", why);
                }
                outcome(ended)
            }
            Exchange::Unknown(why) => {
                log("service_call_outcome_unknown", &why);
                TaskOutcome::Unknown
            }
        }
    }
}

/// See the crate's documentation for what `cancel` does.
impl Integration for Integrations {
    fn target(&self, request: &TaskRequest) -> Option<Result<Target, Failure>> {
        let target = |(service, call, place): (&Service, Call, Place)| Target {
            // No function of the local runner has such a name.
            name: format!("{}:{}:{}", service.id, place.region, call.lane).into(),
            slots: call.slots,
            idempotent: call.idempotent,
        };
        Some(self.inner.read(request)?.map(target))
    }

    fn start(&self, request: TaskRequest, done: Done) {
        let (service, call, place) = match self.inner.read(&request) {
            Some(Ok(read)) => read,
            Some(Err(failure)) => return done(TaskOutcome::Failed(failure)),
            None => {
                let resource = request.resource.event_resource();
                let cause = format!("{resource} is no service that is reached from here");
                return done(TaskOutcome::Failed(Failure::runtime(cause)));
            }
        };
        let limit = match request.timeout {
            Some(timeout) => timeout.saturating_add(GRACE),
            None => Duration::from_secs(CALL_SECONDS_MAX),
        };
        let inner = self.inner.clone();
        let work = async move { inner.perform(service, call, place, limit).await };
        self.inner.flights.begin(&self.inner.handle, request.task, done, work);
    }

    fn cancel(&self, task: TaskRef) {
        self.inner.flights.cancel(task);
    }
}
