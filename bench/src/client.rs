//! The load: many keep-alive connections, one request in flight on each, one thread.
//!
//! It shares the machine with the server it measures, so it does next to nothing: requests are
//! bytes that were made before, of an answer only status and length are read, and readiness comes
//! edge-triggered from one epoll, so a request costs one write, one read and its share of a poll.
//! [`drive`] sends one request after another as they are answered; [`Wire`] is what it sends them on,
//! for loads that must say more.

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

/// How long nothing may arrive before the load gives up: the server hangs or is gone.
pub const SILENCE_MAX: Duration = Duration::from_secs(30);

/// How many bytes are read at once.
const READ_BYTES: usize = 64 * 1024;

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
        percentile_ms(&self.latencies_us, share)
    }

    /// Answers with status 200 in a second.
    pub fn per_second(&self) -> f64 {
        self.accepted as f64 / self.elapsed.as_secs_f64()
    }
}

/// Of times in microseconds, ascending, the one that `share` of them (0 to 1) did not exceed, in
/// milliseconds; 0 if there are none.
pub fn percentile_ms(ascending_us: &[u32], share: f64) -> f64 {
    let Some(last) = ascending_us.len().checked_sub(1) else { return 0.0 };
    f64::from(ascending_us[(last as f64 * share).round() as usize]) / 1000.0
}

/// Sends what `plan` says and waits for every answer.
///
/// # Errors
///
/// A connection was refused, closed or silent for [`SILENCE_MAX`]: the figures would mean nothing.
pub fn drive(plan: Plan) -> io::Result<Outcome> {
    let mut wire = Wire::connect(plan.address, plan.in_flight)?;
    let began = Instant::now();
    let deadline = began + plan.time;
    let mut outcome = Outcome {
        began,
        elapsed: Duration::ZERO,
        accepted: 0,
        refused: 0,
        first_refusal: None,
        latencies_us: Vec::with_capacity(1 << 20),
    };
    let mut next = 0;
    let mut send_next = |connection: &mut Connection, now: Instant| {
        if next >= plan.requests_max || now >= deadline {
            return Ok(());
        }
        next += 1;
        connection.send(now, |out| (plan.request)(next - 1, out))
    };
    for at in 0..plan.in_flight {
        send_next(wire.connection(at), began)?;
    }
    while wire.is_busy() {
        wire.turn(&mut |_, connection| {
            outcome.latencies_us.push(connection.took_us());
            if connection.status() == 200 {
                outcome.accepted += 1;
            } else {
                outcome.refused += 1;
                outcome.first_refusal.get_or_insert_with(|| connection.text());
            }
            send_next(connection, Instant::now())
        })?;
    }
    outcome.elapsed = began.elapsed();
    outcome.latencies_us.sort_unstable();
    Ok(outcome)
}

/// Connections, numbered from 0, each with one request under way at most.
pub struct Wire {
    poll: Poll,
    events: Events,
    connections: Vec<Connection>,
    scratch: Vec<u8>,
}

impl Wire {
    /// So many connections.
    ///
    /// # Errors
    ///
    /// One is refused, or the system allows no more open files.
    pub fn connect(address: SocketAddr, count: usize) -> io::Result<Wire> {
        let mut wire = Wire {
            poll: Poll::new()?,
            events: Events::with_capacity(count.clamp(64, 4_096)),
            connections: Vec::with_capacity(count),
            scratch: vec![0; READ_BYTES],
        };
        for _ in 0..count {
            wire.add(address)?;
        }
        Ok(wire)
    }

    /// One more; its number.
    ///
    /// # Errors
    ///
    /// As for [`Wire::connect`].
    pub fn add(&mut self, address: SocketAddr) -> io::Result<usize> {
        let at = self.connections.len();
        let stream = std::net::TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        let mut stream = TcpStream::from_std(stream);
        let both = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(&mut stream, Token(at), both)?;
        self.connections.push(Connection {
            stream,
            out: Vec::new(),
            written: 0,
            answer: Vec::new(),
            status: 0,
            sent_at: Instant::now(),
            is_busy: false,
        });
        Ok(at)
    }

    /// The connection with this number.
    pub fn connection(&mut self, at: usize) -> &mut Connection {
        &mut self.connections[at]
    }

    /// Whether an answer is still to come.
    pub fn is_busy(&self) -> bool {
        self.connections.iter().any(|connection| connection.is_busy)
    }

    /// Waits until something can be read or written, and hands over each connection with an answer
    /// that has arrived whole; the next request may be sent on it at once.
    ///
    /// # Errors
    ///
    /// Nothing happened for [`SILENCE_MAX`], a connection broke off, or an answer makes no sense.
    pub fn turn(
        &mut self,
        answered: &mut dyn FnMut(usize, &mut Connection) -> io::Result<()>,
    ) -> io::Result<()> {
        match self.turn_within(SILENCE_MAX, answered)? {
            true => Ok(()),
            false => Err(io::Error::new(io::ErrorKind::TimedOut, "the server has fallen silent")),
        }
    }

    /// The same, but waits no longer than `wait`; whether anything happened.
    ///
    /// # Errors
    ///
    /// As for [`Wire::turn`], without the silence.
    pub fn turn_within(
        &mut self,
        wait: Duration,
        answered: &mut dyn FnMut(usize, &mut Connection) -> io::Result<()>,
    ) -> io::Result<bool> {
        while let Err(error) = self.poll.poll(&mut self.events, Some(wait)) {
            if error.kind() != io::ErrorKind::Interrupted {
                return Err(error);
            }
        }
        for event in &self.events {
            let at = event.token().0;
            let connection = &mut self.connections[at];
            if event.is_writable() {
                connection.flush()?;
            }
            if event.is_readable() || event.is_read_closed() {
                connection.receive(&mut self.scratch, &mut |connection| answered(at, connection))?;
            }
        }
        Ok(!self.events.is_empty())
    }
}

/// A connection, and the request or the answer on it.
pub struct Connection {
    stream: TcpStream,
    out: Vec<u8>,
    written: usize,
    answer: Vec<u8>,
    status: u16,
    sent_at: Instant,
    is_busy: bool,
}

impl Connection {
    /// Sends the request that `put` puts into an empty buffer.
    ///
    /// # Errors
    ///
    /// The connection broke off.
    pub fn send(&mut self, now: Instant, put: impl FnOnce(&mut Vec<u8>)) -> io::Result<()> {
        self.answer.clear();
        self.out.clear();
        self.written = 0;
        put(&mut self.out);
        self.sent_at = now;
        self.is_busy = true;
        self.flush()
    }

    /// The status of the last answer.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The last answer, head and body.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.answer).into_owned()
    }

    /// How long ago the request was sent, in microseconds.
    pub fn took_us(&self) -> u32 {
        u32::try_from(self.sent_at.elapsed().as_micros()).unwrap_or(u32::MAX)
    }

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

    fn receive(
        &mut self,
        scratch: &mut [u8],
        answered: &mut dyn FnMut(&mut Connection) -> io::Result<()>,
    ) -> io::Result<()> {
        loop {
            let count = match self.stream.read(scratch) {
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
            self.answer.extend_from_slice(&scratch[..count]);
            if let Some(status) = whole_answer(&self.answer)? {
                self.status = status;
                self.is_busy = false;
                answered(self)?;
            }
            // A read that did not fill the buffer emptied the socket; the next byte is a new edge.
            if count < scratch.len() {
                return Ok(());
            }
        }
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
    let mut scratch = vec![0; READ_BYTES];
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
