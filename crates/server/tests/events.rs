//! Streams of events over real sockets, with an engine in memory behind them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use stepwell_api::{Api, Principal};
use stepwell_engine::{Engine, EngineOptions, SystemClock};
use stepwell_server::{Credentials, Options, Secret, serve};
use stepwell_store::MemoryStore;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

const WAIT: &str = r#"{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":1000,"End":true}}}"#;
const PREFIX: &str = "arn:aws:states:us-east-1:000000000000";

/// What the sockets hold back at most, so that a client which does not read is soon noticed.
const SOCKET_BYTES: u32 = 16 * 1024;

struct Site {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    served: JoinHandle<std::io::Result<()>>,
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
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_send_buffer_size(SOCKET_BYTES).unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(128).unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let served = tokio::spawn(serve(listener, api, change(Options::default()), async {
            let _ = stopped.await;
        }));
        Site { address, stop: Some(stop), served }
    }

    async fn client(&self) -> Client {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(SOCKET_BYTES).unwrap();
        Client { stream: socket.connect(self.address).await.unwrap(), text: String::new() }
    }

    /// The head and the body of a reply that ends.
    async fn ask(&self, request: &str) -> String {
        let mut client = self.client().await;
        client.stream.write_all(request.as_bytes()).await.unwrap();
        while client.read().await {}
        client.text
    }

    async fn call(&self, operation: &str, body: &str) -> String {
        let length = body.len();
        let reply = self
            .ask(&format!(
                "POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {length}\r\n\
                 X-Amz-Target: AWSStepFunctions.{operation}\r\nContent-Type: application/x-amz-json-1.0\r\n\r\n{body}"
            ))
            .await;
        assert!(reply.starts_with("HTTP/1.1 200"), "{reply}");
        reply
    }

    async fn create(&self, name: &str, definition: &str) {
        let definition = definition.replace('"', "\\\"");
        let role = "arn:aws:iam::000000000000:role/r";
        let body = format!(r#"{{"name":"{name}","roleArn":"{role}","definition":"{definition}"}}"#);
        self.call("CreateStateMachine", &body).await;
    }

    /// Starts the execution `e` of a machine.
    async fn start(&self, machine: &str) -> String {
        let body = format!(r#"{{"stateMachineArn":"{PREFIX}:stateMachine:{machine}","name":"e"}}"#);
        self.call("StartExecution", &body).await;
        format!("{PREFIX}:execution:{machine}:e")
    }

    async fn stop_execution(&self, arn: &str) {
        self.call("StopExecution", &format!(r#"{{"executionArn":"{arn}"}}"#)).await;
    }

    /// Opens a stream.
    async fn events(&self, query: &str, headers: &str) -> Client {
        let mut client = self.client().await;
        let request = format!("GET /events{query} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n");
        client.stream.write_all(request.as_bytes()).await.unwrap();
        client
    }

    /// Whether another stream is let in.
    async fn has_room(&self) -> bool {
        let mut client = self.events("", "").await;
        while !client.text.contains("\r\n\r\n") {
            assert!(client.read().await, "closed without a reply");
        }
        client.text.starts_with("HTTP/1.1 200")
    }

    async fn follow(&self, arn: &str, headers: &str) -> Client {
        self.events(&format!("?executionArn={}", arn.replace(':', "%3A")), headers).await
    }

    /// A machine whose history is far larger than what sockets hold back, and an execution of it.
    async fn with_long_history(&self) -> String {
        let name = "\u{1F980}".repeat(80);
        let items: Vec<String> = (0..600).map(|number| number.to_string()).collect();
        let state = format!(r#""{name}":{{"Type":"Pass","End":true}}"#);
        let definition = format!(
            r#"{{"StartAt":"S","States":{{"S":{{"Type":"Pass","Result":[{}],"Next":"M"}},
                "M":{{"Type":"Map","End":true,"ItemProcessor":{{"StartAt":"{name}","States":{{{state}}}}}}}}}}}"#,
            items.join(",")
        );
        self.create("long", &definition.replace('\n', "")).await;
        self.start("long").await
    }
}

