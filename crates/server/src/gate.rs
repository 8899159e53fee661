//! The gate of a server that is not open: who calls must have signed with a secret it knows.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use hyper::header::HeaderMap;
use hyper::http::request::Parts;
use stepwell_api::{Caller, Exception, ExceptionKind, Principal};
use stepwell_sigv4::{Claim, Refusal, RefusalKind, Request, Secret, Verified};

use crate::attempts::Attempts;
use crate::replays::Replays;
use crate::session::Sessions;

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
    attempts: Mutex<Attempts>,
    pub(crate) sessions: Sessions,
}

/// Why somebody cannot sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotSignedIn {
    /// There is no such key, or this is not its secret.
    Wrong,
    /// Too many attempts have failed. This one was not looked at; the next may come after so long.
    Wait(Duration),
}

impl Gate {
    pub(crate) fn new(credentials: Credentials, refuse_replays: bool, sessions: Sessions) -> Gate {
        Gate { credentials, replays: refuse_replays.then(Replays::new), attempts: Mutex::default(), sessions }
    }

    /// Whether there is a key of this id.
    pub(crate) fn knows(&self, access_key_id: &str) -> bool {
        self.credentials.keys.contains_key(access_key_id)
    }

    /// The principal of whoever shows a key and its secret, as people do who sign in to the console.
    pub(crate) fn sign_in(
        &self,
        access_key_id: &str,
        secret: &str,
        peer: IpAddr,
        now: Instant,
    ) -> Result<Arc<Principal>, NotSignedIn> {
        let key = self.credentials.keys.get(access_key_id);
        let known = key.map(|_| access_key_id);
        // Held while the secrets are compared, so that many attempts at once count as many.
        let mut attempts = self.attempts.lock().expect("held for a moment only");
        if let Some(left) = attempts.wait(known, peer, now) {
            return Err(NotSignedIn::Wait(left));
        }
        // An unknown key costs the same time as a wrong secret.
        let nobodys = Secret::new("the secret of a key that there is not");
        let is_right = key.map_or(&nobodys, |(secret, _)| secret).is(secret);
        match key {
            Some((_, principal)) if is_right => {
                attempts.succeeded(access_key_id, peer);
                Ok(principal.clone())
            }
            Some(_) | None => {
                attempts.failed(known, peer, now);
                Err(NotSignedIn::Wrong)
            }
        }
    }

    /// What the head of a request says of its signer: enough to know that reading the body is worth
    /// it, not enough to believe it.
    pub(crate) fn claim<'a>(&self, request: &Request<'a>, services: &[&str]) -> Result<Claim<'a>, Refusal> {
        let claim = Claim::read(request, now_seconds(), services)?;
        match self.knows(claim.access_key_id()) {
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
    use crate::session::Lifetime;

    #[test]
    fn a_key_is_known_once_and_its_secret_is_never_shown() {
        let mut credentials = Credentials::default();
        let principal = || Principal::new("123456789012", "ci", Vec::new());
        assert!(credentials.add("AKID", Secret::new("hush"), principal()));
        assert!(!credentials.add("AKID", Secret::new("other"), principal()));
        assert!(!format!("{credentials:?}").contains("hush"));
    }

    #[test]
    fn a_right_secret_is_not_even_looked_at_while_the_wait_lasts() {
        let mut credentials = Credentials::default();
        credentials.add("AKID", Secret::new("hush"), Principal::new("123456789012", "ci", Vec::new()));
        let hour = Duration::from_secs(3_600);
        let sessions = Sessions::new(8083, Lifetime { idle: hour, age: hour });
        let gate = Gate::new(credentials, true, sessions);
        let (peer, now) = ("192.0.2.1".parse().unwrap(), Instant::now());
        for _ in 0..5 {
            assert_eq!(gate.sign_in("AKID", "hus", peer, now), Err(NotSignedIn::Wrong));
        }
        let wait = Duration::from_secs(4);
        assert_eq!(gate.sign_in("AKID", "hush", peer, now), Err(NotSignedIn::Wait(wait)));
        assert!(gate.sign_in("AKID", "hush", "192.0.2.2".parse().unwrap(), now).is_ok());
        assert!(gate.sign_in("AKID", "hush", peer, now + wait).is_ok());
        assert_eq!(gate.sign_in("OTHER", "hush", peer, now), Err(NotSignedIn::Wrong));
    }
}
