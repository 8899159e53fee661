//! The console's files, and the ways that lead to it.
//!
//! | request | answer |
//! |---|---|
//! | `GET /console/<file>` | the file, compressed for who takes that |
//! | `GET /console/assets/<no file>` | 404: a page of an older release must not get a page for a script |
//! | `GET /console/<anything else>` | the index, which is the same for every view |
//! | `GET /console` | 308 to `console/` |
//! | `GET /` by a browser | 307 to `console/` |
//! | `GET /states`, `GET /states/home`, also with a slash behind | 307 to the console with the same `region`, as links of AWS's console go |
//!
//! A reverse proxy may serve all of it below a prefix, which we never see. So each `Location` is
//! relative, and so is the base that the index is given: from the path of the view that was asked
//! for back to `/console/`. A redirect leaves the fragment to the browser, which keeps it.
//!
//! Everything here is the same for everybody and needs no sign-in.

use bytes::Bytes;
use hyper::header::{
    ACCEPT, ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, ETAG, HeaderMap, HeaderName, HeaderValue,
    IF_NONE_MATCH, LOCATION, VARY,
};
use hyper::http::request::Parts;
use hyper::{Method, StatusCode};
use stepwell_api::{Exception, ExceptionKind};
use stepwell_console_assets::{Asset, Assets, INDEX};

use crate::route::Answer;
use crate::{credential, session};

/// Where the console is.
const PREFIX: &str = "/console/";

/// Where it is told who is signed in: no page, so no link from elsewhere may lead there.
pub(crate) const SESSION: &str = "/console/session";

/// Where the console's build puts what has a hash of its content in its name.
const HASHED: &str = "assets/";

/// The base of the index as it was built. It is replaced by the one of the view.
const BASE: &str = r#"<base href="./">"#;

static HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");
static TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// The page's place for the nonce that style sheets made by scripts have to carry.
const NONCE: &str = r#"<meta name="csp-nonce" content="">"#;

/// What a browser is to refuse: all but our own files, and to put us into a frame. Nothing may be inline.
const POLICY: &str =
    "default-src 'self'; object-src 'none'; base-uri 'self'; frame-ancestors 'none'; form-action 'self'";

static CONTENT_SECURITY_POLICY: HeaderName = HeaderName::from_static("content-security-policy");

/// What else every answer about the console says.
const HEADERS: [(&str, &str); 3] = [
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
];

/// What there is to see without a console. It is made for the same policy: no script, nothing else to load.
const NOT_BUILT: &str = r#"<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="csp-nonce" content="">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Stepwell: the console was not built</title>
<style nonce="">
  :root { color-scheme: light dark; }
  body { font: 16px/1.6 system-ui, sans-serif; max-width: 34rem; margin: 15vh auto 0; padding: 0 1.25rem; }
  h1 { font-size: 1.375rem; line-height: 1.3; }
  code { font: 0.9375em ui-monospace, monospace; }
</style>
<h1>The console is not part of this program</h1>
<p>Stepwell is running and takes calls, but when this program was built there was no console to put into it.</p>
<p>With Node 20 or newer installed, <code>cargo xtask run</code> builds it, then the server around it.
<code>cargo xtask console</code> builds it alone.</p>
</html>
"#;

/// Whether a link from anywhere may lead to what a request asks for: a page, or a way to one.
pub(crate) fn is_linkable(parts: &Parts) -> bool {
    let path = parts.uri.path();
    let is_page =
        matches!(path, "/" | "/console") || console_of_aws(path).is_some() || path.starts_with(PREFIX);
    matches!(parts.method, Method::GET | Method::HEAD) && is_page && path != SESSION
}

/// The way to our console from a path that AWS's console has.
fn console_of_aws(path: &str) -> Option<&'static str> {
    match path {
        "/states" => Some("console/"),
        "/states/" | "/states/home" => Some("../console/"),
        "/states/home/" => Some("../../console/"),
        _ => None,
    }
}

