//! Sessions of people who have signed in to the console, and who calls by one.
//!
//! A browser cannot keep a secret access key and sign with it, so it shows the key once
//! ([`crate::sign_in`]) and gets a session: a random cookie, and a CSRF token that only a page of our
//! own can read. From then on
//!
//! - a call comes with the cookie and with the token in `X-Stepwell-Csrf`; what only reads by `GET`
//!   needs the cookie alone, for no other page can read the answer;
//! - it has the principal, the account and the policies of the key, as a signed call has;
//! - its region is that of `X-Stepwell-Region`, or the one of the sign-in.
//!
//! A request that has an `Authorization` header is judged by its signature. Its cookies are not looked at.
//!
//! Sessions are in memory alone and end with the server, by sign-out, [`Lifetime::idle`] after the last
//! use, and [`Lifetime::age`] after the sign-in whatever happens. They are kept by the hash of the cookie, so that
//! nothing in memory is worth a cookie and a look-up tells nothing by its time. What goes on under a session,
//! as a stream of events does, has its [`Lease`]: it is one use, however long it takes, and ends with the session.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use hyper::header::{AUTHORIZATION, COOKIE, HeaderMap, HeaderName};
use hyper::http::request::Parts;
use sha2::{Digest, Sha256};
use stepwell_api::{Caller, Exception, ExceptionKind, Principal};
use stepwell_sigv4::Secret;
use tokio::sync::watch;

use crate::connection::Progress;
use crate::gate::Gate;
use crate::{Server, credential};

/// How the name of the cookie begins. Browsers keep one set of cookies for all ports of a host, so the
/// port follows: two servers on one host would sign each other's users out.
const COOKIE_PREFIX: &str = "stepwell_session_";

static X_STEPWELL_CSRF: HeaderName = HeaderName::from_static("x-stepwell-csrf");
static X_STEPWELL_REGION: HeaderName = HeaderName::from_static("x-stepwell-region");

/// How long sessions last.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lifetime {
    /// One that nobody uses ends after so long.
    pub(crate) idle: Duration,
    /// Every one ends after so long.
    pub(crate) age: Duration,
}

/// So many sessions there are at most; then the one that has been idle for longest ends.
const SESSIONS_MAX: usize = 4096;

/// So many of them one access key has at most, so that nobody can end those of all others.
const SESSIONS_PER_KEY_MAX: usize = 64;

/// What somebody gets by signing in.
#[derive(Clone)]
pub(crate) struct Session {
    pub(crate) access_key_id: Arc<str>,
    pub(crate) principal: Arc<Principal>,
    pub(crate) region: Arc<str>,
    /// What calls must show besides the cookie.
    pub(crate) csrf_token: Arc<str>,
    /// For what goes on under it.
    lease: Lease,
}

/// Tells what goes on under a session when that is over.
#[derive(Clone)]
pub(crate) struct Lease(watch::Receiver<Life>);

impl Lease {
    /// Waits until somebody has ended the session. Whether it has ended of itself only
    /// [`is_over`](Lease::is_over) tells.
    pub(crate) async fn ended(&mut self) {
        // Uses are not told.
        while self.0.changed().await.is_ok() {}
    }

    /// Whether the session has lasted as long as it may.
    pub(crate) fn is_over(&self, now: Instant) -> bool {
        self.0.borrow().is_over(now)
    }
}

/// Why a request that should have a session is not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoSession {
    /// There is no such session, or none any more.
    Expired,
    /// The request does not show the session's CSRF token: some other page may have made the browser
    /// send it.
    Forged,
}

impl NoSession {
    pub(crate) fn exception(self) -> Exception {
        match self {
            NoSession::Expired => Exception::new(ExceptionKind::ExpiredToken, "Your sign-in has expired"),
            NoSession::Forged => {
                let message = "The request does not have the X-Stepwell-Csrf token of the session";
                Exception::new(ExceptionKind::AccessDenied, message)
            }
        }
    }
}

