//! What does the I/O: HTTP/1.1 with connections that are kept, TLS where the endpoint has it.
//!
//! # A request leaves once at most
//!
//! | what happened                                         | it is                                   |
//! |-------------------------------------------------------|-----------------------------------------|
//! | no connection came about                              | certain that nothing was sent           |
//! | a kept connection turned out to be closed before a byte of the request was written | sent on another one |
//! | an answer with an error status, whole or not          | certain that it was refused             |
//! | the connection broke after the request was written, or in the middle of a good answer | unknown |
//! | no answer in time                                     | unknown                                 |
//!
//! hyper hands a request back if it did not begin to write it, and only then is it sent again. The
//! server may close a kept connection at the very moment in which we write, so connections are kept
//! for less long than servers usually do ([`IDLE_SECONDS_MAX`]).
//!
//! Certificates are checked against those that the machine trusts (`SSL_CERT_FILE` and `SSL_CERT_DIR`
//! name others): on machines of one's own, endpoints are often signed by an authority of one's own,
//! and a list that is built in would grow old. They are read when the first call needs them. Proxies
//! are not supported.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::{Request, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::{ClientConfig, RootCertStore};
use tower_service::Service;

use crate::services::{Answer, Ended, spelled};

/// The longest body of an answer that is taken, in bytes: 6 MB, the most that Lambda returns, and room
/// for what is around it. The head is bounded by hyper.
const BODY_BYTES_MAX: usize = 6 * 1024 * 1024 + 64 * 1024;
/// How long a connection may take to come about, with its name and TLS.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a connection is kept without use, in seconds. Many servers close theirs after 5.
const IDLE_SECONDS_MAX: u64 = 4;
/// After how long in silence the other side is asked whether it is still there: a function may work
/// for a quarter of an hour without a byte on the wire.
const KEEPALIVE: Duration = Duration::from_secs(60);

/// How a request ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Exchange {
    /// It is known how.
    Ended(Ended),
    /// Whether it was done cannot be known, for this reason.
    Unknown(String),
}

type HttpClient = Client<Bounded, Full<Bytes>>;

/// The connections to all endpoints. Must be used on a tokio runtime.
pub(crate) struct Transport {
    plain: HttpClient,
    tls: OnceLock<Result<HttpClient, String>>,
}

impl Transport {
    pub fn new() -> Transport {
        Transport { plain: client(RootCertStore::empty()), tls: OnceLock::new() }
    }

    /// Sends a request, which may take as long as `limit`. Dropping the future ends the connection.
    pub async fn exchange(&self, request: Request<Full<Bytes>>, limit: Duration) -> Exchange {
        let is_tls = request.uri().scheme_str() == Some("https");
        let client =
            if is_tls { self.tls.get_or_init(|| Ok(client(trusted()?))) } else { &Ok(self.plain.clone()) };
        let client = match client {
            Ok(client) => client.clone(),
            Err(why) => {
                return Exchange::Ended(Ended::NotSent(format!("Unable to execute HTTP request: {why}")));
            }
        };
        match tokio::time::timeout(limit, send(client, request)).await {
            Ok(exchange) => exchange,
            Err(_) => Exchange::Unknown(format!("there was no answer within {} s", limit.as_secs_f64())),
        }
    }
}

async fn send(client: HttpClient, request: Request<Full<Bytes>>) -> Exchange {
    let place = request.uri().authority().map(ToString::to_string).unwrap_or_default();
    let response = match client.request(request).await {
        Ok(response) => response,
        Err(error) => {
            let why = with_sources(&error);
            return if error.is_connect() || was_handed_back(&error) {
                Exchange::Ended(Ended::NotSent(format!("Unable to execute HTTP request: {place}: {why}")))
            } else {
                Exchange::Unknown(why)
            };
        }
    };
    let (head, body) = response.into_parts();
    let text = |value: &hyper::header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers = head.headers.iter().map(|(name, value)| (spelled(name.as_str()), text(value))).collect();
    let status = head.status.as_u16();
    let body = match Limited::new(body, BODY_BYTES_MAX).collect().await {
        Ok(body) => body.to_bytes(),
        // The status said already that it failed.
        Err(_) if !head.status.is_success() => Bytes::new(),
        Err(error) if error.is::<LengthLimitError>() => return Exchange::Ended(Ended::TooLarge),
        Err(error) => return Exchange::Unknown(with_sources(&*error)),
    };
    Exchange::Ended(Ended::Answered(Answer { status, headers, body }))
}

/// Whether the request came back without a byte of it having been written.
fn was_handed_back(error: &hyper_util::client::legacy::Error) -> bool {
    // hyper calls an error "canceled" only then.
    let source = std::error::Error::source(error).and_then(|source| source.downcast_ref::<hyper::Error>());
    source.is_some_and(hyper::Error::is_canceled)
}