/// The answer to a request for the console; `None` if it is for something else.
pub(crate) fn answer(assets: &Assets, parts: &Parts) -> Option<Answer> {
    if !is_linkable(parts) {
        return None;
    }
    let answer = match parts.uri.path() {
        "/" if accepts(&parts.headers, ACCEPT, "text/html") => {
            redirect(StatusCode::TEMPORARY_REDIRECT, "console/".into()).with(VARY, "accept")
        }
        "/console" => redirect(StatusCode::PERMANENT_REDIRECT, "console/".into()),
        path => match console_of_aws(path) {
            Some(way) => redirect(StatusCode::TEMPORARY_REDIRECT, with_region(way, parts.uri.query())),
            None => file(assets, path.strip_prefix(PREFIX)?, &parts.headers),
        },
    };
    Some(answer.guarded())
}

impl Answer {
    /// With the headers that every answer about the console has.
    pub(crate) fn guarded(mut self) -> Answer {
        let headers =
            HEADERS.map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        self.headers.extend(headers);
        // A page has said already which styles of its own it has.
        if !self.headers.iter().any(|(name, _)| *name == CONTENT_SECURITY_POLICY) {
            self.headers.push((CONTENT_SECURITY_POLICY.clone(), HeaderValue::from_static(POLICY)));
        }
        self
    }

    fn with(mut self, name: HeaderName, value: &str) -> Answer {
        let value = HeaderValue::from_str(value).expect("what we say of files is ASCII");
        self.headers.push((name, value));
        self
    }
}

fn redirect(status: StatusCode, location: String) -> Answer {
    Answer::bare(status).with(LOCATION, &location)
}

/// A location with the region that AWS's console has in its query, if that is one.
fn with_region(location: &str, query: Option<&str>) -> String {
    let mut pairs = query.unwrap_or("").split('&').filter_map(|pair| pair.split_once('='));
    match pairs.find(|(name, region)| *name == "region" && credential::is_region(region)) {
        Some((_, region)) => format!("{location}?region={region}"),
        None => location.to_owned(),
    }
}

/// A file of the console, or the index for the path of a view.
fn file(assets: &Assets, path: &str, headers: &HeaderMap) -> Answer {
    match (assets.find(path), assets.find(INDEX)) {
        (_, None) => page(StatusCode::SERVICE_UNAVAILABLE, NOT_BUILT),
        (Some(asset), Some(_)) if path != INDEX => named(asset, headers),
        (None, Some(_)) if path.starts_with(HASHED) => {
            Answer::new(StatusCode::NOT_FOUND, &TEXT, "The console has no such file\n")
                .with(CACHE_CONTROL, "no-store")
        }
        (_, Some(index)) => view(index, path),
    }
}

/// A file by its own name.
fn named(asset: &Asset, headers: &HeaderMap) -> Answer {
    let compressed = asset.gzip.filter(|_| accepts(headers, ACCEPT_ENCODING, "gzip"));
    // A form of its own is another thing to a cache.
    let tag = format!("\"{}{}\"", asset.tag, if compressed.is_some() { "-gzip" } else { "" });
    let bytes = compressed.unwrap_or(asset.bytes);
    let caching = if asset.hashed { "public, max-age=31536000, immutable" } else { "no-cache" };
    let answer = unless_known(headers, &tag, HeaderValue::from_static(asset.content_type), || {
        Bytes::from_static(bytes)
    });
    let answer = answer.with(CACHE_CONTROL, caching);
    let answer = if asset.gzip.is_some() { answer.with(VARY, "accept-encoding") } else { answer };
    if compressed.is_some() { answer.with(CONTENT_ENCODING, "gzip") } else { answer }
}

