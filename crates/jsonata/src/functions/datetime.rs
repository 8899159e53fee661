//! Functions on dates and times, and on integers as text.

use super::Call;
use crate::datetime::{format, integer, parse};
use crate::error::{Raised, Step};
use crate::evaluate::Evaluator;
use crate::item::Item;

/// How many steps it takes to read a picture and to write by it: separators are put into their places
/// one by one, so long pictures cost more than in proportion.
pub(super) fn picture_cost(picture: &str) -> u64 {
    let bytes = picture.len() as u64;
    bytes + bytes * bytes / 256
}

pub(super) fn format_integer(evaluator: &mut Evaluator<'_>, call: Call<'_>) -> Step<Item> {
    let Some(number) = call.number(0)? else { return Ok(Item::Undefined) };
    let Some(picture) = call.text(1)? else { return Err(Raised::index("T0410", 2, None)) };
    evaluator.spend(picture_cost(&picture))?;
    let text = integer::format(number.floor(), &integer::analyse(&picture)?)?;
    evaluator.spend(text.len() as u64 / 4)?;
    evaluator.text(text)
}

pub(super) fn parse_integer(evaluator: &mut Evaluator<'_>, call: Call<'_>) -> Step<Item> {
    let Some(text) = call.text(0)? else { return Ok(Item::Undefined) };
    let Some(picture) = call.text(1)? else { return Err(Raised::index("T0410", 2, None)) };
    evaluator.foresee(text.len() * 8)?;
    evaluator.spend(text.len() as u64 / 4 + picture_cost(&picture))?;
    Ok(Item::number(integer::parse(&text, &integer::analyse(&picture)?)?))
}

pub(super) fn to_millis(evaluator: &mut Evaluator<'_>, call: Call<'_>) -> Step<Item> {
    let Some(text) = call.text(0)? else { return Ok(Item::Undefined) };
    evaluator.spend(16 + text.len() as u64 / 16)?;
    match call.text(1)? {
        None => match parse::iso(&text) {
            Some(millis) => Ok(Item::number(millis)),
            None => Err(Raised::value("D3110", call.arg(0).shown())),
        },
        Some(picture) => {
            evaluator.spend(picture_cost(&picture))?;
            let millis = parse::by_picture(&text, &picture, evaluator)?;
            Ok(millis.map_or(Item::Undefined, Item::number))
        }
    }
}

fn write(evaluator: &mut Evaluator<'_>, millis: f64, call: &Call<'_>, first: usize) -> Step<Item> {
    let picture = call.text(first)?;
    let timezone = call.text(first + 1)?;
    evaluator.spend(16 + picture.as_deref().map_or(0, picture_cost))?;
    let text = format::format(millis, picture.as_deref(), timezone.as_deref())?;
    evaluator.spend(text.len() as u64 / 4)?;
    evaluator.text(text)
}

pub(super) fn from_millis(evaluator: &mut Evaluator<'_>, call: Call<'_>) -> Step<Item> {
    match call.number(0)? {
        Some(millis) => write(evaluator, millis, &call, 1),
        None => Ok(Item::Undefined),
    }
}

pub(super) fn now(evaluator: &mut Evaluator<'_>, call: Call<'_>) -> Step<Item> {
    let now = evaluator.environment.now as f64;
    write(evaluator, now, &call, 0)
}

pub(super) fn millis(evaluator: &mut Evaluator<'_>, _: Call<'_>) -> Step<Item> {
    Ok(Item::number(evaluator.environment.now as f64))
}