struct Client {
    stream: TcpStream,
    text: String,
}

impl Client {
    async fn read(&mut self) -> bool {
        let mut bytes = Vec::with_capacity(SOCKET_BYTES as usize);
        let is_open = self.stream.read_buf(&mut bytes).await.is_ok_and(|count| count > 0);
        self.text.push_str(&String::from_utf8_lossy(&bytes));
        is_open
    }

    /// Reads until something has come, and takes no more: where much comes, reads rarely end with a chunk.
    async fn glimpse(&mut self, what: &str) {
        while !self.text.contains(what) {
            assert!(self.read().await, "closed before {what:?}: {:?}", self.text);
        }
    }

    /// Reads until something has come, and the chunk that it is in; what came so far is the answer.
    async fn until(&mut self, what: &str) -> String {
        while !(self.text.contains(what) && self.text.ends_with("\r\n")) {
            assert!(self.read().await, "closed before {what:?}: {:?}", self.text);
        }
        self.text.clone()
    }

    /// Waits until the server closes the connection.
    async fn closed(&mut self) -> String {
        while self.read().await {}
        self.text.clone()
    }
}

/// The ids of the history events in a text.
fn ids(text: &str) -> Vec<u64> {
    let digits = |rest: &str| rest.split(|c: char| !c.is_ascii_digit()).next().unwrap().parse().unwrap();
    text.split(r#","id":"#).skip(1).map(digits).collect()
}

#[tokio::test]
async fn an_execution_is_followed_and_gone_on_with_where_it_was() {
    let site = Site::open().await;
    site.create("m", WAIT).await;
    let arn = site.start("m").await;
    let mut client = site.follow(&arn, "").await;
    let text = client.until("id: 2\n").await;
    let head = text.to_lowercase();
    for line in [
        "http/1.1 200 ok\r\n",
        "content-type: text/event-stream\r\n",
        "cache-control: no-store\r\n",
        "x-accel-buffering: no\r\n",
    ] {
        assert!(head.contains(line), "{text}");
    }
    let (first, rest) = text.split_once("event: history").unwrap();
    assert!(first.contains("event: execution\ndata: {") && first.contains(r#""status":"RUNNING""#), "{text}");
    assert!(rest.contains(r#"data: {"events":[{"timestamp":"#), "{text}");
    assert_eq!(ids(&text), [1, 2]);

    site.stop_execution(&arn).await;
    let text = client.until("id: 3\n").await;
    assert!(text.contains(r#""status":"ABORTED""#), "{text}");
    drop(client);

    let mut again = site.follow(&arn, "Last-Event-ID: 1\r\n").await;
    assert_eq!(ids(&again.until("ExecutionAborted").await), [2, 3]);
    // What a browser sends when it comes back tells more than the address it was given.
    let query = format!("?executionArn={arn}&after=1");
    let mut again = site.events(&query, "Last-Event-ID: 2\r\n").await;
    assert_eq!(ids(&again.until("ExecutionAborted").await), [3]);
    let mut again = site.events(&query, "").await;
    assert_eq!(ids(&again.until("ExecutionAborted").await), [2, 3]);
}

#[tokio::test]
async fn a_place_is_told_what_changes_in_it() {
    let site = Site::open().await;
    let elsewhere =
        "Authorization: AWS4-HMAC-SHA256 Credential=123456789012/20260101/us-east-1/states/aws4_request\r\n";
    let (mut here, mut there) = (site.events("", "").await, site.events("", elsewhere).await);
    here.until("event: hello\ndata: {}\n\n").await;
    there.until("event: hello\ndata: {}\n\n").await;
    site.create("m", WAIT).await;
    here.until(&format!("event: changes\ndata: {{\"stateMachineArns\":[\"{PREFIX}:stateMachine:m\"]}}\n\n"))
        .await;
    assert!(!there.text.contains("changes"));
}

#[tokio::test]
async fn what_cannot_be_followed_is_told_in_one_reply() {
    let site = Site::with(|options| Options { event_streams_max: 1, ..options }).await;
    let get = |query: &str, headers: &str| {
        format!("GET /events{query} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n")
    };
    for (query, headers, expected) in [
        (format!("?executionArn={PREFIX}:execution:m:e"), "", "ExecutionDoesNotExist"),
        ("?executionArn=x".to_owned(), "", "InvalidArn"),
        (format!("?executionArn={PREFIX}:execution:m:e&after=x"), "", "ValidationException"),
        (format!("?executionArn={PREFIX}:execution:m:e"), "Last-Event-ID: -1\r\n", "ValidationException"),
    ] {
        let reply = site.ask(&get(&query, headers)).await;
        assert!(reply.starts_with("HTTP/1.1 400") && reply.contains(expected), "{reply}");
    }
    let reply = site.ask(&get("", "Origin: https://evil.example\r\n")).await;
    assert!(reply.starts_with("HTTP/1.1 403"), "{reply}");

    let mut only = site.events("", "").await;
    only.until("hello").await;
    let reply = site.ask(&get("", "")).await;
    assert!(reply.starts_with("HTTP/1.1 400") && reply.contains("ThrottlingException"), "{reply}");
    // Its place is free soon after it has gone, with nothing to tell it that it has.
    drop(only);
    while !site.has_room().await {}
}

#[tokio::test]
async fn with_credentials_only_who_has_signed_is_told_anything() {
    let site = Site::with(|options| {
        let mut known = Credentials::default();
        known.add("AKID", Secret::new("a secret of ours"), Principal::new("123456789012", "ci", Vec::new()));
        Options { credentials: Some(known), ..options }
    })
    .await;
    let scope = "AKID/20260101/us-east-1/states/aws4_request, SignedHeaders=host, Signature=00";
    for headers in ["", &format!("Authorization: AWS4-HMAC-SHA256 Credential={scope}\r\n")] {
        let request =
            format!("GET /events HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n");
        let reply = site.ask(&request).await;
        assert!(reply.starts_with("HTTP/1.1 4") && !reply.contains("hello"), "{reply}");
    }
}

#[tokio::test]
async fn a_stream_on_which_nothing_happens_stays_open() {
    let patience = Duration::from_millis(100);
    let site = Site::with(|options| Options { patience, ..options }).await;
    let mut client = site.events("", "").await;
    client.until("hello").await;
    // Each comes after half of the server's patience.
    while client.text.matches("\n:\n\n").count() < 10 {
        assert!(client.read().await, "{}", client.text);
    }
    site.create("m", WAIT).await;
    client.until("changes").await;
}

#[tokio::test]
async fn who_takes_nothing_of_a_stream_is_cut_off() {
    let patience = Duration::from_millis(100);
    let site = Site::with(|options| Options { patience, event_streams_max: 1, ..options }).await;
    let arn = site.with_long_history().await;
    let mut idle = site.follow(&arn, "").await;
    idle.glimpse("event: history").await;
    // The place of the stream is free once the server has lost its patience.
    while !site.has_room().await {}
    assert!(!idle.closed().await.contains("ExecutionSucceeded"));
}

#[tokio::test]
async fn a_stop_ends_streams_at_once_whether_or_not_they_are_read() {
    let mut site = Site::open().await;
    site.create("m", WAIT).await;
    let arn = site.start("m").await;
    let mut followed = site.follow(&arn, "").await;
    let mut everything = site.events("", "").await;
    followed.until("WaitStateEntered").await;
    everything.until("hello").await;
    let long = site.with_long_history().await;
    let mut idle = site.follow(&long, "").await;
    idle.glimpse("event: history").await;

    let began = Instant::now();
    drop(site.stop.take());
    site.served.await.unwrap().unwrap();
    assert!(began.elapsed() < Options::default().drain / 4, "{:?}", began.elapsed());
    // These ended in order, with the last chunk.
    assert!(followed.closed().await.ends_with("\r\n0\r\n\r\n"));
    assert!(everything.closed().await.ends_with("\r\n0\r\n\r\n"));
}
