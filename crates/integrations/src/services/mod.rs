//! AWS's services, each a file of pure translation: from a task to the parts of an HTTP request, from
//! how that ended to the outcome of the task. What does I/O is `transport`.

pub(crate) mod lambda;

use std::sync::Arc;

use bytes::Bytes;
use stepwell_model::Failure;
use stepwell_task::{TaskOutcome, TaskRequest};

/// Every service. Adding one ends here.
pub(crate) const ALL: &[Service] = &[lambda::SERVICE];

/// A service of AWS.
pub(crate) struct Service {
    /// Its id in lower case with underscores, as in `[aws.ID]`, in `AWS_ENDPOINT_URL_ID` and in the
    /// `services` section of a profile.
    pub id: &'static str,
    /// The first part of its host name at AWS.
    pub host: &'static str,
    /// What signatures are made for.
    pub signing_name: &'static str,
    /// Reads a task. `None` if it is not for this service; a failure if it can never be sent.
    pub read: fn(&TaskRequest) -> Option<Result<Call, Failure>>,
}

/// A call of a service, ready to be signed and sent.
pub(crate) struct Call {
    /// The region that the task names, if it does.
    pub region: Option<Arc<str>>,
    /// What calls share their slots with: within the service and region.
    pub lane: String,
    /// How many calls of the lane may be under way at once.
    pub slots: usize,
    /// Whether the service takes an idempotency key that this call carries, so that it may be sent
    /// again after a crash.
    pub idempotent: bool,
    /// The HTTP method.
    pub method: hyper::Method,
    /// Path and query, percent-encoded, beginning with a slash.
    pub path: String,
    /// The headers beside `Host` and those of the signature.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Bytes,
    /// From how it ended to the outcome of the task.
    pub outcome: Box<dyn FnOnce(Ended) -> TaskOutcome + Send>,
}

/// How a call ended of which it is known how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ended {
    /// With this answer.
    Answered(Answer),
    /// It was done, and the answer is larger than anything we take.
    TooLarge,
    /// Nothing was sent, for this reason.
    NotSent(String),
}

/// An HTTP answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    /// The status.
    pub status: u16,
    /// The headers in their order, spelled as AWS does.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
}

impl Answer {
    /// The value of a header, whatever its case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

/// A name of a header as AWS spells it: HTTP names have no case, but what an output shows has.
///
/// Services send `X-Amz-Executed-Version`, and `x-amzn-RequestId` with that mixture (recorded); every
/// other name is taken to have a capital at the beginning of each word.
pub(crate) fn spelled(name: &str) -> String {
    const MIXED: [&str; 2] = ["x-amzn-RequestId", "x-amzn-Remapped-Content-Length"];
    if let Some(known) = MIXED.into_iter().find(|known| known.eq_ignore_ascii_case(name)) {
        return known.to_owned();
    }
    let capital = |word: &str| {
        let mut letters = word.chars();
        let first = letters.next().map(|first| first.to_ascii_uppercase());
        first.into_iter().chain(letters).collect::<String>()
    };
    name.split('-').map(capital).collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_spelled_as_aws_does() {
        for name in [
            "X-Amz-Log-Result",
            "X-Amz-Executed-Version",
            "x-amzn-Remapped-Content-Length",
            "Connection",
            "x-amzn-RequestId",
            "Content-Length",
            "Date",
            "X-Amzn-Trace-Id",
            "Content-Type",
        ] {
            assert_eq!(spelled(&name.to_ascii_lowercase()), name);
        }
    }

    #[test]
    fn every_service_has_an_id_of_its_own() {
        let mut ids: Vec<_> = ALL.iter().map(|service| service.id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), ALL.len());
    }
}
