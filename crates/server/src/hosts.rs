//! Which names this server answers to, and from which web pages.
//!
//! An open server on loopback is within reach of every web page that its user visits. Two checks,
//! made before anything else, keep those pages out:
//!
//! - **Host**, and the authority of an absolute request URI, must be a name of ours. A page on
//!   `evil.example` whose name suddenly resolves to 127.0.0.1 (DNS rebinding) sends its own name.
//! - **Origin** must be absent or our own, and **Sec-Fetch-Site** absent, `same-origin` or `none`.
//!
//! One thing may come from anywhere: following a link, in a chat or a ticket, to a page of the console.
//! A browser says of that that it navigates, in a window and not in a frame. The page that is
//! answered is the same for everybody, and the one with the link cannot read it.
//!
//! Source: the table of abuse cases in the project's reliability notes, cases 2 and 3.

use std::net::{IpAddr, SocketAddr};

use hyper::header::{HOST, HeaderMap, HeaderName, ORIGIN};
use hyper::http::uri::Authority;

/// SDKs put this before the host for `StartSyncExecution` and `TestState`, even with an endpoint of
/// one's own.
const SYNC_PREFIX: &str = "sync-";

static SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
static SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
static SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");

/// The names that are ours, in lower case, without ports.
#[derive(Debug, Clone)]
pub(crate) struct Hosts {
    names: Vec<String>,
}

/// Why a request was turned away, for people.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Foreign(pub(crate) String);

impl Hosts {
    /// The names of a server that listens on `address` and was given `extra` ones.
    pub(crate) fn new(address: SocketAddr, extra: &[String]) -> Hosts {
        let listen = match address.ip() {
            IpAddr::V4(ip) => ip.to_string(),
            IpAddr::V6(ip) => format!("[{ip}]"),
        };
        let mut names: Vec<String> = ["localhost", "127.0.0.1", "[::1]", &listen].map(str::to_owned).into();
        names.extend(extra.iter().map(|name| name.to_ascii_lowercase()));
        names.sort_unstable();
        names.dedup();
        Hosts { names }
    }

    /// Turns away what does not come for us or comes from a foreign web page. `linkable` says that
    /// what is asked for may be reached by a link from there.
    pub(crate) fn check(
        &self,
        headers: &HeaderMap,
        authority: Option<&Authority>,
        linkable: bool,
    ) -> Result<(), Foreign> {
        if let Some(authority) = authority
            && !self.is_ours(authority.as_str())
        {
            return Err(foreign_host(authority.as_str()));
        }
        let mut hosts = headers.get_all(HOST).iter();
        let host = match (hosts.next().map(|host| host.to_str()), hosts.next()) {
            (Some(Ok(host)), None) if self.is_ours(host) => host,
            (Some(Ok(host)), None) => return Err(foreign_host(host)),
            (Some(_), _) => {
                return Err(Foreign("The request has more than one Host, or none that can be read".into()));
            }
            (None, _) => return Err(Foreign("The request has no Host".into())),
        };
        // Only browsers send these.
        if !headers.keys().any(|name| *name == ORIGIN || *name == SEC_FETCH_SITE) {
            return Ok(());
        }
        for origin in headers.get_all(ORIGIN) {
            let same = origin.to_str().is_ok_and(|origin| is_same_origin(origin, host));
            if !same {
                return Err(Foreign("Requests from other origins are not accepted".into()));
            }
        }
        let by_link = linkable && follows_a_link(headers);
        for site in headers.get_all(&SEC_FETCH_SITE) {
            if !by_link && !matches!(site.as_bytes(), b"same-origin" | b"none") {
                return Err(Foreign("Requests from other sites are not accepted".into()));
            }
        }
        Ok(())
    }

    fn is_ours(&self, authority: &str) -> bool {
        let Some(host) = without_port(authority) else { return false };
        let same = |host: &str| self.names.iter().any(|name| name.eq_ignore_ascii_case(host));
        let prefix = host.get(..SYNC_PREFIX.len());
        same(host)
            || prefix.is_some_and(|prefix| prefix.eq_ignore_ascii_case(SYNC_PREFIX))
                && same(&host[SYNC_PREFIX.len()..])
    }
}

/// Whether a browser says that a window goes to another page.
fn follows_a_link(headers: &HeaderMap) -> bool {
    let says = |name: &HeaderName, value: &str| {
        let mut all = headers.get_all(name).iter();
        all.next().is_some_and(|first| first == value) && all.next().is_none()
    };
    says(&SEC_FETCH_MODE, "navigate") && says(&SEC_FETCH_DEST, "document")
}

fn foreign_host(host: &str) -> Foreign {
    Foreign(format!("The host '{host}' is not a name of this server; it can be made one with --host"))
}

