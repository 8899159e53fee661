//! The functions that AWS Step Functions adds to the language.
//!
//! | function | gives |
//! |---|---|
//! | `$partition(array, size)` | the array in arrays of so many items, the last one shorter |
//! | `$range(from, to, step)` | the numbers from the first to the second, both included if reached |
//! | `$hash(text, algorithm)` | the digest in hexadecimal; `MD5`, `SHA-1`, `SHA-256`, `SHA-384`, `SHA-512` |
//! | `$random(seed)` | a number from 0 to 1; the same for the same seed |
//! | `$uuid()` | a version 4 UUID |
//! | `$parse(text)` | the value of a JSON text, in place of `$eval` |
//!
//! Numbers that ought to be whole are cut off towards zero. What is missing gives nothing, as
//! everywhere in the language.
//!
//! Source: Step Functions Developer Guide, "Transforming data with JSONata"; the edges were measured on
//! AWS by the authors of other emulators.

use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};
use stepwell_value::Value;

use super::{Call, Entry, entry, value};
use crate::error::{NOT_PARSED, Raised, Step};
use crate::evaluate::Evaluator;
use crate::item::{Item, ListBuilder, mark};

pub(crate) static STEP_FUNCTIONS: [Entry; 6] = [
    entry("partition", "<an?:a>", 2, partition),
    entry("range", "<nnn?:a>", 3, range),
    entry("hash", "<s-s?:s>", 2, hash),
    entry("random", "<n?:n>", 1, random),
    entry("uuid", "<:s>", 0, uuid),
    entry("parse", "<s-:x>", 1, parse),
];

/// The most numbers that a range may have, as the range operator.
const RANGE_MAX: f64 = 1e7;

fn wrong<T>(call: &Call<'_>, index: usize) -> Step<T> {
    Err(Raised::index("T0410", index + 1, call.arg(index).shown()))
}

/// An error in words of its own.
fn refused<T>(text: impl Into<String>) -> Step<T> {
    Err(Raised::text("D3137", text))
}

fn partition(evaluator: &mut Evaluator<'_>, mut call: Call<'_>) -> Step<Item> {
    let size = call.number(1)?.map_or(f64::INFINITY, f64::trunc);
    if size < 0.0 {
        return refused("Second argument must be zero or greater");
    }
    // Not a number is no size either.
    if size.is_nan() || size < 1.0 {
        return Ok(Item::Undefined);
    }
    let Some(array) = call.array(0)? else { return Ok(Item::Undefined) };
    let len = array.array_len().unwrap_or(0);
    if len == 0 {
        return Ok(Item::Undefined);
    }
    let size = size.min(len.max(1) as f64) as usize;
    evaluator.spend(len as u64)?;
    let mut rows = ListBuilder::with_room(&evaluator.meter, len.div_ceil(size))?;
    for from in (0..len).step_by(size) {
        let mut row = ListBuilder::with_room(&evaluator.meter, size.min(len - from))?;
        for index in from..(from + size).min(len) {
            row.push(array.at(index))?;
        }
        rows.push(row.finish(0)?)?;
    }
    rows.finish(0)
}

fn range(evaluator: &mut Evaluator<'_>, call: Call<'_>) -> Step<Item> {
    let whole = |index: usize| match call.number(index)?.map(f64::trunc) {
        Some(number) if number.is_finite() => Ok(number),
        _ => wrong(&call, index),
    };
    let (from, to) = (whole(0)?, whole(1)?);
    let step = if call.arg(2).is_undefined() { 0.0 } else { whole(2)? };
    if step == 0.0 {
        return Ok(Item::Undefined);
    }
    let count = ((to - from) / step).floor() + 1.0;
    if count > RANGE_MAX {
        return Err(Raised::value("D2014", Item::number(count).shown()));
    }
    let count = count.max(0.0) as usize;
    evaluator.spend(count as u64 / 8)?;
    let mut builder = ListBuilder::with_room(&evaluator.meter, count)?;
    for index in 0..count {
        builder.push(Item::number(from + step * index as f64))?;
    }
    // One number stands for itself, and none is nothing.
    builder.finish(mark::SEQUENCE)
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn hash(evaluator: &mut Evaluator<'_>, call: Call<'_>) -> Step<Item> {
    let Some(text) = call.text(0)? else { return Ok(Item::Undefined) };
    evaluator.spend(text.len() as u64 / 16)?;
    let Some(algorithm) = call.text(1)? else { return Ok(Item::Undefined) };
    let digest = match &*algorithm {
        "MD5" => hexadecimal(&Md5::digest(text.as_bytes())),
        "SHA-1" => hexadecimal(&Sha1::digest(text.as_bytes())),
        "SHA-256" => hexadecimal(&Sha256::digest(text.as_bytes())),
        "SHA-384" => hexadecimal(&Sha384::digest(text.as_bytes())),
        "SHA-512" => hexadecimal(&Sha512::digest(text.as_bytes())),
        other => {
            let known = "SHA-1, SHA-384, SHA-256, SHA-512, MD5";
            return refused(format!("Hash algorithm '{other}' must be one of {known}"));
        }
    };
    evaluator.text(digest)
}

/// The first number of `java.util.Random` with this seed, which is what AWS gives.
fn seeded(seed: i64) -> f64 {
    const MULTIPLIER: u64 = 0x5_DEEC_E66D;
    const MASK: u64 = (1 << 48) - 1;
    let mut state = (seed as u64 ^ MULTIPLIER) & MASK;
    let mut next = |bits: u32| {
        state = (state.wrapping_mul(MULTIPLIER).wrapping_add(0xB)) & MASK;
        state >> (48 - bits)
    };
    ((next(26) << 27) + next(27)) as f64 / (1u64 << 53) as f64
}

fn random(evaluator: &mut Evaluator<'_>, call: Call<'_>) -> Step<Item> {
    Ok(Item::number(match call.number(0)? {
        Some(seed) if seed.is_finite() => seeded(seed.trunc() as i64),
        Some(_) => return wrong(&call, 0),
        None => super::number::random_float(evaluator),
    }))
}

/// Version 4: random but for the version and the variant.
fn uuid(evaluator: &mut Evaluator<'_>, _: Call<'_>) -> Step<Item> {
    let random = evaluator.environment.random;
    let high = random() & !0xF000 | 0x4000;
    let low = random() & !(0b11 << 62) | (0b10 << 62);
    evaluator.text(format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        high >> 32,
        high >> 16 & 0xFFFF,
        high & 0xFFFF,
        low >> 48,
        low & 0xFFFF_FFFF_FFFF
    ))
}

fn parse(evaluator: &mut Evaluator<'_>, call: Call<'_>) -> Step<Item> {
    let Some(text) = call.text(0)? else { return Ok(Item::Undefined) };
    match value::parse(evaluator, &text, Value::parse_unique) {
        Ok(Item::Value(value)) if has_infinity(&value) => refused("Invalid JSON"),
        Err(raised) if raised.code == NOT_PARSED => refused("Invalid JSON"),
        other => other,
    }
}

/// Whether a number is too large for a double.
fn has_infinity(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(_) | Value::String(_) => false,
        Value::Number(number) => !number.as_f64().is_finite(),
        Value::Array(items) => items.iter().any(has_infinity),
        Value::Object(map) => map.values().any(has_infinity),
    }
}
