//! The items of a `Map` under test: what its iterations would be given, and how many may fail.
//!
//! `ItemReader` reads what the caller says is at the source (`mapItemReaderData`): JSON (an array, or an
//! object whose members are the items; below `ItemsPointer`), JSON lines or CSV. Without that, the items
//! may stand in the input, as if they had been read. Then `ItemSelector` and `ItemBatcher` are applied,
//! as a distributed Map does.
//!
//! Source: Developer Guide, "Testing state machines with TestState API", "Testing Distributed Map
//! states", and the pages about `ItemReader`, `ItemSelector`, `ItemBatcher`.

use std::sync::Arc;

use stepwell_model::{Failure, MachineType, error_names};
use stepwell_value::{Payload, Value};

use super::{Inspection, Mock};
use crate::data::{Data, read_path, read_template};
use crate::fields::{Fields, Notes};
use crate::query::{Known, Language, Moment, read_query, read_shape};
use crate::state::map::Map;
use crate::turn::{COMPOSED_TIMES_MAX, Turn, too_large};

/// The largest count.
const COUNT_MAX: u64 = i64::MAX as u64;

/// The error of an `ItemReader`.
const ITEM_READER_FAILED: &str = "States.ItemReaderFailed";

/// What a Map would do.
pub(super) struct Survey {
    /// How many items or batches there are, if that is known.
    iterations: Option<u64>,
    tolerated_count: Option<u64>,
    tolerated_percentage: Option<f64>,
}

impl Survey {
    /// How many iterations there are; without items to count, as many as the mock has results.
    pub(super) fn iterations(&self, mock: &Mock) -> Option<u64> {
        let results = match mock {
            Mock::Result(result) => result.value().as_array().map(|results| results.len() as u64),
            Mock::Failure(_) => None,
        };
        self.iterations.or(results)
    }

    /// Whether so many failed iterations are more than the Map tolerates.
    pub(super) fn exceeds(&self, failed: u64, mock: &Mock) -> bool {
        let share = match self.iterations(mock) {
            Some(1..) => failed as f64 * 100.0 / self.iterations(mock).unwrap_or(1) as f64,
            Some(0) | None => 0.0,
        };
        self.tolerated_count.is_some_and(|most| failed > most)
            || self.tolerated_percentage.is_some_and(|most| share > most)
    }
}

/// Looks at the items and limits of a Map, and shows them. `written` is the state's JSON.
pub(super) fn survey(
    map: &Map,
    written: &Value,
    reader_data: Option<&str>,
    turn: &mut Turn,
) -> Result<Survey, Failure> {
    let notes = Notes::new(MachineType::Standard);
    let nothing = Value::object::<&str>([]);
    let language = match &turn.state.data {
        Data::Path(_) => Language::JsonPath,
        Data::Query(_) => Language::Jsonata,
    };
    let fields = |value, at: &str| {
        let fields = Fields::of(value, at.to_owned(), &notes)?;
        Some(fields.speaking(language))
    };
    let Some(state) = fields(written, "") else {
        return Ok(Survey { iterations: None, tolerated_count: None, tolerated_percentage: None });
    };
    turn.effective_input()?;
    let concurrency = map.concurrency_max(turn)?;
    let tolerated_count = whole(&state, "ToleratedFailureCount", "ToleratedFailureCountPath", turn)?;
    let tolerated_percentage = percentage(&state, turn)?;
    if let Some(seen) = &mut turn.hand.recorder.inspection {
        seen.max_concurrency = Some(concurrency);
        seen.tolerated_failure_count = tolerated_count;
        seen.tolerated_failure_percentage = tolerated_percentage;
    }
    let mut items = match (state.get("ItemReader"), reader_data) {
        (Some(reader), Some(data)) => {
            match fields(reader.get("ReaderConfig").unwrap_or(&nothing), "/ItemReader/ReaderConfig") {
                Some(config) => read(&config, data, turn)?,
                None => None,
            }
        }
        // What the reader would have read may stand in the input; if it does not, nobody knows.
        (Some(_), None) if !state.has("ItemsPath") && turn.raw_input().value().as_array().is_none() => None,
        (Some(_) | None, _) => {
            let items = map.items(turn)?.value().as_array().cloned().unwrap_or_default();
            if language == Language::JsonPath {
                show(turn, |seen| &mut seen.after_items_path, &items)?;
            }
            Some(items)
        }
    };
    if let Some(found) = &mut items
        && (map.item_selector.is_some() || map.legacy_selector)
    {
        let input = turn.effective_input()?;
        let mut room = Room::new(turn);
        for (index, item) in found.iter_mut().enumerate() {
            let selected = map.iteration_input(turn, &input, index as u64, item)?;
            room.take(selected.text().len())?;
            *item = selected.value().clone();
        }
        show(turn, |seen| &mut seen.after_item_selector, found)?;
    }
    if let (Some(found), Some(batcher)) = (&mut items, state.get("ItemBatcher"))
        && let Some(batcher) = fields(batcher, "/ItemBatcher")
    {
        *found = batch(&batcher, std::mem::take(found), turn)?;
        show(turn, |seen| &mut seen.after_item_batcher, found)?;
    }
    let iterations = items.map(|items| items.len() as u64);
    Ok(Survey { iterations, tolerated_count, tolerated_percentage })
}

