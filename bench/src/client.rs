//! The load: many keep-alive connections, one request in flight on each, one thread.
//!
//! It shares the machine with the server it measures, so it does next to nothing: requests are
//! bytes that were made before, of an answer only status and length are read, and readiness comes
//! edge-triggered from one epoll, so a request costs one write, one read and its share of a poll.

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

/// How long nothing may arrive before the load gives up: the server hangs or is gone.
const SILENCE_MAX: Duration = Duration::from_secs(30);

/// What to send.
pub struct Plan<'a> {
    /// To whom.
    pub address: SocketAddr,
    /// How many connections.
    pub in_flight: usize,
    /// No further request is begun after this time, or ...
    pub time: Duration,
    /// ... after so many.
    pub requests_max: u64,
    /// Puts request number n, counted from 0, into an empty buffer.
    pub request: &'a mut dyn FnMut(u64, &mut Vec<u8>),
}

/// What came of it.
pub struct Outcome {
    /// When the first request was written.
    pub began: Instant,
    /// From then until the last answer.
    pub elapsed: Duration,
    /// How many were answered with status 200.
    pub accepted: u64,
    /// How many were answered otherwise, and the first such answer.
    pub refused: u64,
    /// The first answer with another status.
    pub first_refusal: Option<String>,
    /// Of each answer, in microseconds, ascending.
    pub latencies_us: Vec<u32>,
}

impl Outcome {
    /// The latency that `share` of the answers (0 to 1) did not exceed, in milliseconds.
    pub fn percentile_ms(&self, share: f64) -> f64 {
        let Some(last) = self.latencies_us.len().checked_sub(1) else { return 0.0 };
        f64::from(self.latencies_us[(last as f64 * share).round() as usize]) / 1000.0
    }

    /// Answers with status 200 in a second.
    pub fn per_second(&self) -> f64 {
        self.accepted as f64 / self.elapsed.as_secs_f64()
    }
}

struct Connection {
    stream: TcpStream,
    out: Vec<u8>,
    written: usize,
    answer: Vec<u8>,
    sent_at: Instant,
    is_busy: bool,
}

/// Sends what `plan` says and waits for every answer.
///
/// # Errors
///
/// A connection was refused, closed or silent for [`SILENCE_MAX`]: the figures would mean nothing.
pub fn drive(plan: Plan) -> io::Result<Outcome> {
    let mut poll = Poll::new()?;
    let mut connections = Vec::with_capacity(plan.in_flight);
    for at in 0..plan.in_flight {
        let stream = std::net::TcpStream::connect(plan.address)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        let mut stream = TcpStream::from_std(stream);
        poll.registry().register(&mut stream, Token(at), Interest::READABLE | Interest::WRITABLE)?;
        connections.push(Connection {
            stream,
            out: Vec::with_capacity(1024),
            written: 0,
            answer: Vec::with_capacity(4096),
            sent_at: Instant::now(),
            is_busy: false,
        });
    }

    let began = Instant::now();
    let deadline = began + plan.time;
    let mut load = Load {
        next: 0,
        requests_max: plan.requests_max,
        deadline,
        request: plan.request,
        under_way: 0,
        outcome: Outcome {
            began,
            elapsed: Duration::ZERO,
            accepted: 0,
            refused: 0,
            first_refusal: None,
            latencies_us: Vec::with_capacity(1 << 20),
        },
    };
    for connection in &mut connections {
        load.send_next(connection, began)?;
    }

    let mut events = Events::with_capacity(plan.in_flight.max(64));
    let mut scratch = vec![0; 64 * 1024];
    while load.under_way > 0 {
        poll.poll(&mut events, Some(SILENCE_MAX))?;
        if events.is_empty() {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "the server has fallen silent"));
        }
        for event in &events {
            let connection = &mut connections[event.token().0];
            if event.is_writable() {
                connection.flush()?;
            }
            if event.is_readable() || event.is_read_closed() {
                load.receive(connection, &mut scratch)?;
            }
        }
    }
    load.outcome.elapsed = began.elapsed();
    load.outcome.latencies_us.sort_unstable();
    Ok(load.outcome)
}

struct Load<'a> {
    next: u64,
    requests_max: u64,
    deadline: Instant,
    request: &'a mut dyn FnMut(u64, &mut Vec<u8>),
    under_way: usize,
    outcome: Outcome,
}

