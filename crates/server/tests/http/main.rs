//! The server over real sockets, with an engine in memory behind it.

mod console;
mod sign_in;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use stepwell_api::Api;
use stepwell_engine::{Engine, EngineOptions, SystemClock};
use stepwell_server::{Level, LogLine, Options, serve};
use stepwell_store::MemoryStore;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

struct Site {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    served: JoinHandle<std::io::Result<()>>,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Site {
    async fn open() -> Site {
        Site::with(|options| options).await
    }

    async fn with(change: impl FnOnce(Options) -> Options) -> Site {
        let store = Arc::new(MemoryStore::new([7; 32]));
        let options = EngineOptions { shards: 1, ..EngineOptions::default() };
        let engine =
            Engine::open(store, Vec::new(), Arc::new(SystemClock), options).expect("the store is empty");
        let api = Arc::new(Api::new(engine, stepwell_api::Options::new([7; 32])));

        let lines = Arc::new(Mutex::new(Vec::new()));
        let heard = lines.clone();
        let log = Arc::new(move |line: &LogLine<'_>| {
            let fields: Vec<String> =
                line.fields.iter().map(|(name, text)| format!("{name}={text}")).collect();
            let text = format!("{:?} {} {:?} {}", line.level, line.event, line.message, fields.join(" "));
            heard.lock().unwrap().push(text);
        });
        let options = change(Options { log, ..Options::default() });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let served = tokio::spawn(serve(listener, api, options, async {
            let _ = stopped.await;
        }));
        Site { address, stop: Some(stop), served, lines }
    }

    async fn client(&self) -> Client {
        Client { stream: TcpStream::connect(self.address).await.unwrap(), buffer: Vec::new() }
    }

    /// One call on a connection of its own.
    async fn call(&self, operation: &str, body: &str) -> Reply {
        let mut client = self.client().await;
        client.send(&post(operation, body)).await;
        client.reply().await
    }

    async fn ask(&self, request: &str) -> Reply {
        let mut client = self.client().await;
        client.send(request).await;
        client.reply().await
    }
}

struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
}

#[derive(Debug)]
struct Reply {
    status: u16,
    head: String,
    body: String,
}

impl Client {
    async fn send(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).await.unwrap();
    }

    async fn reply(&mut self) -> Reply {
        let mut reply = self.head().await;
        let length: usize = reply.header("content-length").unwrap_or("0").parse().unwrap();
        while self.buffer.len() < length {
            assert!(self.read().await, "closed within a reply");
        }
        reply.body = String::from_utf8(self.buffer.drain(..length).collect()).unwrap();
        reply
    }

    /// What comes before the body of a reply, and is all of the reply to a HEAD.
    async fn head(&mut self) -> Reply {
        let head_end = loop {
            if let Some(at) = find(&self.buffer, b"\r\n\r\n") {
                break at + 4;
            }
            assert!(self.read().await, "closed before a reply: {:?}", String::from_utf8_lossy(&self.buffer));
        };
        let head = String::from_utf8(self.buffer.drain(..head_end).collect()).unwrap().to_lowercase();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Reply { status, head, body: String::new() }
    }

    async fn read(&mut self) -> bool {
        self.stream.read_buf(&mut self.buffer).await.is_ok_and(|bytes| bytes > 0)
    }

    /// The rest of a body of unknown length, up to its last chunk.
    async fn rest(&mut self) -> String {
        while !self.buffer.ends_with(b"\r\n0\r\n\r\n") {
            assert!(self.read().await, "closed within a body");
        }
        String::from_utf8(std::mem::take(&mut self.buffer)).unwrap()
    }

    /// Waits until the server closes the connection.
    async fn closed(&mut self) {
        while self.read().await {}
    }
}

