//! Signing in to the console. The numbers are those of the table in `src/sign_in.rs`.

use std::time::Duration;

use stepwell_api::Principal;
use stepwell_policy::Policy;
use stepwell_server::{Credentials, Options, Secret};

use crate::{Reply, Site};

const SECRET: &str = "a-secret-of-ada-0123456789";

const RIGHT: &str = r#"{"accessKeyId":"AKIAADA","secretAccessKey":"a-secret-of-ada-0123456789"}"#;

const WRONG: &str = r#"{"accessKeyId":"AKIAADA","secretAccessKey":"another-secret-0123456789"}"#;

const JSON: &str = "Content-Type: application/json\r\n";

const AWS_JSON: &str = "Content-Type: application/x-amz-json-1.0\r\n";

/// A server that knows ada, who may do everything but create activities, and bob, who may do nothing.
async fn site() -> Site {
    site_with(|options| options).await
}

async fn site_with(change: impl FnOnce(Options) -> Options) -> Site {
    let mut credentials = Credentials::default();
    let policy = r#"{"Statement": [
        {"Effect": "Allow", "Action": "*", "Resource": "*"},
        {"Effect": "Deny", "Action": "states:CreateActivity", "Resource": "*"}
    ]}"#;
    let ada = Principal::new("111111111111", "ada", vec![Policy::parse(policy).unwrap()]);
    credentials.add("AKIAADA", Secret::new(SECRET), ada);
    let bob = Principal::new("222222222222", "bob", Vec::new());
    credentials.add("AKIABOB", Secret::new("a-secret-of-bob-0123456789"), bob);
    Site::with(|options| change(Options { credentials: Some(credentials), ..options })).await
}

async fn ask(site: &Site, method: &str, path: &str, headers: &str, body: &str) -> Reply {
    let length = body.len();
    let head =
        format!("{method} {path} HTTP/1.1\r\nHost: localhost:8083\r\n{headers}Content-Length: {length}\r\n");
    site.ask(&format!("{head}\r\n{body}")).await
}

async fn sign_in(site: &Site, headers: &str, body: &str) -> Reply {
    ask(site, "POST", "/console/session", &format!("{JSON}{headers}"), body).await
}

/// What a browser has after a sign-in: a cookie, and in a page the token.
struct Browser {
    cookie: String,
    csrf: String,
}

