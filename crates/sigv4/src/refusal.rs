//! Why a signature is not accepted, in AWS's words.

use std::fmt;

/// Which of AWS's exceptions it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RefusalKind {
    /// There is no signature.
    MissingAuthenticationToken,
    /// The signature does not say all it must, or is of a kind that is not accepted.
    IncompleteSignature,
    /// The signature is not that of this request, at this time, for this service.
    InvalidSignature,
    /// Nobody with this access key id is known.
    UnrecognizedClient,
}

/// A signature that is not accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Which exception.
    pub kind: RefusalKind,
    /// Its text, for people.
    pub message: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Refusal {}

impl Refusal {
    fn new(kind: RefusalKind, message: impl Into<String>) -> Refusal {
        Refusal { kind, message: message.into() }
    }

    /// As AWS says it.
    pub(crate) fn missing() -> Refusal {
        Refusal::new(RefusalKind::MissingAuthenticationToken, "Missing Authentication Token")
    }

    /// As AWS says it, without the hash of the header that AWS appends.
    pub(crate) fn incomplete(missing: &[&str], has_date: bool) -> Refusal {
        let mut parts: Vec<String> =
            missing.iter().map(|name| format!("Authorization header requires '{name}' parameter.")).collect();
        if !has_date {
            parts.push(
                "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.".into(),
            );
        }
        Refusal::new(RefusalKind::IncompleteSignature, parts.join(" "))
    }

    /// As AWS says it, without the hash of the header that AWS appends.
    pub(crate) fn not_a_pair(text: &str) -> Refusal {
        let message =
            format!("'{text}' not a valid key=value pair (missing equal-sign) in Authorization header.");
        Refusal::new(RefusalKind::IncompleteSignature, message)
    }

    /// As DynamoDB says it.
    pub(crate) fn algorithm(found: &str) -> Refusal {
        let message = format!("Unsupported AWS 'algorithm': '{found}' (only AWS4-HMAC-SHA256 for now).");
        Refusal::new(RefusalKind::IncompleteSignature, message)
    }

    /// Ours: AWS accepts such signatures for some services.
    pub(crate) fn presigned() -> Refusal {
        let message =
            "A signature in the query (a presigned URL) is not accepted; sign with an Authorization header";
        Refusal::new(RefusalKind::IncompleteSignature, message)
    }

    /// Ours: AWS accepts such signatures for some services.
    pub(crate) fn unsigned_payload() -> Refusal {
        let message = "The payload must be signed; UNSIGNED-PAYLOAD is not accepted";
        Refusal::new(RefusalKind::InvalidSignature, message)
    }

    /// As AWS says it.
    pub(crate) fn date(found: &str) -> Refusal {
        let message = format!(
            "Date must be in ISO-8601 'basic format'. Got '{found}'. See http://en.wikipedia.org/wiki/ISO_8601"
        );
        Refusal::new(RefusalKind::IncompleteSignature, message)
    }

    /// As AWS says it.
    pub(crate) fn credential(found: &str) -> Refusal {
        let message = format!(
            "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '{found}'"
        );
        Refusal::new(RefusalKind::IncompleteSignature, message)
    }

    /// As AWS says it: all that is wrong with the scope, in one text.
    pub(crate) fn scope(complaints: &[String]) -> Refusal {
        Refusal::new(RefusalKind::InvalidSignature, complaints.join(" "))
    }

    /// As AWS says it, of a moment too long ago or too far ahead.
    pub(crate) fn skewed(sent: &str, now: &str, bound: &str, expired: bool) -> Refusal {
        let message = if expired {
            format!("Signature expired: {sent} is now earlier than {bound} ({now} - 5 min.)")
        } else {
            format!("Signature not yet current: {sent} is still later than {bound} ({now} + 5 min.)")
        };
        Refusal::new(RefusalKind::InvalidSignature, message)
    }

    /// As AWS says it.
    pub(crate) fn host_not_signed() -> Refusal {
        let message = "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.";
        Refusal::new(RefusalKind::InvalidSignature, message)
    }

    /// In the form of its neighbour about the host; not recorded.
    pub(crate) fn header_not_signed(name: &str) -> Refusal {
        let message = format!("'{name}' must be a 'SignedHeader' in the AWS Authorization.");
        Refusal::new(RefusalKind::InvalidSignature, message)
    }

    /// As AWS says it.
    pub(crate) fn mismatch() -> Refusal {
        let message = "The request signature we calculated does not match the signature you provided. \
                       Check your AWS Secret Access Key and signing method. \
                       Consult the service documentation for details.";
        Refusal::new(RefusalKind::InvalidSignature, message)
    }

    /// As AWS says it, of an access key id that is not known and of a session token that is not.
    pub fn unrecognized() -> Refusal {
        let message = "The security token included in the request is invalid.";
        Refusal::new(RefusalKind::UnrecognizedClient, message)
    }

    /// Ours: AWS does not tell a request that is sent again from one that is sent for the first time.
    pub fn replayed() -> Refusal {
        let message = "This signature has been used before. Sign each request anew.";
        Refusal::new(RefusalKind::InvalidSignature, message)
    }
}