/// How much all items of a test may hold together, in bytes of JSON.
struct Room {
    bytes: usize,
    state: Arc<str>,
}

impl Room {
    fn new(turn: &Turn) -> Room {
        let bytes = COMPOSED_TIMES_MAX * turn.hand.origin.limits.payload_bytes_max;
        Room { bytes, state: turn.state.name.clone() }
    }

    fn take(&mut self, bytes: usize) -> Result<(), Failure> {
        self.bytes = self.bytes.checked_sub(bytes).ok_or_else(|| too_large(&self.state))?;
        Ok(())
    }
}

/// Shows items, written as Java writes a list of JSON nodes: with a blank after each comma (recorded).
fn show(
    turn: &mut Turn,
    place: impl FnOnce(&mut Inspection) -> &mut Option<Payload>,
    items: &[Value],
) -> Result<(), Failure> {
    let mut texts = Vec::with_capacity(items.len());
    let mut room = Room::new(turn);
    for item in items {
        let text = turn.payload(item.clone())?;
        room.take(text.text().len())?;
        texts.push(text);
    }
    let texts: Vec<&str> = texts.iter().map(Payload::text).collect();
    let list = Payload::trusted(format!("[{}]", texts.join(", ")));
    if let Some(seen) = &mut turn.hand.recorder.inspection {
        *place(seen) = Some(list);
    }
    Ok(())
}

/// A whole number: as it is, an expression, or where a path leads.
fn whole(
    fields: &Fields,
    key: &'static str,
    path_key: &'static str,
    turn: &mut Turn,
) -> Result<Option<u64>, Failure> {
    if fields.in_jsonata() {
        if let Some(query) = read_query(fields, key) {
            return turn.query_integer(&query, key, 0, COUNT_MAX).map(Some);
        }
    } else if let Some(path) = read_path(fields, path_key) {
        let input = turn.effective_input()?;
        let value = turn.evaluate(&path, input.value(), path_key)?;
        // A number in a string is one too (recorded).
        let number = match &value {
            Value::String(text) => text.parse().ok(),
            other => other.as_i64(),
        };
        return match number.and_then(|number| u64::try_from(number).ok()) {
            Some(number) => Ok(Some(number)),
            None => {
                let path = path.text();
                Err(turn.runtime_failure(&format!(
                    "The {path_key} field refers to value {value:.80} which is not a valid integer: {path}"
                )))
            }
        };
    }
    Ok(fields.get(key).and_then(Value::as_i64).and_then(|number| u64::try_from(number).ok()))
}

