//! A client for `run --endpoint`: AWS JSON 1.0 over HTTP/1.1, one connection for one call.
//!
//! It talks to an open Stepwell on loopback, where a signature is not asked for; it knows neither
//! TLS nor redirects nor proxies.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use stepwell_value::Value;

use crate::complaint::Complaint;

/// How long to wait for a connection, or for the next bytes of an answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// The largest answer that is read, in bytes: a page of history of a thousand events may hold
/// payloads of 256 KiB each.
const ANSWER_BYTES_MAX: u64 = 512 * 1024 * 1024;

/// A server somewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// `HOST:PORT`, as the Host header names it.
    authority: String,
    /// The URL as it was given.
    url: String,
}

/// What the server answered with another status than 200.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The name of AWS's exception, or the status where there is none.
    pub error: String,
    /// Its message.
    pub message: String,
}

/// Why a call has no result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallError {
    /// There was no answer, or none that can be read.
    Lost(String),
    /// The server refused.
    Refused(Refusal),
}

impl Client {
    /// A client of the server at `url`, such as `http://127.0.0.1:8083`.
    ///
    /// # Errors
    ///
    /// A [`Complaint`] about a URL that this client does not know how to use.
    pub fn new(url: &str) -> Result<Client, Complaint> {
        let bad = |hint: &str| Complaint::usage("not an endpoint", url).hint(hint);
        let Some(rest) = url.strip_prefix("http://") else {
            return Err(bad("give a URL with http://, such as http://127.0.0.1:8083"));
        };
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        let plain = |c: char| c.is_ascii_alphanumeric() || "-._:[]".contains(c);
        if authority.is_empty() || !authority.chars().all(plain) {
            return Err(bad("give scheme, host and port alone, such as http://127.0.0.1:8083"));
        }
        let has_port = authority.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        let authority = if has_port { authority.to_owned() } else { format!("{authority}:80") };
        Ok(Client { authority, url: url.to_owned() })
    }

    /// The URL as it was given.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Calls an operation of AWS Step Functions.
    pub fn call(&self, operation: &str, parameters: &Value) -> Result<Value, CallError> {
        let answer =
            self.exchange(operation, parameters).map_err(|error| CallError::Lost(error.to_string()))?;
        let (status, body) = answer;
        let body = String::from_utf8(body).map_err(|_| CallError::Lost("the answer is not UTF-8".into()))?;
        let value = Value::parse(&body);
        if status == 200 {
            return value.map_err(|error| CallError::Lost(format!("the answer is not JSON: {error}")));
        }
        let value = value.unwrap_or_default();
        let text = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
        // The type may come with a namespace before a `#`.
        let error = text("__type").map(|name| name.rsplit('#').next().unwrap_or_default().to_owned());
        Err(CallError::Refused(Refusal {
            error: error.unwrap_or_else(|| format!("status {status}")),
            message: text("message").or_else(|| text("Message")).unwrap_or_default(),
        }))
    }

    fn exchange(&self, operation: &str, parameters: &Value) -> std::io::Result<(u16, Vec<u8>)> {
        let body = parameters.to_string();
        let request = format!(
            "POST / HTTP/1.1\r\nHost: {}\r\nX-Amz-Target: AWSStepFunctions.{operation}\r\n\
             Content-Type: application/x-amz-json-1.0\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            self.authority,
            body.len(),
        );
        let mut stream = self.connect()?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.write_all(request.as_bytes())?;
        read_answer(&mut BufReader::new(stream))
    }

    fn connect(&self) -> std::io::Result<TcpStream> {
        let mut last = std::io::Error::other("the name has no address");
        for address in self.authority.to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, PATIENCE) {
                Ok(stream) => return Ok(stream),
                Err(error) => last = error,
            }
        }
        Err(last)
    }
}