/// The index, for a path below `/console/`. It is small, and not compressed because it is not the
/// same for every depth.
fn view(index: &Asset, path: &str) -> Answer {
    let depth = path.matches('/').count();
    let base = if depth == 0 { "./".to_owned() } else { "../".repeat(depth) };
    let html = String::from_utf8_lossy(index.bytes);
    page(StatusCode::OK, &html.replacen(BASE, &format!(r#"<base href="{base}">"#), 1))
}

/// A page. The editor makes style sheets while it runs; a nonce, another one each time, lets them pass and
/// nothing that somebody has smuggled in. So a page is never kept.
fn page(status: StatusCode, html: &str) -> Answer {
    let Ok(nonce) = session::random() else {
        let exception = Exception::new(ExceptionKind::InternalFailure, "The system gives no randomness");
        return Answer::exception(StatusCode::INTERNAL_SERVER_ERROR, &exception);
    };
    let html = html.replacen(NONCE, &format!(r#"<meta name="csp-nonce" content="{nonce}">"#), 1);
    let html = html.replacen(r#"<style nonce="">"#, &format!(r#"<style nonce="{nonce}">"#), 1);
    Answer::new(status, &HTML, html)
        .with(CONTENT_SECURITY_POLICY.clone(), &format!("{POLICY}; style-src 'self' 'nonce-{nonce}'"))
        .with(CACHE_CONTROL, "no-store")
}

/// What a tag stands for, or that the client has it.
fn unless_known(
    headers: &HeaderMap,
    tag: &str,
    content_type: HeaderValue,
    bytes: impl FnOnce() -> Bytes,
) -> Answer {
    let known = headers.get_all(IF_NONE_MATCH).iter().filter_map(|header| header.to_str().ok());
    let mut known = known.flat_map(|header| header.split(',')).map(str::trim);
    let answer = if known.any(|known| known == "*" || known.trim_start_matches("W/") == tag) {
        Answer::bare(StatusCode::NOT_MODIFIED)
    } else {
        Answer { content_type: Some(content_type), body: bytes(), ..Answer::bare(StatusCode::OK) }
    };
    answer.with(ETAG, tag)
}

/// Whether a header of preferences has this one among them, and not with a weight of zero.
fn accepts(headers: &HeaderMap, name: HeaderName, wanted: &str) -> bool {
    let all = headers.get_all(name);
    let mut items = all.iter().filter_map(|header| header.to_str().ok()).flat_map(|header| header.split(','));
    items.any(|item| {
        let mut parts = item.split(';').map(str::trim);
        let is_wanted = parts.next().is_some_and(|name| name.eq_ignore_ascii_case(wanted));
        let weight = parts.find_map(|parameter| parameter.strip_prefix("q="));
        is_wanted && weight.is_none_or(|weight| weight.parse::<f32>().is_ok_and(|weight| weight > 0.0))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weight_of_zero_refuses() {
        let accepts = |text: &str| {
            let headers = HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_str(text).unwrap())]);
            accepts(&headers, ACCEPT_ENCODING, "gzip")
        };
        assert!(accepts("gzip") && accepts("br, GZIP") && accepts("br;q=1.0, gzip;q=0.8, *;q=0.1"));
        assert!(!accepts("br") && !accepts("gzip;q=0") && !accepts("gzip; q=0.000") && !accepts("xgzip"));
    }

    #[test]
    fn only_a_region_is_kept_of_a_query() {
        let location = |query| with_region("../console/", query);
        assert_eq!(location(Some("a=b&region=eu-west-1")), "../console/?region=eu-west-1");
        for none in [None, Some(""), Some("region="), Some("region=%0d%0aX:1"), Some("region=//evil.example")]
        {
            assert_eq!(location(none), "../console/", "{none:?}");
        }
    }

    #[test]
    fn the_page_of_a_server_without_a_console_needs_nothing_else() {
        for foreign in ["<script", "src=", "href=", "url(", "@import"] {
            assert!(!NOT_BUILT.contains(foreign), "{foreign}");
        }
    }
}
