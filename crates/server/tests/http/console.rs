//! The console's files as a browser gets them, behind a proxy or not, and the ways that lead there.

use std::borrow::Cow;

use stepwell_server::{Assets, Options};

use crate::{Reply, Site};

const INDEX: &str = r#"<!doctype html><html><head><base href="./"><meta name="csp-nonce" content=""></head><body></body></html>"#;

/// A console of a few files.
fn assets() -> Assets {
    let files: [(&str, &str); 5] = [
        ("index.html", INDEX),
        ("favicon.svg", "<svg/>"),
        ("assets/index-abc123.js", "the code of the console"),
        ("assets/index-abc123.js.gz", "compressed"),
        ("assets/small-def456.css", "a{}"),
    ];
    Assets::new(files.map(|(name, text)| (Cow::Borrowed(name), text.as_bytes())))
}

async fn site() -> Site {
    Site::with(|options| Options { console: assets(), ..options }).await
}

async fn get(site: &Site, path: &str, headers: &str) -> Reply {
    site.ask(&format!("GET {path} HTTP/1.1\r\nHost: localhost:8083\r\n{headers}\r\n")).await
}

/// A browser that follows a link of a page elsewhere.
const FROM_A_LINK: &str = "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n\
                           Accept: text/html,application/xhtml+xml\r\n";