/// The status and the body of an HTTP/1.1 answer on a connection that is closed after it.
fn read_answer(stream: &mut impl BufRead) -> std::io::Result<(u16, Vec<u8>)> {
    let broken = |what: &str| std::io::Error::new(std::io::ErrorKind::InvalidData, what.to_owned());
    let first = read_line(stream)?;
    let status = first.strip_prefix("HTTP/1.").and_then(|rest| rest.get(2..5)?.parse().ok());
    let status = status.ok_or_else(|| broken("the answer is not HTTP/1.1"))?;

    let mut length = None;
    let mut is_chunked = false;
    loop {
        let line = read_line(stream)?;
        let Some((name, value)) = line.split_once(':') else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse::<u64>().ok(),
            "transfer-encoding" => is_chunked = value.trim().eq_ignore_ascii_case("chunked"),
            _ => (),
        }
    }

    let mut body = Vec::new();
    if is_chunked {
        loop {
            let size = read_line(stream)?;
            let size = u64::from_str_radix(size.split(';').next().unwrap_or_default().trim(), 16)
                .map_err(|_| broken("a chunk has no size"))?;
            if size == 0 {
                return Ok((status, body));
            }
            append(stream, size, &mut body)?;
            read_line(stream)?;
        }
    }
    match length {
        Some(length) => append(stream, length, &mut body)?,
        None => drop(stream.take(ANSWER_BYTES_MAX).read_to_end(&mut body)?),
    }
    Ok((status, body))
}

/// Appends exactly so many bytes.
fn append(stream: &mut impl BufRead, length: u64, body: &mut Vec<u8>) -> std::io::Result<()> {
    if length > ANSWER_BYTES_MAX.saturating_sub(body.len() as u64) {
        return Err(std::io::Error::other("the answer is too large"));
    }
    let read = stream.take(length).read_to_end(body)?;
    if (read as u64) < length {
        return Err(std::io::ErrorKind::UnexpectedEof.into());
    }
    Ok(())
}

/// The next line without its end.
fn read_line(stream: &mut impl BufRead) -> std::io::Result<String> {
    /// The longest line of a header, in bytes.
    const LINE_BYTES_MAX: u64 = 64 * 1024;
    let mut line = String::new();
    if stream.take(LINE_BYTES_MAX).read_line(&mut line)? == 0 {
        return Err(std::io::ErrorKind::UnexpectedEof.into());
    }
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(text: &str) -> Result<(u16, String), String> {
        let (status, body) = read_answer(&mut text.as_bytes()).map_err(|error| error.to_string())?;
        Ok((status, String::from_utf8(body).unwrap()))
    }

    #[test]
    fn an_answer_is_read_however_its_end_is_told() {
        let ok = Ok((200, "hello".to_owned()));
        assert_eq!(answer("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"), ok);
        assert_eq!(answer("HTTP/1.1 200 OK\r\n\r\nhello"), ok);
        assert_eq!(
            answer(
                "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\n\r\n"
            ),
            ok
        );
        assert_eq!(answer("HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n"), Ok((400, String::new())));
    }

    #[test]
    fn half_an_answer_is_none() {
        for half in [
            "",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
            "SSH-2.0\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 999999999999999\r\n\r\n",
        ] {
            assert!(answer(half).is_err(), "{half}");
        }
    }

    #[test]
    fn an_endpoint_is_scheme_host_and_port() {
        let authority =
            |url: &str| Client::new(url).map(|client| client.authority).map_err(|complaint| complaint.line());
        assert_eq!(authority("http://127.0.0.1:8083/").as_deref(), Ok("127.0.0.1:8083"));
        assert_eq!(authority("http://[::1]:1").as_deref(), Ok("[::1]:1"));
        assert_eq!(authority("http://localhost").as_deref(), Ok("localhost:80"));
        for bad in ["https://localhost", "localhost:8083", "http://", "http://a/b", "http://a b"] {
            assert!(authority(bad).unwrap_err().starts_with("error: not an endpoint: "), "{bad}");
        }
    }
}