/// The host of `host`, `host:port`, `[v6]` or `[v6]:port`; nothing if it is none of these.
fn without_port(authority: &str) -> Option<&str> {
    let name_end = match authority.bytes().rposition(|byte| byte == b']') {
        Some(bracket) => bracket + 1,
        None => authority.bytes().position(|byte| byte == b':').unwrap_or(authority.len()),
    };
    let (host, rest) = authority.split_at(name_end);
    let port = rest.strip_prefix(':').unwrap_or("");
    let port_fits = rest.is_empty() || (!port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()));
    (!host.is_empty() && port_fits).then_some(host)
}

fn is_same_origin(origin: &str, host: &str) -> bool {
    let authority = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    authority.is_some_and(|authority| authority.eq_ignore_ascii_case(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts() -> Hosts {
        Hosts::new("127.0.0.5:8083".parse().unwrap(), &["Flow.Example".to_owned()])
    }

    fn check(headers: &[(&str, &str)], authority: Option<&str>) -> bool {
        check_that(false, headers, authority)
    }

    fn check_that(linkable: bool, headers: &[(&str, &str)], authority: Option<&str>) -> bool {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(HeaderName::try_from(*name).unwrap(), value.parse().unwrap());
        }
        let authority = authority.map(|text| text.parse().unwrap());
        hosts().check(&map, authority.as_ref(), linkable).is_ok()
    }

    #[test]
    fn names_of_ours_are_accepted_with_any_port_and_the_sync_prefix() {
        for host in [
            "localhost",
            "LOCALHOST:1",
            "127.0.0.1:8083",
            "[::1]",
            "[::1]:8083",
            "127.0.0.5",
            "flow.example:80",
            "sync-localhost:8083",
            "sync-127.0.0.1",
            "sync-[::1]:8083",
            "Sync-Flow.Example",
        ] {
            assert!(check(&[("host", host)], None), "{host}");
        }
    }

    #[test]
    fn other_names_are_not() {
        for host in [
            "",
            "evil.example",
            "evil.example:8083",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "localhost:",
            "localhost:80x",
            "localhost:8083:1",
            "sync-evil.example",
            "sync-",
            "sync-sync-localhost",
            "::1",
            "127.0.0.2",
            "user@localhost",
            "localhost/x",
            "[::1]x",
            "localhost.",
        ] {
            assert!(!check(&[("host", host)], None), "{host}");
        }
        assert!(!check(&[], None));
        assert!(!check(&[("host", "localhost"), ("host", "localhost")], None));
    }

    #[test]
    fn the_authority_of_an_absolute_uri_is_held_to_the_same() {
        assert!(check(&[("host", "localhost")], Some("127.0.0.1:8083")));
        assert!(!check(&[("host", "localhost")], Some("evil.example")));
        assert!(!check(&[("host", "evil.example")], Some("localhost")));
    }

    #[test]
    fn only_pages_of_our_own_may_call() {
        let from = |origin: &str| check(&[("host", "localhost:8083"), ("origin", origin)], None);
        assert!(from("http://localhost:8083"));
        assert!(from("https://LOCALHOST:8083"));
        for foreign in
            ["null", "http://localhost", "http://localhost:3000", "http://evil.example", "file://", ""]
        {
            assert!(!from(foreign), "{foreign}");
        }
        let site = |site: &str| check(&[("host", "localhost:8083"), ("sec-fetch-site", site)], None);
        assert!(site("same-origin") && site("none"));
        assert!(!site("cross-site") && !site("same-site") && !site(""));
    }

    #[test]
    fn a_link_from_anywhere_leads_to_what_may_be_linked_to_and_to_nothing_else() {
        let host = ("host", "localhost:8083");
        let link = |site| {
            [host, ("sec-fetch-site", site), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")]
        };
        assert!(check_that(true, &link("cross-site"), None));
        assert!(check_that(true, &link("same-site"), None));
        assert!(!check_that(false, &link("cross-site"), None));
        for (mode, dest) in
            [("navigate", "iframe"), ("no-cors", "document"), ("cors", "empty"), ("no-cors", "script")]
        {
            let headers =
                [host, ("sec-fetch-site", "cross-site"), ("sec-fetch-mode", mode), ("sec-fetch-dest", dest)];
            assert!(!check_that(true, &headers, None), "{mode} {dest}");
        }
        assert!(!check_that(true, &[host, ("sec-fetch-site", "cross-site")], None));
        let mut foreign = link("cross-site").to_vec();
        foreign[0] = ("host", "evil.example");
        assert!(!check_that(true, &foreign, None), "the name must be ours all the same");
        let mut posted = link("cross-site").to_vec();
        posted.push(("origin", "https://evil.example"));
        assert!(!check_that(true, &posted, None), "a page of another origin sends something");
    }
}