#[tokio::test]
async fn every_view_is_the_index_with_a_base_that_leads_back_to_the_console() {
    let site = site().await;
    for (path, base) in [
        ("/console/", "./"),
        ("/console/index.html", "./"),
        ("/console/executions", "./"),
        ("/console/executions?status=FAILED", "./"),
        ("/console/executions/arn:aws:states:us-east-1:000000000000:execution:m:e", "../"),
        ("/console/machines/a%2Fb/graph", "../../"),
        ("/console/a/", "../"),
        ("/console//evil.example", "../"),
        ("/console/session/x", "../"),
    ] {
        let reply = get(&site, path, "").await;
        assert_eq!(reply.status, 200, "{path}");
        assert!(reply.body.contains(&format!(r#"<base href="{base}">"#)), "{path}: {}", reply.body);
        assert_eq!(reply.header("content-type"), Some("text/html; charset=utf-8"));
        assert_eq!(reply.header("cache-control"), Some("no-store"));
    }
}

#[tokio::test]
async fn a_page_is_made_anew_each_time_with_a_nonce_for_the_styles_that_it_makes() {
    let site = site().await;
    let mut seen = Vec::new();
    for _ in 0..2 {
        let reply = get(&site, "/console/a/b", "").await;
        let (_, rest) = reply.body.split_once(r#"<meta name="csp-nonce" content=""#).unwrap();
        let nonce = rest.split_once('"').unwrap().0.to_owned();
        assert_eq!(nonce.len(), 64);
        let policy = reply.header("content-security-policy").unwrap();
        assert!(policy.ends_with(&format!("; style-src 'self' 'nonce-{nonce}'")), "{policy}");
        seen.push(nonce);
    }
    assert_ne!(seen[0], seen[1]);
}

#[tokio::test]
async fn a_file_is_compressed_for_who_takes_that_and_kept_for_ever_if_its_name_says_what_is_in_it() {
    let site = site().await;
    let code = "/console/assets/index-abc123.js";
    let forever = Some("public, max-age=31536000, immutable");
    let plain = get(&site, code, "").await;
    assert_eq!((plain.status, plain.body.as_str()), (200, "the code of the console"));
    assert_eq!(plain.header("content-type"), Some("text/javascript; charset=utf-8"));
    assert_eq!((plain.header("cache-control"), plain.header("vary")), (forever, Some("accept-encoding")));
    assert!(plain.header("content-encoding").is_none());

    let small = get(&site, code, "Accept-Encoding: br, gzip\r\n").await;
    assert_eq!((small.body.as_str(), small.header("content-encoding")), ("compressed", Some("gzip")));
    assert_eq!((small.header("cache-control"), small.header("vary")), (forever, Some("accept-encoding")));
    assert_ne!(small.header("etag"), plain.header("etag"));

    let style = get(&site, "/console/assets/small-def456.css", "Accept-Encoding: gzip\r\n").await;
    assert_eq!(
        (style.body.as_str(), style.header("content-encoding"), style.header("vary")),
        ("a{}", None, None)
    );

    let icon = get(&site, "/console/favicon.svg", "").await;
    assert_eq!(
        (icon.header("content-type"), icon.header("cache-control")),
        (Some("image/svg+xml"), Some("no-cache"))
    );
    let known = format!("If-None-Match: {}\r\n", icon.header("etag").unwrap());
    assert_eq!(get(&site, "/console/favicon.svg", &known).await.status, 304);
}

#[tokio::test]
async fn a_script_of_an_older_release_is_missing_and_not_a_page() {
    let site = site().await;
    let reply = get(&site, "/console/assets/index-old.js", "").await;
    assert_eq!(reply.status, 404);
    assert_eq!(
        (reply.header("content-type"), reply.header("cache-control")),
        (Some("text/plain; charset=utf-8"), Some("no-store"))
    );
    assert_eq!(get(&site, "/console/assets/index-abc123.js.gz", "").await.status, 404);
}

#[tokio::test]
async fn ways_to_the_console_are_relative_so_that_a_proxy_may_put_a_prefix_before() {
    let site = site().await;
    for (path, headers, status, location) in [
        ("/", "Accept: text/html\r\n", 307, "console/"),
        ("/console", "", 308, "console/"),
        ("/states", "", 307, "console/"),
        ("/states/home", "", 307, "../console/"),
        ("/states/", "", 307, "../console/"),
        ("/states/home/?region=eu-west-1", "", 307, "../../console/?region=eu-west-1"),
        ("/states/home?region=eu-west-1", "", 307, "../console/?region=eu-west-1"),
        ("/states/home?x=y&region=eu-west-1&z", "", 307, "../console/?region=eu-west-1"),
        ("/states/home?region=//evil.example", "", 307, "../console/"),
    ] {
        let reply = get(&site, path, headers).await;
        assert_eq!(
            (reply.status, reply.header("location"), reply.body.as_str()),
            (status, Some(location), ""),
            "{path}"
        );
    }
    for (path, headers) in
        [("/", ""), ("/", "Accept: */*\r\n"), ("/", "Accept: application/json\r\n"), ("/states/x", "")]
    {
        assert_eq!(get(&site, path, headers).await.status, 404, "{path} {headers}");
    }
    let reply = site.ask("POST /console/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n").await;
    assert_eq!(reply.status, 404);
}

#[tokio::test]
async fn whatever_is_answered_about_the_console_says_what_a_browser_must_refuse() {
    let site = site().await;
    for path in [
        "/console/",
        "/console",
        "/console/favicon.svg",
        "/console/assets/none.js",
        "/states/home",
        "/console/session",
    ] {
        let reply = get(&site, path, "").await;
        let policy = reply.header("content-security-policy").expect(path);
        for directive in
            ["default-src 'self'", "object-src 'none'", "frame-ancestors 'none'", "form-action 'self'"]
        {
            assert!(policy.contains(directive), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe") && !policy.contains("script-src"), "{policy}");
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(reply.header("referrer-policy"), Some("no-referrer"));
        assert_eq!(reply.header("cross-origin-opener-policy"), Some("same-origin"));
        assert!(reply.header("access-control-allow-origin").is_none());
    }
}

#[tokio::test]
async fn a_link_elsewhere_may_lead_to_the_console_and_to_nothing_else() {
    let site = site().await;
    for (path, status) in
        [("/", 307), ("/console", 308), ("/console/executions/x", 200), ("/states/home", 307)]
    {
        assert_eq!(get(&site, path, FROM_A_LINK).await.status, status, "{path}");
        let framed = FROM_A_LINK.replace("document", "iframe");
        assert_eq!(get(&site, path, &framed).await.status, 403, "{path} in a frame");
        let loaded = FROM_A_LINK.replace("navigate", "no-cors");
        assert_eq!(get(&site, path, &loaded).await.status, 403, "{path} as a part of a page");
        let posted =
            format!("POST {path} HTTP/1.1\r\nHost: localhost:8083\r\n{FROM_A_LINK}Content-Length: 0\r\n\r\n");
        assert_eq!(site.ask(&posted).await.status, 403, "{path} posted");
        let rebound = format!("GET {path} HTTP/1.1\r\nHost: evil.example\r\n{FROM_A_LINK}\r\n");
        assert_eq!(site.ask(&rebound).await.status, 403, "{path} of another host");
    }
    for path in ["/metrics", "/health", "/console/session", "/other"] {
        assert_eq!(get(&site, path, FROM_A_LINK).await.status, 403, "{path}");
    }
}

#[tokio::test]
async fn head_is_answered_like_get_without_the_body() {
    let site = site().await;
    let mut client = site.client().await;
    for path in ["/console/", "/console/favicon.svg", "/console/session"] {
        let whole = get(&site, path, "").await;
        client.send(&format!("HEAD {path} HTTP/1.1\r\nHost: localhost\r\n\r\n")).await;
        let head = client.head().await;
        assert_eq!(
            (head.status, head.header("content-length")),
            (200, whole.header("content-length")),
            "{path}"
        );
        assert_eq!(head.header("etag"), whole.header("etag"));
    }
    assert!(client.buffer.is_empty());
}

#[tokio::test]
async fn a_program_without_a_console_says_so_and_serves_all_else() {
    let site = Site::with(|options| Options { console: Assets::default(), ..options }).await;
    for path in ["/console/", "/console/a/b", "/console/assets/x.js"] {
        let reply = get(&site, path, "").await;
        assert_eq!(
            (reply.status, reply.header("content-type")),
            (503, Some("text/html; charset=utf-8")),
            "{path}"
        );
        assert!(reply.body.contains("cargo xtask run") && reply.header("content-security-policy").is_some());
    }
    assert_eq!(get(&site, "/", "Accept: text/html\r\n").await.status, 307);
    assert_eq!(site.call("ListStateMachines", "{}").await.status, 200);
}
