//! Base64, hashes and UUIDs.

use std::fmt::Write;

use base64::Engine;
use base64::alphabet::STANDARD as ALPHABET;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};
use stepwell_value::Value;

use super::string;
use crate::Problem;
use crate::evaluate::Run;

/// The longest text that Base64 and hashes take, in characters.
const CHARACTERS_MAX: usize = 10_000;
const SHORT: &str = "a string of at most 10000 characters";

/// Takes padding or its absence, and stray bits at the end, as Java's decoder does.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &ALPHABET,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

fn short(value: &Value, position: usize) -> Result<&str, Problem> {
    let text = string(value, position)?;
    if text.chars().nth(CHARACTERS_MAX).is_some() {
        return Err(Problem::Argument { position, expected: SHORT });
    }
    Ok(text)
}

pub(super) fn base64_encode(text: &Value) -> Result<Value, Problem> {
    Ok(Value::from(STANDARD.encode(short(text, 1)?)))
}

/// Characters outside the alphabet are skipped, as MIME has it.
pub(super) fn base64_decode(text: &Value) -> Result<Value, Problem> {
    let known = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    let bytes: Vec<u8> = short(text, 1)?.bytes().take_while(|byte| *byte != b'=').filter(known).collect();
    let decoded =
        LENIENT.decode(bytes).map_err(|_| Problem::Malformed { message: "the text is not Base64" })?;
    Ok(Value::from(String::from_utf8_lossy(&decoded).into_owned()))
}

/// A string is hashed as it is, every other value by its JSON text; in lower-case hexadecimal.
pub(super) fn hash(run: &Run, data: &Value, algorithm: &Value) -> Result<Value, Problem> {
    run.charge_whole(data)?;
    let data = match data {
        Value::String(_) => data.clone(),
        other => Value::from(other.to_json().map_err(|_| Problem::TooLarge)?),
    };
    let data = short(&data, 1)?.as_bytes();
    let digest = match algorithm.as_str() {
        Some("MD5") => hexadecimal(&md5::Md5::digest(data)),
        Some("SHA-1") => hexadecimal(&Sha1::digest(data)),
        Some("SHA-256") => hexadecimal(&Sha256::digest(data)),
        Some("SHA-384") => hexadecimal(&Sha384::digest(data)),
        Some("SHA-512") => hexadecimal(&Sha512::digest(data)),
        Some(_) | None => {
            return Err(Problem::Argument {
                position: 2,
                expected: "MD5, SHA-1, SHA-256, SHA-384 or SHA-512",
            });
        }
    };
    Ok(Value::from(digest))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut out, byte| {
        write!(out, "{byte:02x}").expect("a String takes what it is given");
        out
    })
}

/// Version 4: random but for the version and the variant.
pub(super) fn uuid(run: &Run) -> Value {
    let high = (run.scope.random)() & !0xF000 | 0x4000;
    let low = (run.scope.random)() & !(0b11 << 62) | (0b10 << 62);
    let digits = format!("{high:016x}{low:016x}");
    let groups = [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]];
    Value::from(groups.join("-"))
}