impl Browser {
    /// What a reply has given to a browser.
    fn of(reply: &Reply) -> Browser {
        assert_eq!(reply.status, 200, "{reply:?}");
        let cookie = reply.header("set-cookie").unwrap().split(';').next().unwrap();
        let (_, token) = reply.body.split_once(r#""csrfToken":""#).unwrap();
        let token = token.split('"').next().unwrap();
        let (name, id) = cookie.split_once('=').unwrap();
        assert!(name.starts_with("stepwell_session_"), "{name}");
        assert_eq!((id.len(), token.len()), (64, 64));
        Browser { cookie: format!("Cookie: {cookie}\r\n"), csrf: format!("X-Stepwell-Csrf: {token}\r\n") }
    }

    async fn signed_in(site: &Site) -> Browser {
        Browser::of(&sign_in(site, "", RIGHT).await)
    }

    async fn call(&self, site: &Site, operation: &str, more: &str, body: &str) -> Reply {
        let Browser { cookie, csrf } = self;
        call(site, operation, &format!("{cookie}{csrf}{more}"), body).await
    }
}

async fn call(site: &Site, operation: &str, headers: &str, body: &str) -> Reply {
    let headers = format!("{AWS_JSON}X-Amz-Target: AWSStepFunctions.{operation}\r\n{headers}");
    ask(site, "POST", "/", &headers, body).await
}

fn cookie_name(site: &Site) -> String {
    format!("stepwell_session_{}", site.address.port())
}

async fn state(site: &Site, headers: &str) -> String {
    let reply = ask(site, "GET", "/console/session", headers, "").await;
    assert_eq!((reply.status, reply.header("cache-control")), (200, Some("no-store")));
    reply.body
}

fn check(reply: &Reply, status: u16, exception: &str) {
    assert_eq!(reply.status, status, "{reply:?}");
    assert!(reply.body.starts_with(&format!(r#"{{"__type":"{exception}""#)), "{reply:?}");
}

#[tokio::test]
async fn who_signs_in_may_do_what_the_key_may_and_says_so_in_the_log() {
    let site = site().await;
    let version = env!("CARGO_PKG_VERSION");
    let nobody = format!(r#"{{"mode":"credentials","signedIn":false,"version":"{version}"}}"#);
    assert_eq!(state(&site, "").await, nobody);
    let reply = sign_in(&site, "", RIGHT).await;
    let cookie = reply.header("set-cookie").unwrap();
    assert!(cookie.ends_with("; httponly; samesite=strict; path=/"), "{cookie}");
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    let browser = Browser::of(&reply);
    let start = r#"{"mode":"credentials","signedIn":true,"account":"111111111111","region":"us-east-1","user":"ada","#;
    assert!(reply.body.starts_with(start), "{}", reply.body);
    assert_eq!(
        state(&site, &browser.cookie).await,
        reply.body,
        "a page that was loaded again gets the token"
    );

    let made = browser.call(&site, "ListStateMachines", "", "{}").await;
    assert_eq!((made.status, made.body.as_str()), (200, r#"{"stateMachines":[]}"#));
    let lines = site.lines.lock().unwrap().join("\n");
    assert!(lines.contains("signed_in") && lines.contains("user=ada"), "{lines}");
    assert!(
        !lines.contains(SECRET) && !lines.contains(browser.cookie.trim_end().split_once('=').unwrap().1),
        "{lines}"
    );
}

#[tokio::test]
async fn the_region_is_the_one_of_the_call_or_of_the_sign_in() {
    let site = site().await;
    let region =
        r#"{"accessKeyId":"AKIABOB","secretAccessKey":"a-secret-of-bob-0123456789","region":"eu-west-1"}"#;
    let browser = Browser::of(&sign_in(&site, "", region).await);
    let refusal = async |more: &str| browser.call(&site, "ListActivities", more, "{}").await.body;
    assert!(refusal("").await.contains("arn:aws:states:eu-west-1:222222222222:activity:*"));
    let more = "X-Stepwell-Region: ap-south-1\r\n";
    assert!(refusal(more).await.contains("arn:aws:states:ap-south-1:222222222222:activity:*"));
    check(
        &browser.call(&site, "ListActivities", "X-Stepwell-Region: a b\r\n", "{}").await,
        400,
        "ValidationException",
    );
    let hostile = region.replace("eu-west-1", "x\\r\\nSet-Cookie: a");
    check(&sign_in(&site, "", &hostile).await, 400, "com.amazon.coral.service#SerializationException");
}

#[tokio::test]
async fn s1_a_foreign_page_gets_nothing_done_by_the_cookie() {
    let site = site().await;
    let browser = Browser::signed_in(&site).await;
    let other = Browser::signed_in(&site).await;
    let made = r#"{"name":"made","definition":"{}","roleArn":"arn:aws:iam::111111111111:role/r"}"#;
    for token in ["", "X-Stepwell-Csrf: \r\n", "X-Stepwell-Csrf: 0000\r\n", &other.csrf] {
        let headers = format!("{}{token}", browser.cookie);
        check(&call(&site, "CreateStateMachine", &headers, made).await, 403, "AccessDeniedException");
        check(&ask(&site, "DELETE", "/console/session", &headers, "").await, 403, "AccessDeniedException");
    }
    let from = "Origin: http://evil.example\r\n";
    check(&browser.call(&site, "ListStateMachines", from, "{}").await, 403, "AccessDeniedException");
    check(&sign_in(&site, from, RIGHT).await, 403, "AccessDeniedException");
    let site_header = "Sec-Fetch-Site: same-site\r\n";
    check(&sign_in(&site, site_header, RIGHT).await, 403, "AccessDeniedException");
    assert!(site.lines.lock().unwrap().iter().any(|line| line.starts_with("Warn request_refused")));
    assert_eq!(browser.call(&site, "ListStateMachines", "", "{}").await.status, 200, "the session lives");
}

#[tokio::test]
async fn s2_guesses_are_refused_alike_and_then_have_to_wait() {
    let site = site().await;
    let unknown = WRONG.replace("AKIAADA", "AKIANOBODY");
    let wrong = sign_in(&site, "", WRONG).await;
    check(&wrong, 403, "UnrecognizedClientException");
    assert_eq!(sign_in(&site, "", &unknown).await.body, wrong.body);
    for _ in 0..4 {
        assert_eq!(sign_in(&site, "", WRONG).await.status, 403);
    }
    let waiting = sign_in(&site, "", RIGHT).await;
    check(&waiting, 429, "ThrottlingException");
    let seconds: u64 = waiting.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=4).contains(&seconds), "{seconds}");
    assert_eq!(sign_in(&site, "", &unknown).await.status, 403, "only this key waits");
    let lines = site.lines.lock().unwrap().clone();
    let refused: Vec<&String> = lines.iter().filter(|line| line.contains("sign_in_refused")).collect();
    assert_eq!(refused.len(), 7, "what has to wait fills no log: {refused:?}");
    assert!(refused.iter().all(|line| line.starts_with("Warn") && !line.contains("secret-0123456789")));
}

#[tokio::test]
async fn s3_a_session_that_is_over_is_worth_nothing() {
    let site = site().await;
    let browser = Browser::signed_in(&site).await;
    let headers = format!("{}{}", browser.cookie, browser.csrf);
    let out = ask(&site, "DELETE", "/console/session", &headers, "").await;
    assert_eq!((out.status, out.body.as_str()), (204, ""));
    let name = cookie_name(&site);
    let cleared = format!("{name}=; httponly; samesite=strict; path=/; max-age=0");
    assert_eq!(out.header("set-cookie"), Some(&*cleared));
    let over = browser.call(&site, "ListStateMachines", "", "{}").await;
    check(&over, 403, "ExpiredTokenException");
    assert!(over.body.contains("Your sign-in has expired"));
    let made_up = format!("Cookie: {name}={}\r\n{}", "0".repeat(64), browser.csrf);
    check(&call(&site, "ListStateMachines", &made_up, "{}").await, 403, "ExpiredTokenException");
    check(&call(&site, "ListStateMachines", &browser.csrf, "{}").await, 403, "ExpiredTokenException");
    check(&call(&site, "ListStateMachines", "", "{}").await, 403, "MissingAuthenticationTokenException");
    assert!(state(&site, &browser.cookie).await.contains(r#""signedIn":false"#));
    assert_eq!(ask(&site, "DELETE", "/console/session", &headers, "").await.status, 204, "again");
    assert!(site.lines.lock().unwrap().iter().any(|line| line.contains("signed_out")));
}

#[tokio::test]
async fn s4_a_cookie_beside_a_signature_does_not_count() {
    let site = site().await;
    let browser = Browser::signed_in(&site).await;
    let signature = "Authorization: AWS4-HMAC-SHA256 Credential=AKIAADA/20260101/us-east-1/states/aws4_request, \
                     SignedHeaders=host, Signature=0\r\n";
    let reply = browser.call(&site, "ListStateMachines", signature, "{}").await;
    check(&reply, 400, "IncompleteSignatureException");
    let headers = format!("{}{signature}", browser.cookie);
    assert!(state(&site, &headers).await.contains(r#""signedIn":false"#));
    assert_eq!(browser.call(&site, "ListStateMachines", "", "{}").await.status, 200, "the session lives");
}

#[tokio::test]
async fn s5_a_sign_in_has_a_new_cookie_and_ends_the_session_before() {
    let site = site().await;
    let before = Browser::signed_in(&site).await;
    let after = Browser::of(&sign_in(&site, &before.cookie, RIGHT).await);
    assert_ne!((&before.cookie, &before.csrf), (&after.cookie, &after.csrf));
    check(&before.call(&site, "ListStateMachines", "", "{}").await, 403, "ExpiredTokenException");
    assert_eq!(after.call(&site, "ListStateMachines", "", "{}").await.status, 200);
    let planted = format!("Cookie: {}=planted\r\n{}{}", cookie_name(&site), after.cookie, after.csrf);
    assert_eq!(call(&site, "ListStateMachines", &planted, "{}").await.status, 200);
}

#[tokio::test]
async fn s6_what_is_no_sign_in_is_not_looked_at() {
    let site = site().await;
    let giant = format!(r#"{{"accessKeyId":"{}"}}"#, "x".repeat(20_000));
    check(&sign_in(&site, "", &giant).await, 413, "RequestEntityTooLargeException");
    for (headers, status) in [("", 403), ("Content-Type: text/plain\r\n", 403), (AWS_JSON, 403)] {
        assert_eq!(ask(&site, "POST", "/console/session", headers, RIGHT).await.status, status, "{headers}");
    }
    for body in
        ["", "null", "[]", "{", r#"{"accessKeyId":1,"secretAccessKey":"x"}"#, r#"{"accessKeyId":"x"}"#]
    {
        check(&sign_in(&site, "", body).await, 400, "com.amazon.coral.service#SerializationException");
    }
    let twice = format!(r#"{{"accessKeyId":"a",{}"#, &RIGHT[1..]);
    assert_eq!(sign_in(&site, "", &twice).await.status, 400);
    assert_eq!(ask(&site, "PUT", "/console/session", JSON, RIGHT).await.status, 404);
    assert_eq!(sign_in(&site, "", RIGHT).await.status, 200, "none of these counts as a failure");
}

#[tokio::test]
async fn s7_policies_hold_as_they_do_for_the_key() {
    let site = site().await;
    let browser = Browser::signed_in(&site).await;
    let refused = browser.call(&site, "CreateActivity", "", r#"{"name":"a"}"#).await;
    check(&refused, 400, "AccessDeniedException");
    assert!(refused.body.contains("arn:aws:iam::111111111111:user/ada"), "{}", refused.body);
    let foreign = r#"{"stateMachineArn":"arn:aws:states:us-east-1:222222222222:stateMachine:m"}"#;
    check(&browser.call(&site, "DescribeStateMachine", "", foreign).await, 400, "AccessDeniedException");
}

#[tokio::test]
async fn s8_a_secret_in_the_wrong_field_is_not_in_the_log() {
    let site = site().await;
    let swapped = format!(r#"{{"accessKeyId":"{SECRET}","secretAccessKey":"AKIAADA"}}"#);
    assert_eq!(sign_in(&site, "", &swapped).await.status, 403);
    let lines = site.lines.lock().unwrap().join("\n");
    assert!(lines.contains("sign_in_refused") && !lines.contains(SECRET), "{lines}");
}

#[tokio::test]
async fn s9_the_state_of_the_session_is_for_pages_of_our_own() {
    let site = site().await;
    let browser = Browser::signed_in(&site).await;
    for headers in [
        "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n",
        "Sec-Fetch-Site: same-site\r\n",
        "Origin: http://localhost:3000\r\n",
    ] {
        let reply = ask(&site, "GET", "/console/session", &format!("{}{headers}", browser.cookie), "").await;
        check(&reply, 403, "AccessDeniedException");
    }
}

#[tokio::test]
async fn an_open_server_has_nobody_to_sign_in_and_believes_what_a_request_claims() {
    let site = Site::open().await;
    let version = env!("CARGO_PKG_VERSION");
    let told = |account: &str, region: &str| {
        format!(
            r#"{{"mode":"open","signedIn":false,"account":"{account}","region":"{region}","version":"{version}"}}"#
        )
    };
    assert_eq!(state(&site, "").await, told("000000000000", "us-east-1"));
    let claim = "Authorization: AWS4-HMAC-SHA256 Credential=123456789012/20260101/eu-west-1/states/aws4_request, \
                 SignedHeaders=host, Signature=0\r\n";
    assert_eq!(state(&site, claim).await, told("123456789012", "eu-west-1"));
    check(&sign_in(&site, "", RIGHT).await, 400, "ValidationException");
    assert_eq!(ask(&site, "DELETE", "/console/session", "", "").await.status, 204);
    let cookie = format!("Cookie: {}=left-over\r\n", cookie_name(&site));
    assert_eq!(call(&site, "ListStateMachines", &cookie, "{}").await.status, 200);
}

#[tokio::test]
async fn two_servers_on_one_host_leave_each_other_their_sessions() {
    let (one, other) = (site().await, site().await);
    let mut of_one = Browser::signed_in(&one).await;
    // A browser sends what it has for a host to each of its ports.
    let of_other = Browser::of(&sign_in(&other, &of_one.cookie, RIGHT).await);
    assert_ne!(cookie_name(&one), cookie_name(&other));
    of_one.cookie.push_str(&of_other.cookie);
    assert_eq!(of_one.call(&one, "ListStateMachines", "", "{}").await.status, 200);
    let headers = format!("{}{}", of_one.cookie, of_other.csrf);
    assert_eq!(ask(&other, "DELETE", "/console/session", &headers, "").await.status, 204);
    assert_eq!(of_one.call(&one, "ListStateMachines", "", "{}").await.status, 200);
    check(&of_other.call(&other, "ListStateMachines", "", "{}").await, 403, "ExpiredTokenException");
}

#[tokio::test]
async fn events_are_told_to_a_session_and_not_to_one_that_is_over() {
    let site = site().await;
    let browser = Browser::signed_in(&site).await;
    let watch = format!("GET /events HTTP/1.1\r\nHost: localhost:8083\r\n{}\r\n", browser.cookie);
    let mut client = site.client().await;
    client.send(&watch).await;
    let head = client.head().await;
    assert_eq!((head.status, head.header("content-type")), (200, Some("text/event-stream")));

    let headers = format!("{}{}", browser.cookie, browser.csrf);
    assert_eq!(ask(&site, "DELETE", "/console/session", &headers, "").await.status, 204);
    check(&site.ask(&watch).await, 403, "ExpiredTokenException");
    assert!(client.rest().await.contains("hello"), "what was open has come to its end in order");
    // Another window has lost the cookie by that, and still shows the token.
    let watch = watch.replace(&browser.cookie, &browser.csrf);
    check(&site.ask(&watch).await, 403, "ExpiredTokenException");
}

#[tokio::test]
async fn events_end_when_their_session_has_lasted_as_long_as_it_may() {
    let long = Duration::from_secs(3_600);
    for (idle, age) in [(Duration::from_millis(300), long), (long, Duration::from_millis(300))] {
        let site = site_with(|options| Options {
            session_idle_max: idle,
            session_age_max: age,
            patience: Duration::from_millis(200),
            ..options
        })
        .await;
        let browser = Browser::signed_in(&site).await;
        let watch = format!("GET /events HTTP/1.1\r\nHost: localhost:8083\r\n{}\r\n", browser.cookie);
        let mut client = site.client().await;
        client.send(&watch).await;
        assert_eq!(client.head().await.status, 200);
        let rest = client.rest().await;
        assert!(rest.contains("\n:\n\n"), "it has been open, and no use all the while: {rest}");
        check(&site.ask(&watch).await, 403, "ExpiredTokenException");
    }
}