impl Session {
    /// Who calls by this session.
    pub(crate) fn caller(&self, parts: &Parts, source_ip: IpAddr, secure: bool) -> Result<Caller, Exception> {
        let region = match parts.headers.get(&X_STEPWELL_REGION).map(|header| header.to_str()) {
            None => self.region.clone(),
            Some(Ok(region)) if credential::is_region(region) => region.into(),
            Some(_) => {
                let message = "X-Stepwell-Region is not the name of a region";
                return Err(Exception::new(ExceptionKind::Validation, message));
            }
        };
        Ok(Caller::verified(self.principal.clone(), region, source_ip, secure))
    }

    /// Whether a request shows that it comes from a page of ours.
    pub(crate) fn check_csrf(&self, headers: &HeaderMap) -> Result<(), NoSession> {
        let token = headers.get(&X_STEPWELL_CSRF).and_then(|header| header.to_str().ok());
        match token {
            Some(token) if Secret::new(&*self.csrf_token).is(token) => Ok(()),
            Some(_) | None => Err(NoSession::Forged),
        }
    }
}

/// The session that a request for an operation comes with; `None` if it comes with none, and so has
/// to be signed.
pub(crate) fn of_call(gate: &Gate, parts: &Parts) -> Option<Result<Session, NoSession>> {
    let headers = &parts.headers;
    if !gate.sessions.is_meant(headers) {
        return None;
    }
    let session = gate.sessions.of(headers, Instant::now()).ok_or(NoSession::Expired);
    Some(session.and_then(|session| session.check_csrf(headers).map(|()| session)))
}

/// Whose session a request without a body has that changes nothing, and what tells its end; `None` if it
/// comes with none.
pub(crate) fn caller(
    server: &Server,
    progress: &Progress,
    parts: &Parts,
) -> Option<Result<(Caller, Lease), Exception>> {
    let gate = server.gate.as_ref().filter(|gate| gate.sessions.is_meant(&parts.headers))?;
    let session = gate.sessions.of(&parts.headers, Instant::now());
    let session = session.ok_or_else(|| NoSession::Expired.exception());
    Some(session.and_then(|session| {
        let caller = session.caller(parts, progress.peer.ip(), progress.secure)?;
        Ok((caller, session.lease))
    }))
}

/// All sessions.
pub(crate) struct Sessions {
    cookie_name: String,
    lifetime: Lifetime,
    open: Mutex<HashMap<Key, Open>>,
}

/// The SHA-256 of a cookie's value.
type Key = [u8; 32];

/// A session that goes on until this is dropped, or its life is over.
struct Open {
    session: Session,
    life: watch::Sender<Life>,
}

/// When a session began and was used last, and how long it may last.
#[derive(Debug, Clone, Copy)]
struct Life {
    lifetime: Lifetime,
    began: Instant,
    used: Instant,
}

impl Life {
    fn is_over(&self, now: Instant) -> bool {
        now.duration_since(self.used) >= self.lifetime.idle
            || now.duration_since(self.began) >= self.lifetime.age
    }
}

impl Open {
    fn is_over(&self, now: Instant) -> bool {
        self.life.borrow().is_over(now)
    }

    fn used(&self) -> Instant {
        self.life.borrow().used
    }

    fn note_use(&self, now: Instant) {
        self.life.send_if_modified(|life| {
            life.used = now;
            // Nobody is woken: it goes on.
            false
        });
    }
}

impl Sessions {
    /// None yet, of a server that listens on this port.
    pub(crate) fn new(port: u16, lifetime: Lifetime) -> Sessions {
        Sessions { cookie_name: format!("{COOKIE_PREFIX}{port}"), lifetime, open: Mutex::default() }
    }

    /// The name of the cookie.
    pub(crate) fn cookie_name(&self) -> &str {
        &self.cookie_name
    }

    /// Begins a session; the value of its cookie is told once.
    ///
    /// # Errors
    ///
    /// If the system gives no randomness.
    pub(crate) fn begin(
        &self,
        access_key_id: &str,
        principal: Arc<Principal>,
        region: &str,
        now: Instant,
    ) -> Result<(String, Session), getrandom::Error> {
        let (id, csrf_token) = (random()?, random()?);
        let (life, lease) = watch::channel(Life { lifetime: self.lifetime, began: now, used: now });
        let session = Session {
            access_key_id: access_key_id.into(),
            principal,
            region: region.into(),
            csrf_token: csrf_token.into(),
            lease: Lease(lease),
        };
        let mut open = self.lock();
        open.retain(|_, open| !open.is_over(now));
        let of_key = |open: &Open| *open.session.access_key_id == *access_key_id;
        if open.values().filter(|open| of_key(open)).count() >= SESSIONS_PER_KEY_MAX {
            end_oldest(&mut open, of_key);
        }
        if open.len() >= SESSIONS_MAX {
            end_oldest(&mut open, |_| true);
        }
        open.insert(key(&id), Open { session: session.clone(), life });
        Ok((id, session))
    }

