//! The functions on arrays, and `States.JsonMerge`.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use stepwell_value::Value;

use super::{items, rounded};
use crate::Problem;
use crate::evaluate::Run;

/// The most items `States.ArrayRange` makes.
const RANGE_ITEMS_MAX: i64 = 1_000;

pub(super) fn partition(array: &Value, size: &Value) -> Result<Value, Problem> {
    let expected = "a number that rounds to a positive integer";
    let size = rounded(size, 2, expected)?;
    let size = usize::try_from(size).ok().filter(|size| *size > 0);
    let size = size.ok_or(Problem::Argument { position: 2, expected })?;
    let parts: Vec<Value> = items(array, 1)?.chunks(size).map(Value::array).collect();
    Ok(Value::array(parts))
}

pub(super) fn contains(run: &Run, array: &Value, value: &Value) -> Result<Value, Problem> {
    run.charge_whole(array)?;
    Ok(Value::from(items(array, 1)?.contains(value)))
}

/// From `first` to `last`, which is included if a step hits it.
pub(super) fn range(first: &Value, last: &Value, step: &Value) -> Result<Value, Problem> {
    let first = rounded(first, 1, "a number")?;
    let last = rounded(last, 2, "a number")?;
    let step = rounded(step, 3, "a number")?;
    if step == 0 {
        return Err(Problem::Argument { position: 3, expected: "a number that does not round to zero" });
    }
    // `rounded` keeps below 2^62, so the difference fits.
    let count = (last - first).checked_div(step).unwrap_or(-1);
    let leads_away = (last > first && step < 0) || (last < first && step > 0);
    if leads_away {
        return Ok(Value::array([]));
    }
    if count >= RANGE_ITEMS_MAX {
        return Err(Problem::Argument { position: 3, expected: "a step that gives at most 1000 items" });
    }
    let numbers: Vec<Value> = (0..=count).map(|at| Value::from(first + at * step)).collect();
    Ok(Value::array(numbers))
}

pub(super) fn get_item(array: &Value, index: &Value) -> Result<Value, Problem> {
    let array = items(array, 1)?;
    let expected = "an integer, zero or greater";
    let index =
        index.as_i64().filter(|index| *index >= 0).ok_or(Problem::Argument { position: 2, expected })?;
    let item = usize::try_from(index).ok().and_then(|at| array.get(at));
    item.cloned().ok_or(Problem::NoSuchItem { index, length: array.len() })
}

pub(super) fn length(array: &Value) -> Result<Value, Problem> {
    Ok(Value::from(items(array, 1)?.len() as i64))
}

/// The first of each kind of equal items, in their order.
pub(super) fn unique(run: &Run, array: &Value) -> Result<Value, Problem> {
    run.charge_whole(array)?;
    let mut kept: Vec<Value> = Vec::new();
    let mut by_digest: HashMap<u64, Vec<usize>> = HashMap::new();
    for item in items(array, 1)? {
        let alike = by_digest.entry(digest(item)).or_default();
        run.charge(alike.len())?;
        if alike.iter().all(|at| kept[*at] != *item) {
            alike.push(kept.len());
            kept.push(item.clone());
        }
    }
    Ok(Value::array(kept))
}

/// Equal values have equal digests.
fn digest(value: &Value) -> u64 {
    let mut hasher = DefaultHasher::new();
    match value {
        Value::Null => 0_u8.hash(&mut hasher),
        Value::Bool(truth) => (1_u8, truth).hash(&mut hasher),
        // Adding zero makes -0.0 and 0.0 the same; 1 equals 1.0 as a double.
        Value::Number(number) => (2_u8, (number.as_f64() + 0.0).to_bits()).hash(&mut hasher),
        Value::String(text) => (3_u8, text).hash(&mut hasher),
        Value::Array(items) => {
            4_u8.hash(&mut hasher);
            items.iter().for_each(|item| digest(item).hash(&mut hasher));
        }
        Value::Object(map) => {
            // A sum, because the order of members does not count.
            let member = |key: &Arc<str>, item: &Value| {
                let mut hasher = DefaultHasher::new();
                (key, digest(item)).hash(&mut hasher);
                hasher.finish()
            };
            let sum = map.iter().fold(0_u64, |sum, (key, item)| sum.wrapping_add(member(key, item)));
            (5_u8, sum).hash(&mut hasher);
        }
    }
    hasher.finish()
}

/// The members of both, the right one winning; not what is inside them.
pub(super) fn merge(run: &Run, left: &Value, right: &Value, deep: &Value) -> Result<Value, Problem> {
    let object = |value: &Value, position| match value {
        Value::Object(map) => Ok(map.clone()),
        _ => Err(Problem::Argument { position, expected: "an object" }),
    };
    let (mut merged, right) = (object(left, 1)?, object(right, 2)?);
    if deep.as_bool() != Some(false) {
        return Err(Problem::Argument {
            position: 3,
            expected: "false, as only shallow merging is supported",
        });
    }
    run.charge(merged.len() + right.len())?;
    let members = Arc::make_mut(&mut merged);
    for (key, value) in right.iter() {
        members.insert(key.clone(), value.clone());
    }
    Ok(Value::Object(merged))
}