impl Load<'_> {
    fn send_next(&mut self, connection: &mut Connection, now: Instant) -> io::Result<()> {
        if self.next >= self.requests_max || now >= self.deadline {
            return Ok(());
        }
        connection.out.clear();
        connection.written = 0;
        (self.request)(self.next, &mut connection.out);
        connection.sent_at = now;
        connection.is_busy = true;
        self.next += 1;
        self.under_way += 1;
        connection.flush()
    }

    fn receive(&mut self, connection: &mut Connection, scratch: &mut [u8]) -> io::Result<()> {
        loop {
            let count = match connection.stream.read(scratch) {
                Ok(0) => {
                    return Err(io::Error::new(
                        io::ErrorKind::UnexpectedEof,
                        "the server closed a connection",
                    ));
                }
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            connection.answer.extend_from_slice(&scratch[..count]);
            if let Some(status) = whole_answer(&connection.answer)? {
                self.answered(connection, status);
                self.send_next(connection, Instant::now())?;
            }
            // A read that did not fill the buffer emptied the socket; the next byte is a new edge.
            if count < scratch.len() {
                return Ok(());
            }
        }
    }

    fn answered(&mut self, connection: &mut Connection, status: u16) {
        let took = connection.sent_at.elapsed().as_micros();
        self.outcome.latencies_us.push(u32::try_from(took).unwrap_or(u32::MAX));
        if status == 200 {
            self.outcome.accepted += 1;
        } else {
            self.outcome.refused += 1;
            if self.outcome.first_refusal.is_none() {
                self.outcome.first_refusal = Some(String::from_utf8_lossy(&connection.answer).into_owned());
            }
        }
        connection.answer.clear();
        connection.is_busy = false;
        self.under_way -= 1;
    }
}

impl Connection {
    fn flush(&mut self) -> io::Result<()> {
        while self.is_busy && self.written < self.out.len() {
            match self.stream.write(&self.out[self.written..]) {
                Ok(count) => self.written += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => (),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// The status of the answer once it has arrived whole.
///
/// # Errors
///
/// This is no answer, or one without a length.
pub fn whole_answer(bytes: &[u8]) -> io::Result<Option<u16>> {
    let broken = || io::Error::new(io::ErrorKind::InvalidData, String::from_utf8_lossy(bytes).into_owned());
    let Some(head) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(None) };
    let text = std::str::from_utf8(&bytes[..head]).map_err(|_| broken())?;
    let status = text.get(9..12).and_then(|status| status.parse().ok()).ok_or_else(broken)?;
    let length = text
        .split("\r\n")
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, length)| length.trim().parse::<usize>().ok())
        .ok_or_else(broken)?;
    Ok((bytes.len() >= head + 4 + length).then_some(status))
}

/// One call on a connection of its own, for what is not measured.
///
/// # Errors
///
/// There is no answer, or it has another status than 200.
pub fn call(address: SocketAddr, request: &[u8]) -> io::Result<String> {
    let mut stream = std::net::TcpStream::connect(address)?;
    stream.set_read_timeout(Some(SILENCE_MAX))?;
    stream.write_all(request)?;
    let mut answer = Vec::new();
    let mut scratch = vec![0; 64 * 1024];
    let status = loop {
        match stream.read(&mut scratch)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => answer.extend_from_slice(&scratch[..count]),
        }
        if let Some(status) = whole_answer(&answer)? {
            break status;
        }
    };
    let text = String::from_utf8_lossy(&answer).into_owned();
    let body = text.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default();
    if status == 200 { Ok(body) } else { Err(io::Error::other(format!("{status} {body}"))) }
}

/// The bytes of a call of an operation of AWS Step Functions, appended to `out`.
///
/// The signature is a constant: an open server does not look at it, but reads account and region
/// from its scope, and a client always sends one.
pub fn put_request(operation: &str, body: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b"POST / HTTP/1.1\r\nHost: localhost\r\nX-Amz-Target: AWSStepFunctions.");
    out.extend_from_slice(operation.as_bytes());
    out.extend_from_slice(
        b"\r\nContent-Type: application/x-amz-json-1.0\r\nAuthorization: AWS4-HMAC-SHA256 \
          Credential=000000000000/20260101/us-east-1/states/aws4_request, SignedHeaders=host, \
          Signature=0000000000000000000000000000000000000000000000000000000000000000\r\nContent-Length: ",
    );
    out.extend_from_slice(body.len().to_string().as_bytes());
    out.extend_from_slice(b"\r\n\r\n");
    out.extend_from_slice(body.as_bytes());
}