    /// The session whose cookie a request has. It counts as a use.
    ///
    /// Another program on this host can give the browser a cookie of the same name, so each is looked at.
    pub(crate) fn of(&self, headers: &HeaderMap, now: Instant) -> Option<Session> {
        let mut open = self.lock();
        self.cookies(headers).find_map(|id| {
            let key = key(id);
            let found = open.get(&key)?;
            if found.is_over(now) {
                open.remove(&key);
                return None;
            }
            found.note_use(now);
            Some(found.session.clone())
        })
    }

    /// Ends every session whose cookie a request has.
    pub(crate) fn end(&self, headers: &HeaderMap) {
        let mut open = self.lock();
        for id in self.cookies(headers) {
            open.remove(&key(id));
        }
    }

    /// Whether a request is to be judged by a session, whatever that is worth. Whoever has the token has
    /// signed in, even if the browser has dropped the cookie: after a sign-out in another window it has.
    fn is_meant(&self, headers: &HeaderMap) -> bool {
        !is_signed(headers)
            && (self.cookies(headers).next().is_some() || headers.contains_key(&X_STEPWELL_CSRF))
    }

    /// The values of the cookies that have our name; none of a request that is signed.
    fn cookies<'a>(&'a self, headers: &'a HeaderMap) -> impl Iterator<Item = &'a str> {
        let all = headers.get_all(COOKIE).iter().filter(|_| !is_signed(headers));
        let all = all.filter_map(|header| header.to_str().ok());
        let pairs = all.flat_map(|header| header.split(';')).filter_map(|pair| pair.trim().split_once('='));
        pairs.filter(|(name, _)| *name == self.cookie_name).map(|(_, value)| value)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Open>> {
        self.open.lock().expect("held for a moment only")
    }
}

/// Whether a request is to be judged by its signature.
fn is_signed(headers: &HeaderMap) -> bool {
    headers.contains_key(AUTHORIZATION)
}

/// Of those that are meant, ends the one that has been idle for longest.
fn end_oldest(open: &mut HashMap<Key, Open>, is_meant: impl Fn(&Open) -> bool) {
    let oldest = open.iter().filter(|(_, open)| is_meant(open)).min_by_key(|(_, open)| open.used());
    if let Some(key) = oldest.map(|(key, _)| *key) {
        open.remove(&key);
    }
}

fn key(id: &str) -> Key {
    Sha256::digest(id.as_bytes()).into()
}

/// 256 bits that nobody can guess, as hexadecimal digits.
pub(crate) fn random() -> Result<String, getrandom::Error> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(60 * 60);

    fn sessions() -> Sessions {
        Sessions::new(8083, Lifetime { idle: HOUR, age: 12 * HOUR })
    }

    fn begin(sessions: &Sessions, access_key_id: &str, now: Instant) -> HeaderMap {
        let principal = Arc::new(Principal::new("123456789012", "ada", Vec::new()));
        let (id, _) = sessions.begin(access_key_id, principal, "eu-west-1", now).unwrap();
        assert_eq!(id.len(), 64);
        cookie(&format!("a=b; {}={id}; c=d", sessions.cookie_name()))
    }

    fn cookie(text: &str) -> HeaderMap {
        HeaderMap::from_iter([(COOKIE, text.parse().unwrap())])
    }

    #[test]
    fn a_session_ends_an_hour_after_its_last_use() {
        let (sessions, now) = (sessions(), Instant::now());
        let headers = begin(&sessions, "AKID", now);
        assert!(sessions.of(&headers, now + HOUR - Duration::from_secs(1)).is_some());
        assert!(sessions.of(&headers, now + HOUR + Duration::from_secs(1)).is_some(), "it was used");
        assert!(sessions.of(&headers, now + 3 * HOUR).is_none());
        assert!(sessions.of(&headers, now).is_none(), "it has not only been hidden");
    }

