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
//! Numbers that ought to be whole are rounded down.
//!
//! Source: Step Functions Developer Guide, "Transforming data with JSONata". The codes of their errors
//! are not documented; here a wrong argument is T0410, as everywhere.

use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};

use super::{Call, Entry, entry, value};
use crate::error::{Raised, Step};
use crate::evaluate::Evaluator;
use crate::item::{Item, ListBuilder};

pub(crate) static STEP_FUNCTIONS: [Entry; 6] = [
    entry("partition", "<an:a>", 2, partition),
    entry("range", "<nnn:a>", 3, range),
    entry("hash", "<s-s:s>", 2, hash),
    entry("random", "<n?:n>", 1, random),
    entry("uuid", "<:s>", 0, uuid),
    entry("parse", "<s-:x>", 1, parse),
];

/// The most numbers that a range may have, as the range operator.
const RANGE_MAX: f64 = 1e7;

fn wrong<T>(call: &Call<'_>, index: usize) -> Step<T> {
    Err(Raised::index("T0410", index + 1, call.arg(index).shown()))
}

fn partition(evaluator: &mut Evaluator<'_>, mut call: Call<'_>) -> Step<Item> {
    let size = call.number(1)?.map_or(f64::NAN, f64::floor);
    if size.is_nan() || size < 1.0 {
        return wrong(&call, 1);
    }
    let Some(array) = call.array(0)? else { return Ok(Item::Undefined) };
    let len = array.array_len().unwrap_or(0);
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
    let whole = |index: usize| match call.number(index)?.map(f64::floor) {
        Some(number) if number.is_finite() => Ok(number),
        _ => wrong(&call, index),
    };
    let (from, to, step) = (whole(0)?, whole(1)?, whole(2)?);
    if step == 0.0 {
        return wrong(&call, 2);
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
    builder.finish(0)
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn hash(evaluator: &mut Evaluator<'_>, call: Call<'_>) -> Step<Item> {
    let Some(text) = call.text(0)? else { return Ok(Item::Undefined) };
    evaluator.spend(text.len() as u64 / 16)?;
    let algorithm = call.text(1)?.unwrap_or_default();
    let digest = match &*algorithm {
        "MD5" => hexadecimal(&Md5::digest(text.as_bytes())),
        "SHA-1" => hexadecimal(&Sha1::digest(text.as_bytes())),
        "SHA-256" => hexadecimal(&Sha256::digest(text.as_bytes())),
        "SHA-384" => hexadecimal(&Sha384::digest(text.as_bytes())),
        "SHA-512" => hexadecimal(&Sha512::digest(text.as_bytes())),
        _ => return wrong(&call, 1),
    };
    evaluator.text(digest)
}

/// Java's generator, seeded as `java.util.Random`, gives the same number for the same seed. That AWS
/// uses it is a guess; that the seed decides is documented.
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
        Some(seed) if seed.is_finite() => seeded(seed.floor() as i64),
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
    match call.text(0)? {
        Some(text) => value::parse(evaluator, &text),
        None => Ok(Item::Undefined),
    }
}
