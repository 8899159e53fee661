//! Any head of a request: never a panic, and never verified, for nobody here knows the secret.
//!
//! The bytes are lines: path, query, the `Authorization` header after its algorithm, the date, and
//! any other header.

#![no_main]

use libfuzzer_sys::fuzz_target;
use stepwell_sigv4::{Request, Secret, verify};

/// 2015-08-30 12:36:00 UTC.
const NOW: u64 = 1_440_938_160;

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let mut lines = text.split('\n');
    let mut line = || lines.next().unwrap_or("");
    let (path, query, rest, date, other) = (line(), line(), line(), line(), line());
    let authorization = format!("AWS4-HMAC-SHA256 {rest}");
    let headers: [(&str, &[u8]); 5] = [
        ("host", b"localhost:8083"),
        ("authorization", authorization.as_bytes()),
        ("x-amz-date", if date.is_empty() { b"20150830T123600Z" } else { date.as_bytes() }),
        ("x-amz-target", b"AWSStepFunctions.ListActivities"),
        ("my-header", other.as_bytes()),
    ];
    let request = Request { method: "POST", path, query, headers: &headers };
    let secret = |_: &str| Some(Secret::new("a secret that the fuzzer does not find"));
    let refusal = verify(&request, b"{}", NOW, &["states"], secret).expect_err("nobody signed this");
    assert!(!refusal.message.is_empty() && !refusal.message.contains("fuzzer does not find"));
});