    #[test]
    fn a_session_ends_twelve_hours_after_it_began_however_much_it_is_used() {
        let (sessions, began) = (sessions(), Instant::now());
        let headers = begin(&sessions, "AKID", began);
        let mut now = began;
        let lease = sessions.of(&headers, began).unwrap().lease;
        while now < began + 12 * HOUR - Duration::from_secs(60) {
            assert!(sessions.of(&headers, now).is_some() && !lease.is_over(now));
            now += HOUR / 2;
        }
        assert!(lease.is_over(began + 12 * HOUR));
        assert!(sessions.of(&headers, began + 12 * HOUR).is_none());
    }

    #[tokio::test]
    async fn a_lease_is_one_use_and_ends_with_its_session() {
        let (sessions, now) = (sessions(), Instant::now());
        let (used, idle) = (begin(&sessions, "AKID", now), begin(&sessions, "AKID", now));
        let lease = |headers: &HeaderMap| sessions.of(headers, now).unwrap().lease;
        let (mut of_used, of_idle) = (lease(&used), lease(&idle));
        sessions.of(&used, now + HOUR / 2).unwrap();
        assert!(!of_used.is_over(now + HOUR) && of_idle.is_over(now + HOUR), "to look is no use");
        let ended = tokio::spawn(async move { of_used.ended().await });
        tokio::task::yield_now().await;
        assert!(!ended.is_finished(), "a use is no end");
        sessions.end(&used);
        ended.await.unwrap();
    }

    #[test]
    fn a_session_ends_by_sign_out_and_no_other_does() {
        let (sessions, now) = (sessions(), Instant::now());
        let (one, other) = (begin(&sessions, "AKID", now), begin(&sessions, "AKID", now));
        sessions.end(&one);
        assert!(sessions.of(&one, now).is_none());
        assert!(sessions.of(&other, now).is_some());
    }

    #[test]
    fn sessions_are_bounded_for_a_key_and_in_all_and_the_one_idle_for_longest_makes_room() {
        let (sessions, began) = (sessions(), Instant::now());
        let at = |number: usize| began + Duration::from_millis(number as u64);
        let other = begin(&sessions, "OTHER", at(0));
        let of_key: Vec<HeaderMap> =
            (1..=SESSIONS_PER_KEY_MAX + 2).map(|number| begin(&sessions, "AKID", at(number))).collect();
        let alive: Vec<bool> = of_key.iter().map(|headers| sessions.of(headers, at(100)).is_some()).collect();
        assert_eq!(alive.iter().filter(|alive| **alive).count(), SESSIONS_PER_KEY_MAX);
        assert_eq!(alive[..3], [false, false, true]);
        assert!(sessions.of(&other, at(100)).is_some());
        for number in 0..SESSIONS_MAX {
            begin(&sessions, &format!("AKID{}", number / SESSIONS_PER_KEY_MAX), at(200 + number));
        }
        assert_eq!(sessions.lock().len(), SESSIONS_MAX);
        assert!(sessions.of(&other, at(200)).is_none());
    }

    #[test]
    fn only_cookies_of_our_name_are_looked_at_and_each_of_them_is() {
        let (sessions, now) = (sessions(), Instant::now());
        let mine = begin(&sessions, "AKID", now);
        let (id, name) = (sessions.cookies(&mine).next().unwrap(), sessions.cookie_name());
        assert_eq!(name, "stepwell_session_8083");
        let finds = |text: String| sessions.of(&cookie(&text), now).is_some();
        assert!(finds(format!("{name}=planted; {name}={id}")));
        assert!(!finds(format!("other_{name}={id}")));
        assert!(!finds(format!("{name}0={id}")), "of another server on this host");
        assert!(!finds(format!("{name}={}", &id[1..])));
        assert!(!finds(name.to_owned()));
        assert!(!finds(String::new()));
        let mut signed = mine.clone();
        signed.insert(AUTHORIZATION, "AWS4-HMAC-SHA256 wrong".parse().unwrap());
        assert!(sessions.of(&signed, now).is_none(), "a signature is there, right or not");
    }
}