impl Reply {
    fn header(&self, name: &str) -> Option<&str> {
        header(&self.head, name)
    }
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

fn post(operation: &str, body: &str) -> String {
    post_with(operation, "Content-Type: application/x-amz-json-1.0\r\n", body)
}

fn post_with(operation: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "POST / HTTP/1.1\r\nHost: localhost:8083\r\nX-Amz-Target: AWSStepFunctions.{operation}\r\n{headers}\
         Content-Length: {length}\r\n\r\n{body}"
    )
}

#[tokio::test]
async fn an_operation_is_answered_as_aws_json() {
    let site = Site::open().await;
    let reply = site.call("ListStateMachines", "{}").await;
    assert_eq!((reply.status, reply.body.as_str()), (200, r#"{"stateMachines":[]}"#));
    assert_eq!(reply.header("content-type"), Some("application/x-amz-json-1.0"));
    assert_eq!(reply.header("x-amzn-requestid").map(str::len), Some(36));
    assert!(reply.header("access-control-allow-origin").is_none());
}

#[tokio::test]
async fn refusals_have_the_status_and_the_body_of_aws() {
    let site = Site::open().await;
    let check = async |request: String, status: u16, start: &str| {
        let reply = site.ask(&request).await;
        assert_eq!(reply.status, status, "{reply:?}");
        assert!(reply.body.starts_with(&format!(r#"{{"__type":"{start}""#)), "{reply:?}");
    };
    let json = "Content-Type: application/x-amz-json-1.0\r\n";
    check(post("CreateActivity", r#"{"name":"a b"}"#), 400, "InvalidName").await;
    check(post("CreateActivity", "{"), 400, "com.amazon.coral.service#SerializationException").await;
    check(post("CreateActivity", "{\"name\":1}"), 400, "com.amazon.coral.service#SerializationException")
        .await;
    check(post("Frobnicate", "{}"), 400, "com.amazon.coral.service#UnknownOperationException").await;
    let target = post("x", "{}").replace("AWSStepFunctions.x", "DynamoDB_20120810.ListTables");
    check(target, 400, "com.amazon.coral.service#UnknownOperationException").await;
    let none = format!("POST / HTTP/1.1\r\nHost: localhost\r\n{json}Content-Length: 0\r\n\r\n");
    check(none, 400, "com.amazon.coral.service#UnknownOperationException").await;
    for (method, path) in
        [("GET", "/"), ("POST", "/x"), ("DELETE", "/health"), ("OPTIONS", "*"), ("PUT", "/")]
    {
        let request = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        check(request, 404, "com.amazon.coral.service#UnknownOperationException").await;
    }
}

#[tokio::test]
async fn strangers_are_turned_away_before_anything_happens() {
    let site = Site::open().await;
    let creation = post("CreateActivity", r#"{"name":"act"}"#);
    let with = |header: &str| creation.replacen("X-Amz", &format!("{header}\r\nX-Amz"), 1);
    let strangers = [
        creation.replace("localhost:8083", "evil.example:8083"),
        creation.replace("Host: localhost:8083\r\n", ""),
        creation.replace("POST /", "POST http://evil.example/"),
        with("Origin: http://evil.example"),
        with("Origin: null"),
        with("Origin: http://localhost:3000"),
        with("Sec-Fetch-Site: cross-site"),
        creation.replace("application/x-amz-json-1.0", "text/plain"),
        creation.replace("application/x-amz-json-1.0", "application/x-www-form-urlencoded"),
        creation.replace("application/x-amz-json-1.0", "multipart/form-data; boundary=x"),
        creation.replace("application/x-amz-json-1.0", "text/plain; x=application/x-amz-json-1.0"),
        creation.replace("Content-Type: application/x-amz-json-1.0\r\n", ""),
        "GET /health HTTP/1.1\r\nHost: evil.example\r\n\r\n".to_owned(),
        "GET /metrics HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example\r\n\r\n".to_owned(),
    ];
    for request in &strangers {
        let reply = site.ask(request).await;
        assert_eq!(reply.status, 403, "{request}\n{reply:?}");
        assert!(reply.body.starts_with(r#"{"__type":"AccessDeniedException""#), "{reply:?}");
    }
    assert_eq!(site.call("ListActivities", "{}").await.body, r#"{"activities":[]}"#);
    let refused =
        site.lines.lock().unwrap().iter().filter(|line| line.starts_with("Warn request_refused")).count();
    assert_eq!(refused, strangers.len());
}

#[tokio::test]
async fn our_own_names_and_pages_are_welcome() {
    let site = Site::with(|options| Options { hosts: vec!["flow.test".to_owned()], ..options }).await;
    let list = post("ListActivities", "{}");
    let port = site.address.port();
    for request in [
        list.clone(),
        list.replace("localhost:8083", &format!("127.0.0.1:{port}")),
        list.replace("localhost:8083", "sync-127.0.0.1:8083"),
        list.replace("localhost:8083", "[::1]:8083"),
        list.replace("localhost:8083", "flow.test"),
        list.replace("POST /", "POST http://localhost:8083/"),
        list.replace("POST /", "POST http://localhost:8083"),
        list.replacen("X-Amz", "Origin: http://localhost:8083\r\nSec-Fetch-Site: same-origin\r\nX-Amz", 1),
        list.replace("x-amz-json-1.0", "x-amz-json-1.1; charset=utf-8"),
    ] {
        let reply = site.ask(&request).await;
        assert_eq!((reply.status, reply.body.as_str()), (200, r#"{"activities":[]}"#), "{request}");
    }
}

#[tokio::test]
async fn the_credential_names_account_and_region() {
    let site = Site::open().await;
    let created = async |credential: &str| {
        let headers = format!(
            "Content-Type: application/x-amz-json-1.0\r\nAuthorization: AWS4-HMAC-SHA256 \
             Credential={credential}/20260101/eu-west-1/states/aws4_request, SignedHeaders=host, Signature=0\r\n"
        );
        site.ask(&post_with("CreateActivity", &headers, r#"{"name":"act"}"#)).await.body
    };
    assert!(created("AKIDEXAMPLE").await.contains(":states:eu-west-1:000000000000:activity:act"));
    assert!(created("123456789012").await.contains(":states:eu-west-1:123456789012:activity:act"));
    assert_eq!(site.call("ListActivities", "{}").await.body, r#"{"activities":[]}"#, "another region");
}

#[tokio::test]
async fn a_connection_serves_one_request_after_another_also_sent_at_once() {
    let site = Site::open().await;
    let mut client = site.client().await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        client.send(&post("ListActivities", "{}")).await;
        ids.push(client.reply().await.header("x-amzn-requestid").unwrap().to_owned());
    }
    let many: String =
        (0..20).map(|number| post("CreateActivity", &format!(r#"{{"name":"a{number}"}}"#))).collect();
    client.send(&many).await;
    for number in 0..20 {
        let reply = client.reply().await;
        assert!(reply.body.contains(&format!(":activity:a{number}\"")), "{reply:?}");
        ids.push(reply.header("x-amzn-requestid").unwrap().to_owned());
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 23);
}

#[tokio::test]
async fn a_refused_operation_leaves_the_connection_in_order() {
    let site = Site::open().await;
    let mut client = site.client().await;
    client.send(&post("Frobnicate", &format!("{{\"x\":\"{}\"}}", "y".repeat(1000)))).await;
    assert_eq!(client.reply().await.status, 400);
    client.send(&post("ListActivities", "{}")).await;
    assert_eq!(client.reply().await.status, 200);
}

#[tokio::test]
async fn bodies_are_bounded_whatever_they_announce() {
    let site = Site::open().await;
    let too_large = |reply: &Reply| {
        assert_eq!(reply.status, 413, "{reply:?}");
        assert!(
            reply.body.starts_with(r#"{"__type":"RequestEntityTooLargeException","message":"#),
            "{reply:?}"
        );
        assert_eq!(reply.header("connection"), Some("close"));
    };
    let head = post("ListActivities", "").replace("Content-Length: 0\r\n", "");

    // Two gibibytes announced: the answer comes before any of them.
    too_large(&site.ask(&head.replace("\r\n\r\n", "\r\nContent-Length: 2147483648\r\n\r\n")).await);
    // A little too much, all of it sent before the answer is read.
    too_large(&site.call("ListActivities", &"x".repeat(2_000_000)).await);
    // Chunks without an end.
    let mut client = site.client().await;
    client.send(&head.replace("\r\n\r\n", "\r\nTransfer-Encoding: chunked\r\n\r\n")).await;
    let (mut reader, mut writer) = client.stream.into_split();
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
    let endless = tokio::spawn(async move { while writer.write_all(chunk.as_bytes()).await.is_ok() {} });
    let mut answer = vec![0; 12];
    reader.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer, b"HTTP/1.1 413");
    endless.await.unwrap();

    // What fits is read whole, in chunks too.
    let fits = format!("{{\"x\":\"{}\"}}", "y".repeat(1024 * 1024));
    assert_eq!(site.call("ListActivities", &fits).await.status, 200);
    let chunked =
        head.replace("\r\n\r\n", "\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n");
    assert_eq!(site.ask(&chunked).await.body, r#"{"activities":[]}"#);
}

#[tokio::test]
async fn many_large_bodies_at_once_wait_for_each_other_and_small_ones_do_not() {
    let site = Site::open().await;
    // More of them than the budget holds, each without its last byte.
    let body = format!("{{\"x\":\"{}\"}}", "y".repeat(1_000_000));
    let mut unfinished = Vec::new();
    for _ in 0..40 {
        let mut client = site.client().await;
        let request = post("ListActivities", &body);
        let (most, last) = request.split_at(request.len() - 1);
        let (most, last) = (most.to_owned(), last.to_owned());
        unfinished.push(tokio::spawn(async move {
            client.send(&most).await;
            client.send(&last).await;
            client.reply().await.status
        }));
        assert_eq!(site.call("ListActivities", "{}").await.status, 200);
    }
    for client in unfinished {
        assert_eq!(client.await.unwrap(), 200);
    }
}

#[tokio::test]
async fn a_client_that_does_not_get_on_is_left() {
    let site = Site::with(|options| Options { patience: Duration::from_millis(50), ..options }).await;
    let mut silent = site.client().await;
    let mut head = site.client().await;
    head.send("POST / HTTP/1.1\r\nHost: local").await;
    let mut body = site.client().await;
    let request = post("ListActivities", "{}");
    body.send(&request[..request.len() - 1]).await;
    for client in [&mut silent, &mut head, &mut body] {
        client.closed().await;
        assert!(client.buffer.is_empty(), "nothing was answered");
    }
    // One who waits for us is not.
    site.call("CreateActivity", r#"{"name":"act"}"#).await;
    let mut poller = site.client().await;
    poller.send(&poll()).await;
    silent = site.client().await;
    silent.closed().await;
    start_waiting(&site).await;
    assert!(poller.reply().await.body.contains("taskToken"));
}

fn poll() -> String {
    post("GetActivityTask", r#"{"activityArn":"arn:aws:states:us-east-1:000000000000:activity:act"}"#)
}

/// Starts an execution that wants a task of the activity done.
async fn start_waiting(site: &Site) {
    let definition = r#"{\"StartAt\":\"A\",\"States\":{\"A\":{\"Type\":\"Task\",\"Resource\":\"arn:aws:states:us-east-1:000000000000:activity:act\",\"End\":true}}}"#;
    let creation =
        format!(r#"{{"name":"m","roleArn":"arn:aws:iam::000000000000:role/r","definition":"{definition}"}}"#);
    let created = site.call("CreateStateMachine", &creation).await;
    assert_eq!(created.status, 200, "{created:?}");
    let machine = r#"{"stateMachineArn":"arn:aws:states:us-east-1:000000000000:stateMachine:m"}"#;
    assert_eq!(site.call("StartExecution", machine).await.status, 200);
}

#[tokio::test]
async fn a_worker_that_hung_up_swallows_no_task() {
    let site = Site::open().await;
    site.call("CreateActivity", r#"{"name":"act"}"#).await;
    let waiting = async |count: usize| {
        let line = format!("stepwell_activity_workers_waiting {count}");
        while !site
            .ask("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
            .await
            .body
            .lines()
            .any(|found| found == line)
        {}
    };
    let mut gone = site.client().await;
    gone.send(&poll()).await;
    waiting(1).await;
    drop(gone);
    waiting(0).await;
    start_waiting(&site).await;
    let reply = site.ask(&poll()).await;
    assert!(reply.body.contains("taskToken"), "{reply:?}");
}

#[tokio::test]
async fn health_and_metrics_are_told() {
    let site = Site::open().await;
    let get = async |path: &str| site.ask(&format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n")).await;
    let health = get("/health").await;
    assert_eq!((health.status, health.body.as_str()), (200, r#"{"status":"ok"}"#));
    site.call("ListActivities", "{}").await;
    let metrics = get("/metrics").await;
    assert!(
        metrics.body.contains("stepwell_api_calls_total{operation=\"ListActivities\",outcome=\"ok\"} 1\n"),
        "{metrics:?}"
    );
    assert!(metrics.header("content-type").unwrap().starts_with("text/plain; version=0.0.4"));
}

#[tokio::test]
async fn calls_are_told_to_the_log_as_far_as_it_wants_to_know() {
    let quiet = Site::open().await;
    quiet.call("ListActivities", "{}").await;
    quiet.call("CreateActivity", r#"{"name":"secret name"}"#).await;
    let lines = quiet.lines.lock().unwrap().clone();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].starts_with("Info request \"\" requestId="), "{lines:?}");
    assert!(
        lines[0].ends_with("errorCode=InvalidName") && lines[0].contains("operation=CreateActivity"),
        "{lines:?}"
    );

    let curious = Site::with(|options| Options { log_level: Level::Debug, ..options }).await;
    curious.call("ListActivities", "{}").await;
    curious.call("CreateActivity", r#"{"name":"a b"}"#).await;
    let lines = curious.lines.lock().unwrap().clone();
    assert!(lines[0].starts_with("Debug request \"\" requestId="), "{lines:?}");
    assert!(lines[1].starts_with("Info request \"Invalid Name: 'a b'\" requestId="), "{lines:?}");
}

#[tokio::test]
async fn a_stop_ends_polls_and_idle_connections_and_then_the_server() {
    let mut site = Site::open().await;
    site.call("CreateActivity", r#"{"name":"act"}"#).await;
    let mut idle = site.client().await;
    idle.send(&post("ListActivities", "{}")).await;
    assert_eq!(idle.reply().await.status, 200);
    let mut poller = site.client().await;
    poller.send(&poll()).await;
    // The server reads a connection before it hears of a stop only if it has accepted it.
    while !site
        .ask("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .await
        .body
        .contains("workers_waiting 1\n")
    {}

    site.stop.take().unwrap().send(()).unwrap();
    let reply = poller.reply().await;
    assert_eq!((reply.status, reply.body.as_str()), (200, "{}"));
    idle.closed().await;
    site.served.await.unwrap().unwrap();
    assert!(TcpStream::connect(site.address).await.is_err());
}

#[tokio::test]
async fn more_connections_than_allowed_wait_their_turn() {
    let site = Site::with(|options| Options { connections_max: 2, ..options }).await;
    let mut clients = Vec::new();
    for _ in 0..3 {
        let mut client = site.client().await;
        client.send(&post("ListActivities", "{}")).await;
        clients.push(client);
    }
    let mut third = clients.pop().unwrap();
    for client in &mut clients {
        assert_eq!(client.reply().await.status, 200);
    }
    drop(clients);
    assert_eq!(third.reply().await.status, 200);
}
