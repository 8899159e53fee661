//! Base64 and the escapes of URLs.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::Call;
use crate::error::{Raised, Step};
use crate::evaluate::Evaluator;
use crate::item::Item;

const CODE: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Base64 of the low byte of each UTF-16 unit, as the reference has it.
pub(super) fn base64_encode(evaluator: &mut Evaluator<'_>, call: Call<'_>) -> Step<Item> {
    let Some(text) = call.text(0)? else { return Ok(Item::Undefined) };
    evaluator.foresee(text.len() * 2)?;
    let bytes: Vec<u8> = text.encode_utf16().map(|unit| (unit & 0xFF) as u8).collect();
    evaluator.text(CODE.encode(bytes))
}

/// Base64 back, a character for each byte. What is no base64 is passed over, as Node does.
pub(super) fn base64_decode(evaluator: &mut Evaluator<'_>, call: Call<'_>) -> Step<Item> {
    let Some(text) = call.text(0)? else { return Ok(Item::Undefined) };
    evaluator.foresee(text.len() * 2)?;
    let mut clean: Vec<u8> = Vec::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'=' => break,
            b'-' => clean.push(b'+'),
            b'_' => clean.push(b'/'),
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' => clean.push(byte),
            _ => {}
        }
    }
    // A single letter at the end holds no whole byte.
    if clean.len() % 4 == 1 {
        clean.pop();
    }
    let bytes = CODE.decode(clean).unwrap_or_default();
    evaluator.text(bytes.into_iter().map(char::from).collect())
}

/// Characters that no URL escape touches.
const UNRESERVED: &[u8] = b"-_.!~*'()";
/// Characters that mean something in a URL.
const RESERVED: &[u8] = b";/?:@&=+$,#";

fn encode(evaluator: &mut Evaluator<'_>, call: &Call<'_>, also: &[u8]) -> Step<Item> {
    let Some(text) = call.text(0)? else { return Ok(Item::Undefined) };
    evaluator.foresee(text.len() * 3)?;
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || UNRESERVED.contains(&byte) || also.contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push(char::from(b"0123456789ABCDEF"[usize::from(byte >> 4)]));
            out.push(char::from(b"0123456789ABCDEF"[usize::from(byte & 15)]));
        }
    }
    evaluator.text(out)
}

pub(super) fn encode_url_component(evaluator: &mut Evaluator<'_>, call: Call<'_>) -> Step<Item> {
    encode(evaluator, &call, b"")
}

pub(super) fn encode_url(evaluator: &mut Evaluator<'_>, call: Call<'_>) -> Step<Item> {
    encode(evaluator, &call, RESERVED)
}

/// Undoes escapes, but leaves those that stand for one of `keep`.
fn decode(text: &str, keep: &[u8]) -> Option<String> {
    let bytes = text.as_bytes();
    let escaped = |at: usize| {
        let digits = bytes.get(at + 1..at + 3).filter(|_| bytes.get(at) == Some(&b'%'))?;
        let digit = |byte: u8| char::from(byte).to_digit(16);
        Some((digit(digits[0])? * 16 + digit(digits[1])?) as u8)
    };
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] != b'%' {
            let character = text[at..].chars().next()?;
            out.push(character);
            at += character.len_utf8();
            continue;
        }
        let first = escaped(at)?;
        let length = match first {
            0x00..0x80 => 1,
            0xC0..0xE0 => 2,
            0xE0..0xF0 => 3,
            0xF0..0xF8 => 4,
            _ => return None,
        };
        if length == 1 && keep.contains(&first) {
            out.push_str(&text[at..at + 3]);
        } else {
            let mut sequence = Vec::with_capacity(length);
            for index in 0..length {
                let place = at + index * 3;
                sequence.push(escaped(place).filter(|_| place < bytes.len())?);
            }
            out.push_str(std::str::from_utf8(&sequence).ok()?);
        }
        at += length * 3;
    }
    Some(out)
}

fn decoded(evaluator: &mut Evaluator<'_>, call: &Call<'_>, keep: &[u8], name: &str) -> Step<Item> {
    let Some(text) = call.text(0)? else { return Ok(Item::Undefined) };
    evaluator.foresee(text.len())?;
    match decode(&text, keep) {
        Some(decoded) => evaluator.text(decoded),
        None => {
            let mut raised = Raised::text("D3140", name);
            raised.value = call.arg(0).shown();
            Err(raised)
        }
    }
}

pub(super) fn decode_url_component(evaluator: &mut Evaluator<'_>, call: Call<'_>) -> Step<Item> {
    decoded(evaluator, &call, b"", "decodeUrlComponent")
}

pub(super) fn decode_url(evaluator: &mut Evaluator<'_>, call: Call<'_>) -> Step<Item> {
    decoded(evaluator, &call, RESERVED, "decodeUrl")
}
