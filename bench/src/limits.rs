//! What the machine itself can do, measured in the same run as the server: without these beside
//! them its figures say nothing on another machine.

use std::convert::Infallible;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;

use crate::client::{self, Plan};

/// How long each limit is measured.
const TIME: Duration = Duration::from_secs(2);

/// The size of a record of the plain log, in bytes: what a short execution leaves.
const RECORD_BYTES: usize = 400;

/// How many records of the plain log share a flush.
const RECORDS_PER_FLUSH: usize = 1_000;

/// How often a page of 4 KiB can be appended to a file in `folder` and made durable, in a second.
pub fn flushes_per_second(folder: &Path) -> io::Result<f64> {
    append_and_flush(folder, &[7; 4096])
}

/// How many records of 400 bytes a plain log in `folder` takes in a second, a thousand a flush.
pub fn records_per_second(folder: &Path) -> io::Result<f64> {
    let flushes = append_and_flush(folder, &vec![7; RECORD_BYTES * RECORDS_PER_FLUSH])?;
    Ok(flushes * RECORDS_PER_FLUSH as f64)
}

fn append_and_flush(folder: &Path, bytes: &[u8]) -> io::Result<f64> {
    let path = folder.join("limit.log");
    let mut file = File::create(&path)?;
    let began = Instant::now();
    let mut flushes = 0;
    while began.elapsed() < TIME {
        file.write_all(bytes)?;
        file.sync_data()?;
        flushes += 1;
    }
    let rate = f64::from(flushes) / began.elapsed().as_secs_f64();
    drop(file);
    std::fs::remove_file(path)?;
    Ok(rate)
}

/// How many requests with `body` a bare hyper handler answers in a second with `answer_bytes` bytes,
/// in a process of its own, under the same load as the server. It reads no JSON and no signature.
///
/// # Errors
///
/// The program that runs does not ask [`echo_asked_for`], or the load fails.
pub fn echoes_per_second(in_flight: usize, body: &str, answer_bytes: usize) -> io::Result<f64> {
    let echo = Echo::spawn(answer_bytes)?;
    let mut request = |_: u64, out: &mut Vec<u8>| client::put_request("StartExecution", body, out);
    let outcome = client::drive(Plan {
        address: echo.address,
        in_flight,
        time: TIME,
        requests_max: u64::MAX,
        request: &mut request,
    })?;
    Ok(outcome.per_second())
}

/// The argument with which this program is the echo.
const ECHO: &str = "echo-server";

/// If a program was started to be the echo: how many bytes its answers have.
pub fn echo_asked_for(arguments: &[String]) -> Option<usize> {
    match arguments {
        [first, answer_bytes] if first == ECHO => answer_bytes.parse().ok(),
        _ => None,
    }
}

struct Echo {
    child: Child,
    address: SocketAddr,
}

impl Echo {
    fn spawn(answer_bytes: usize) -> io::Result<Echo> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg(ECHO)
            .arg(answer_bytes.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        let stdout = child.stdout.take().expect("it was asked for");
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        let address =
            line.trim().parse().map_err(|_| io::Error::other("the echo did not say where it is"))?;
        Ok(Echo { child, address })
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        // It holds nothing; if it is gone already, so much the better.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Answers every request with so many bytes of its own body, again and again from the front if it is
/// shorter, until the process is killed.
///
/// # Errors
///
/// The system gives no socket or no runtime.
pub fn serve_echo(answer_bytes: usize) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        println!("{}", listener.local_addr()?);
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            tokio::spawn(async move {
                let connection =
                    hyper::server::conn::http1::Builder::new().pipeline_flush(true).serve_connection(
                        TokioIo::new(stream),
                        service_fn(move |request| echo(request, answer_bytes)),
                    );
                // The client going away is how every connection ends.
                let _ = connection.await;
            });
        }
    })
}

async fn echo(request: Request<Incoming>, answer_bytes: usize) -> Result<Response<Full<Bytes>>, Infallible> {
    let body = match request.into_body().collect().await {
        Ok(body) => body.to_bytes(),
        Err(_) => Bytes::new(),
    };
    let answer = match body.len() >= answer_bytes || body.is_empty() {
        true => body.slice(..answer_bytes.min(body.len())),
        false => body.iter().copied().cycle().take(answer_bytes).collect(),
    };
    Ok(Response::new(Full::new(answer)))
}