/// An error with all that is behind it: the outermost says little.
fn with_sources(error: &(dyn std::error::Error + 'static)) -> String {
    let mut told = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let text = error.to_string();
        if !told.ends_with(&text) {
            told = format!("{told}: {text}");
        }
        source = error.source();
    }
    told
}

fn client(roots: RootCertStore) -> HttpClient {
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring speaks the versions that rustls thinks safe")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let mut http = HttpConnector::new();
    http.enforce_http(false);
    http.set_nodelay(true);
    http.set_keepalive(Some(KEEPALIVE));
    let https = HttpsConnectorBuilder::new()
        .with_tls_config(config)
        .https_or_http()
        .enable_http1()
        .wrap_connector(http);
    Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(Duration::from_secs(IDLE_SECONDS_MAX))
        .build(Bounded(https))
}

/// What the machine trusts.
fn trusted() -> Result<RootCertStore, String> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    // One that cannot be read is none that the endpoint's could hang on.
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        let why: Vec<String> = found.errors.iter().map(ToString::to_string).collect();
        return Err(format!(
            "this machine trusts no certificate (install ca-certificates, or set SSL_CERT_FILE) {}",
            why.join("; ")
        ));
    }
    Ok(roots)
}

/// A connector that gives up after [`CONNECT_TIMEOUT`], TLS included.
#[derive(Clone)]
struct Bounded(HttpsConnector<HttpConnector>);

type BoxError = Box<dyn std::error::Error + Send + Sync>;
type Connected = <HttpsConnector<HttpConnector> as Service<Uri>>::Response;

impl Service<Uri> for Bounded {
    type Response = Connected;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Connected, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connecting = self.0.call(uri);
        Box::pin(async move {
            match tokio::time::timeout(CONNECT_TIMEOUT, connecting).await {
                Ok(connected) => connected,
                Err(_) => Err(format!("no connection within {} s", CONNECT_TIMEOUT.as_secs()).into()),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// What becomes of a call of an endpoint whose certificate is for this name, if it is trusted or
    /// not. The endpoint answers `{}` to whoever gets as far as asking.
    async fn exchange_with_tls(name: &str, is_trusted: bool) -> Exchange {
        let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
        let certificate = made.cert.der().clone();
        let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.clone()], key)
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            // Who does not trust us goes away in the middle of the handshake.
            let Ok(mut stream) = tokio_rustls::TlsAcceptor::from(Arc::new(config)).accept(stream).await
            else {
                return;
            };
            let mut read = Vec::new();
            while !read.ends_with(b"\r\n\r\n") {
                read.push(stream.read_u8().await.unwrap());
            }
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").await.unwrap();
        });
        let mut roots = RootCertStore::empty();
        if is_trusted {
            roots.add(certificate).unwrap();
        }
        let transport =
            Transport { plain: client(RootCertStore::empty()), tls: OnceLock::from(Ok(client(roots))) };
        let request = Request::get(format!("https://localhost:{port}/")).body(Full::default()).unwrap();
        transport.exchange(request, Duration::from_secs(30)).await
    }

    #[tokio::test]
    async fn only_an_endpoint_with_a_trusted_certificate_of_its_name_is_asked() {
        let Exchange::Ended(Ended::Answered(answer)) = exchange_with_tls("localhost", true).await else {
            panic!("it is trusted")
        };
        assert_eq!((answer.status, &answer.body[..]), (200, &b"{}"[..]));
        for (name, is_trusted) in [("localhost", false), ("elsewhere", true)] {
            let Exchange::Ended(Ended::NotSent(why)) = exchange_with_tls(name, is_trusted).await else {
                panic!("it is not trusted, and nothing is sent")
            };
            assert!(why.contains("certificate"), "{why}");
        }
    }

    #[tokio::test]
    async fn a_call_without_an_answer_ends_when_its_time_is_over() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let uri = format!("http://{}/", listener.local_addr().unwrap());
        let request = Request::post(uri).body(Full::default()).unwrap();
        let limit = Duration::from_millis(20);
        // The listener is never asked for the connection, and so nobody answers.
        let Exchange::Unknown(why) = Transport::new().exchange(request, limit).await else {
            panic!("it is not known what became of it")
        };
        assert_eq!(why, "there was no answer within 0.02 s");
    }

    #[test]
    fn an_error_is_told_with_what_is_behind_it() {
        let inner = std::io::Error::other("the bottom");
        let outer = std::io::Error::other(inner);
        // The outer one says nothing of its own, and nothing is told twice.
        assert_eq!(with_sources(&outer), "the bottom");
    }
}