/// `ToleratedFailurePercentage`, from 0 to 100.
fn percentage(fields: &Fields, turn: &mut Turn) -> Result<Option<f64>, Failure> {
    let (key, path_key) = ("ToleratedFailurePercentage", "ToleratedFailurePercentagePath");
    let number = |value: &Value| {
        let number = match value {
            Value::String(text) => text.parse().ok(),
            other => other.as_number().map(|number| number.as_f64()),
        };
        number.filter(|number| (0.0..=100.0).contains(number))
    };
    if fields.in_jsonata() {
        if let Some(query) = read_query(fields, key) {
            let value = turn.query(&query, &Known::default(), key)?;
            return match (number(&value), value.as_number()) {
                (Some(number), _) => Ok(Some(number)),
                (None, None) => Err(turn.unexpected_type(&query, key, "number", &value)),
                (None, Some(_)) => {
                    let cause = format!("The {key} field must be between 0 and 100 but was: {value}");
                    Err(turn.evaluation_failed(Some(key), &cause))
                }
            };
        }
    } else if let Some(path) = read_path(fields, path_key) {
        let input = turn.effective_input()?;
        let value = turn.evaluate(&path, input.value(), path_key)?;
        return number(&value).map(Some).ok_or_else(|| {
            let path = path.text();
            turn.runtime_failure(&format!(
                "The {path_key} field refers to value {value:.80} which is not from 0 to 100: {path}"
            ))
        });
    }
    Ok(fields.get(key).and_then(number))
}

fn reader_failed(cause: &str) -> Failure {
    Failure::new(ITEM_READER_FAILED, cause)
}

/// The items in what a reader with this `ReaderConfig` finds; `None` where its form cannot be told.
fn read(config: &Fields, data: &str, turn: &mut Turn) -> Result<Option<Vec<Value>>, Failure> {
    let mut items = match config.get("InputType").and_then(Value::as_str) {
        None | Some("JSON") => read_json(config, data, turn)?,
        Some("JSONL") => {
            let lines = data.lines().filter(|line| !line.trim().is_empty());
            let items: Result<Vec<Value>, _> = lines.map(Value::parse).collect();
            items.map_err(|_| reader_failed("A line of the data is not JSON."))?
        }
        Some("CSV") => read_csv(config, data)?,
        // A manifest leads to other objects, and Parquet is no text.
        Some(_) => return Ok(None),
    };
    // None at all is all of them.
    if let Some(most) = whole(config, "MaxItems", "MaxItemsPath", turn)?.filter(|most| *most > 0) {
        items.truncate(usize::try_from(most).unwrap_or(usize::MAX));
    }
    Ok(Some(items))
}

fn read_json(config: &Fields, data: &str, turn: &mut Turn) -> Result<Vec<Value>, Failure> {
    let mut found = Value::parse(data).map_err(|error| reader_failed(&error.to_string()))?;
    if let Some(pointer) = config.get("ItemsPointer").and_then(Value::as_str) {
        let nowhere = || reader_failed(&format!("ItemsPointer {pointer} leads to nothing."));
        found = follow(&found, pointer).cloned().ok_or_else(nowhere)?;
        if let Some(items) = found.as_array() {
            show(turn, |seen| &mut seen.after_items_pointer, items)?;
        } else {
            let shown = turn.payload(found.clone())?;
            if let Some(seen) = &mut turn.hand.recorder.inspection {
                seen.after_items_pointer = Some(shown);
            }
        }
    }
    match found {
        Value::Array(items) => Ok(Vec::clone(&items)),
        Value::Object(members) => {
            let item = |(key, value): (&Arc<str>, &Value)| {
                Value::object([("Key", Value::String(key.clone())), ("Value", value.clone())])
            };
            Ok(members.iter().map(item).collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            Err(reader_failed("Attempting to map over non-iterable node."))
        }
    }
}

/// Follows a JSON pointer (RFC 6901).
fn follow<'v>(value: &'v Value, pointer: &str) -> Option<&'v Value> {
    pointer.split('/').skip(1).try_fold(value, |value, step| {
        let step = step.replace("~1", "/").replace("~0", "~");
        match value.as_array() {
            Some(items) => items.get(step.parse::<usize>().ok()?),
            None => value.get(&step),
        }
    })
}

/// How many cells a test takes: short rows are filled up to the width of the header.
const CELLS_MAX: usize = 1_000_000;

