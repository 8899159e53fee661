//! Functions on strings. Lengths and places count characters, as the reference's do.

use std::sync::Arc;

use super::Call;
use crate::error::Step;
use crate::evaluate::Evaluator;
use crate::item::Item;

/// A place as `slice` takes it: towards zero, from the end if negative, within bounds.
fn place(place: f64, len: usize) -> usize {
    let whole = if place.is_nan() { 0.0 } else { place.trunc() };
    let len = len as f64;
    (if whole < 0.0 { (len + whole).max(0.0) } else { whole.min(len) }) as usize
}

/// The characters from one place to another.
fn slice(text: &str, from: usize, to: usize) -> &str {
    if from >= to {
        return "";
    }
    if text.is_ascii() {
        return &text[from.min(text.len())..to.min(text.len())];
    }
    let mut starts = text.char_indices().map(|(at, _)| at);
    let start = starts.by_ref().nth(from).unwrap_or(text.len());
    let end = starts.nth(to - from - 1).unwrap_or(text.len());
    &text[start..end]
}

fn count(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.chars().count() }
}

pub(super) fn substring(evaluator: &mut Evaluator<'_>, call: Call<'_>) -> Step<Item> {
    let Some(text) = call.text(0)? else { return Ok(Item::Undefined) };
    let mut start = call.number(1)?.unwrap_or(f64::NAN);
    evaluator.foresee(text.len())?;
    let len = count(&text);
    if len as f64 + start < 0.0 {
        start = 0.0;
    }
    let to = match call.number(2)? {
        None => len,
        Some(length) if length <= 0.0 => return evaluator.text(String::new()),
        Some(length) => place(if start >= 0.0 { start + length } else { len as f64 + start + length }, len),
    };
    evaluator.text(slice(&text, place(start, len), to).to_owned())
}

pub(super) fn substring_before(evaluator: &mut Evaluator<'_>, call: Call<'_>) -> Step<Item> {
    let Some(text) = call.text(0)? else { return Ok(Item::Undefined) };
    let chars = call.text(1)?.unwrap_or_else(|| "undefined".into());
    evaluator.foresee(text.len())?;
    match text.find(&*chars) {
        Some(at) => evaluator.text(text[..at].to_owned()),
        None => Ok(call.arg(0).clone()),
    }
}

pub(super) fn substring_after(evaluator: &mut Evaluator<'_>, call: Call<'_>) -> Step<Item> {
    let Some(text) = call.text(0)? else { return Ok(Item::Undefined) };
    let chars = call.text(1)?.unwrap_or_else(|| "undefined".into());
    evaluator.foresee(text.len())?;
    match text.find(&*chars) {
        Some(at) => evaluator.text(text[at + chars.len()..].to_owned()),
        None => Ok(call.arg(0).clone()),
    }
}

pub(super) fn lowercase(evaluator: &mut Evaluator<'_>, call: Call<'_>) -> Step<Item> {
    let Some(text) = call.text(0)? else { return Ok(Item::Undefined) };
    evaluator.foresee(text.len())?;
    evaluator.text(text.to_lowercase())
}

pub(super) fn uppercase(evaluator: &mut Evaluator<'_>, call: Call<'_>) -> Step<Item> {
    let Some(text) = call.text(0)? else { return Ok(Item::Undefined) };
    evaluator.foresee(text.len())?;
    evaluator.text(text.to_uppercase())
}

pub(super) fn length(evaluator: &mut Evaluator<'_>, call: Call<'_>) -> Step<Item> {
    let Some(text) = call.text(0)? else { return Ok(Item::Undefined) };
    evaluator.spend(text.len() as u64 / 64)?;
    Ok(Item::count(count(&text)))
}

pub(super) fn trim(evaluator: &mut Evaluator<'_>, call: Call<'_>) -> Step<Item> {
    let Some(text) = call.text(0)? else { return Ok(Item::Undefined) };
    evaluator.foresee(text.len())?;
    let is_blank = |character: char| matches!(character, ' ' | '\t' | '\n' | '\r');
    let mut out = String::with_capacity(text.len());
    for word in text.split(is_blank).filter(|word| !word.is_empty()) {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    evaluator.text(out)
}

pub(super) fn pad(evaluator: &mut Evaluator<'_>, call: Call<'_>) -> Step<Item> {
    let Some(text) = call.text(0)? else { return Ok(Item::Undefined) };
    let width = call.number(1)?.unwrap_or(f64::NAN);
    let with = call.text(2)?.filter(|with| !with.is_empty()).unwrap_or_else(|| " ".into());
    // The reference fails on a fraction here; whole characters are padded instead.
    let missing = (width.abs() - count(&text) as f64).trunc();
    if missing.is_nan() || missing <= 0.0 {
        return Ok(call.arg(0).clone());
    }
    let missing = missing as usize;
    let bytes = missing.saturating_mul(with.len().min(4)).saturating_add(text.len());
    evaluator.foresee(bytes)?;
    let mut padding = String::with_capacity(bytes.min(missing.saturating_mul(with.len())));
    padding.extend(with.chars().cycle().take(missing));
    evaluator.text(if width > 0.0 { format!("{text}{padding}") } else { format!("{padding}{text}") })
}

pub(super) fn join(evaluator: &mut Evaluator<'_>, mut call: Call<'_>) -> Step<Item> {
    let separator: Arc<str> = call.text(1)?.unwrap_or_else(|| "".into());
    let Some(texts) = call.array(0)? else { return Ok(Item::Undefined) };
    let mut out = String::new();
    let len = texts.array_len().unwrap_or(0);
    evaluator.spend(len as u64)?;
    for index in 0..len {
        let item = texts.at(index);
        let text = item.as_str().unwrap_or("");
        let bytes = out.len() + separator.len() + text.len();
        if bytes > out.capacity() {
            evaluator.foresee(bytes * 2)?;
            out.reserve(bytes * 2 - out.len());
        }
        if index > 0 {
            out.push_str(&separator);
        }
        out.push_str(text);
    }
    evaluator.text(out)
}
