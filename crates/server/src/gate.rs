//! The gate of a server that is not open: who calls must have signed with a secret it knows.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use hyper::header::HeaderMap;
use hyper::http::request::Parts;
use stepwell_api::{Caller, Exception, ExceptionKind, Principal};
use stepwell_sigv4::{Claim, Refusal, RefusalKind, Request, Secret, Verified};

use crate::replays::Replays;

/// The access keys that a server knows.
#[derive(Debug, Clone, Default)]
pub struct Credentials {
    keys: HashMap<String, (Secret, Arc<Principal>)>,
}

impl Credentials {
    /// Makes a key known. `false` if its access key id is known already; then nothing changes.
    pub fn add(&mut self, access_key_id: &str, secret: Secret, principal: Principal) -> bool {
        if self.keys.contains_key(access_key_id) {
            return false;
        }
        self.keys.insert(access_key_id.to_owned(), (secret, Arc::new(principal)));
        true
    }
}

/// Credentials at work.
pub(crate) struct Gate {
    credentials: Credentials,
    replays: Option<Replays>,
}

impl Gate {
    pub(crate) fn new(credentials: Credentials, refuse_replays: bool) -> Gate {
        Gate { credentials, replays: refuse_replays.then(Replays::new) }
    }

    /// What the head of a request says of its signer: enough to know that reading the body is worth
    /// it, not enough to believe it.
    pub(crate) fn claim<'a>(&self, request: &Request<'a>, services: &[&str]) -> Result<Claim<'a>, Refusal> {
        let claim = Claim::read(request, now_seconds(), services)?;
        match self.credentials.keys.contains_key(claim.access_key_id()) {
            true => Ok(claim),
            false => Err(Refusal::unrecognized()),
        }
    }

    /// The caller, once the whole request has been held against the secret.
    pub(crate) fn caller(
        &self,
        claim: &Claim<'_>,
        request: &Request<'_>,
        body: &[u8],
        source_ip: IpAddr,
        secure: bool,
    ) -> Result<(Caller, Verified), Refusal> {
        let key = self.credentials.keys.get(claim.access_key_id());
        let (secret, principal) = key.ok_or_else(Refusal::unrecognized)?;
        let verified = claim.check(request, body, secret)?;
        Ok((Caller::verified(principal.clone(), &*verified.region, source_ip, secure), verified))
    }

    /// Refuses a call that changes something and has been done before.
    pub(crate) fn check_replay(&self, verified: &Verified) -> Result<(), Refusal> {
        match &self.replays {
            Some(replays) if !replays.admit(&verified.signature, now_seconds()) => Err(Refusal::replayed()),
            Some(_) | None => Ok(()),
        }
    }
}

/// The headers as signatures are computed over them.
pub(crate) fn headers(headers: &HeaderMap) -> Vec<(&str, &[u8])> {
    headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect()
}

/// The head of a request as signatures are computed over it.
pub(crate) fn signed<'a>(parts: &'a Parts, headers: &'a [(&'a str, &'a [u8])]) -> Request<'a> {
    Request {
        method: parts.method.as_str(),
        path: parts.uri.path(),
        query: parts.uri.query().unwrap_or(""),
        headers,
    }
}

/// A refusal as the exception that AWS answers with.
pub(crate) fn exception(refusal: Refusal) -> Exception {
    let kind = match refusal.kind {
        RefusalKind::MissingAuthenticationToken => ExceptionKind::MissingAuthenticationToken,
        RefusalKind::IncompleteSignature => ExceptionKind::IncompleteSignature,
        RefusalKind::InvalidSignature => ExceptionKind::InvalidSignature,
        RefusalKind::UnrecognizedClient => ExceptionKind::UnrecognizedClient,
    };
    Exception::new(kind, refusal.message)
}

fn now_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_known_once_and_its_secret_is_never_shown() {
        let mut credentials = Credentials::default();
        let principal = || Principal::new("123456789012", "ci", Vec::new());
        assert!(credentials.add("AKID", Secret::new("hush"), principal()));
        assert!(!credentials.add("AKID", Secret::new("other"), principal()));
        assert!(!format!("{credentials:?}").contains("hush"));
    }
}