fn read_csv(config: &Fields, data: &str) -> Result<Vec<Value>, Failure> {
    let delimiter = match config.get("CSVDelimiter").and_then(Value::as_str) {
        None | Some("COMMA") => ',',
        Some("PIPE") => '|',
        Some("SEMICOLON") => ';',
        Some("SPACE") => ' ',
        Some("TAB") => '\t',
        Some(_) => return Err(reader_failed("CSVDelimiter names no delimiter.")),
    };
    let rows = csv_rows(data, delimiter);
    let count = rows.len();
    let mut rows = rows.into_iter();
    let headers: Vec<String> = match config.get("CSVHeaderLocation").and_then(Value::as_str) {
        Some("GIVEN") => {
            let given = config.get("CSVHeaders").and_then(Value::as_array).into_iter().flatten();
            given.filter_map(Value::as_str).map(str::to_owned).collect()
        }
        _ => rows.next().unwrap_or_default(),
    };
    if headers.len().saturating_mul(count) > CELLS_MAX {
        return Err(reader_failed("The data has more cells than a test takes."));
    }
    let item = |row: Vec<String>| {
        let cells = row.into_iter().chain(std::iter::repeat(String::new()));
        let cells = cells.map(|cell| Value::from(cell.as_str()));
        Value::object(headers.iter().map(|header| Arc::from(header.as_str())).zip(cells))
    };
    Ok(rows.map(item).collect::<Vec<Value>>())
}

/// The rows of a text of CSV (RFC 4180); empty lines are none.
fn csv_rows(text: &str, delimiter: char) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    let mut row = Vec::new();
    let mut cell = String::new();
    let mut quoted = false;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' if quoted && characters.peek() == Some(&'"') => {
                characters.next();
                cell.push('"');
            }
            '"' if quoted || cell.is_empty() => quoted = !quoted,
            '\r' if !quoted && characters.peek() == Some(&'\n') => {}
            '\n' if !quoted => {
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
            }
            character if character == delimiter && !quoted => row.push(std::mem::take(&mut cell)),
            character => cell.push(character),
        }
    }
    row.push(cell);
    rows.push(row);
    rows.retain(|row| row.len() > 1 || row.iter().any(|cell| !cell.is_empty()));
    rows
}

/// Puts items together as `ItemBatcher` says.
fn batch(batcher: &Fields, items: Vec<Value>, turn: &mut Turn) -> Result<Vec<Value>, Failure> {
    let items_max = whole(batcher, "MaxItemsPerBatch", "MaxItemsPerBatchPath", turn)?;
    let bytes_max = whole(batcher, "MaxInputBytesPerBatch", "MaxInputBytesPerBatchPath", turn)?;
    let items_max = items_max.map_or(usize::MAX, |most| usize::try_from(most).unwrap_or(usize::MAX).max(1));
    let common = if !batcher.has("BatchInput") {
        None
    } else if batcher.in_jsonata() {
        match read_shape(batcher, "BatchInput", Moment::Entry) {
            Some(shape) => Some(turn.shape(&shape, &Known::default(), "ItemBatcher/BatchInput")?),
            None => None,
        }
    } else {
        match read_template(batcher, "BatchInput") {
            Some(template) => {
                let input = turn.effective_input()?;
                Some(turn.fill(&template, input.value())?.value().clone())
            }
            None => None,
        }
    };
    let around = |items: Vec<Value>| {
        let common = common.clone().map(|common| ("BatchInput", common));
        Value::object(common.into_iter().chain([("Items", Value::array(items))]))
    };
    let length = |value: &Value| value.to_json().map_or(0, |text| text.len() as u64);
    let empty = length(&around(Vec::new()));
    let mut batches = Vec::new();
    let mut open: Vec<Value> = Vec::new();
    let mut bytes = empty;
    for item in items {
        let more = length(&item) + 1;
        let full = open.len() >= items_max || bytes_max.is_some_and(|most| bytes + more > most);
        if full && !open.is_empty() {
            batches.push(around(std::mem::take(&mut open)));
            bytes = empty;
        }
        if bytes_max.is_some_and(|most| empty + more > most) {
            let cause = "An item is larger than MaxInputBytesPerBatch allows.";
            return Err(Failure::new(error_names::DATA_LIMIT_EXCEEDED, cause));
        }
        bytes += more;
        open.push(item);
    }
    if !open.is_empty() {
        batches.push(around(open));
    }
    Ok(batches)
}
