//! What functions print, line by line.
//!
//! Lines go to a callback as they come; nothing is kept but the last 4 KiB, for `LogResult`. A
//! callback that takes its time makes the function wait when it prints: memory stays bounded.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};

use crate::desk::Desk;

/// The longest line, in bytes; longer ones come in pieces.
pub const LINE_BYTES_MAX: usize = 16 * 1024;
/// How much of the log `LogResult` shows, in bytes.
const TAIL_BYTES_MAX: usize = 4 * 1024;

/// How long a line may stay without its end before it is told as it is.
const UNFINISHED_PATIENCE: Duration = Duration::from_millis(10);

/// Where a line was printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogStream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// One line that a function printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// The name of the function.
    pub function: Arc<str>,
    /// The request id of the invocation that the process began last, or is being started for.
    pub request_id: Option<Arc<str>>,
    /// Where it was printed.
    pub stream: LogStream,
    /// The line without its end, at most [`LINE_BYTES_MAX`] bytes; not trusted, may hold control
    /// characters.
    pub line: String,
}

/// What hears of lines, from any thread.
pub type OnLog = Arc<dyn Fn(LogLine) + Send + Sync>;

/// The last of what was printed during an invocation.
#[derive(Debug, Default)]
pub(crate) struct Tail(String);

impl Tail {
    fn push(&mut self, line: &str) {
        self.0.push_str(line);
        self.0.push('\n');
        // Cut now and then only, so that each byte moves a bounded number of times.
        if self.0.len() > 2 * LINE_BYTES_MAX {
            self.0 = self.text().to_owned();
        }
    }

    /// At most the last 4 KiB, as text.
    pub fn text(&self) -> &str {
        let mut from = self.0.len().saturating_sub(TAIL_BYTES_MAX);
        while !self.0.is_char_boundary(from) {
            from += 1;
        }
        &self.0[from..]
    }

    pub fn clear(&mut self) {
        self.0.clear();
    }
}

/// Reads one stream of a process to its end.
pub(crate) async fn pump(
    mut stream: impl AsyncRead + Unpin,
    name: LogStream,
    function: Arc<str>,
    desk: Arc<Desk>,
    on_log: OnLog,
) {
    let mut pending: Vec<u8> = Vec::new();
    let mut chunk = vec![0; 8 * 1024];
    let tell = |line: &[u8]| {
        let line = String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line)).into_owned();
        desk.tail().push(&line);
        on_log(LogLine { function: function.clone(), request_id: desk.request_id(), stream: name, line });
    };
    loop {
        let reading = stream.read(&mut chunk);
        let read = if pending.is_empty() {
            reading.await
        } else {
            match tokio::time::timeout(UNFINISHED_PATIENCE, reading).await {
                Ok(read) => read,
                // Nobody goes on with the line: it belongs to this invocation, not to the next.
                Err(_) => {
                    tell(&pending);
                    pending.clear();
                    continue;
                }
            }
        };
        let Ok(read @ 1..) = read else { break };
        for piece in chunk[..read].split_inclusive(|byte| *byte == b'\n') {
            let (piece, ended) = match piece.strip_suffix(b"\n") {
                Some(piece) => (piece, true),
                None => (piece, false),
            };
            for part in piece.chunks(LINE_BYTES_MAX) {
                if pending.len() + part.len() > LINE_BYTES_MAX {
                    tell(&pending);
                    pending.clear();
                }
                pending.extend_from_slice(part);
            }
            if ended {
                tell(&pending);
                pending.clear();
            }
        }
    }
    if !pending.is_empty() {
        tell(&pending);
    }
}
