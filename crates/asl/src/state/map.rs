//! The `Map` state, inline: do one thing for each item of an array.
//!
//! | field            | meaning                                                       |
//! |------------------|---------------------------------------------------------------|
//! | `ItemsPath`      | where the array is in the effective input; all of it if absent |
//! | `ItemSelector`   | what an iteration gets instead of its item                    |
//! | `MaxConcurrency` | how many iterations at once; 0, or absent, is as many as possible |
//! | `ItemProcessor`  | the states of an iteration (`Iterator` in older definitions)  |
//!
//! `MaxConcurrency` also as `…Path`. In JSONata `Items` takes the place of `ItemsPath`; it, `ItemSelector` and
//! `MaxConcurrency` may hold expressions. `ToleratedFailure…` is checked, and means nothing unless the
//! Map is distributed. At most 40 iterations are under way at once, as in AWS. The
//! result is the array of the iterations' outputs in the order of the items.
//!
//! History: `MapStateEntered`, `MapStateStarted`, for each iteration `MapIterationStarted`, its
//! states, and `MapIterationSucceeded`, `…Failed` or `…Aborted`; `MapStateSucceeded` or
//! `MapStateFailed`, `MapStateExited`. A retry begins with `MapStateStarted` again.
//!
//! Source: Amazon States Language specification, "Map State".

use stepwell_jsonpath::{Expression, Template};
use stepwell_model::Failure;
use stepwell_value::{Payload, Value};

use crate::data::{read_data_reference, read_reference, read_template};
use crate::definition::{Builder, ScopeId};
use crate::fields::Fields;
use crate::journal::EventKind;
use crate::query::{Count, Known, Moment, Query, Shape, is_query, read_count, read_query, read_shape};
use crate::state::distributed;
use crate::turn::Turn;

/// How many iterations of an inline Map AWS runs at once, whatever `MaxConcurrency` says.
pub(crate) const CONCURRENCY_MAX: u64 = 40;

/// A `Map`.
#[derive(Debug)]
pub(crate) struct Map {
    pub(crate) processor: ScopeId,
    items: Items,
    pub(crate) item_selector: Option<Selector>,
    concurrency: Concurrency,
    /// `ToleratedFailureCount` and `…Percentage`, as expressions.
    tolerances: Vec<(&'static str, Query)>,
    /// `Parameters` in older definitions is what `ItemSelector` is now.
    pub(crate) legacy_selector: bool,
    /// Whether it is not distributed, by its mode or by fields that only a distributed one has.
    runs_inline: bool,
}

/// Where the items are.
#[derive(Debug)]
enum Items {
    /// In the effective input; all of it if absent.
    Path(Option<Expression>),
    /// In JSONata; the raw input if absent.
    Query(Option<Shape>),
}

/// `ItemSelector`.
#[derive(Debug)]
pub(crate) enum Selector {
    Path(Template),
    Query(Shape),
}

#[derive(Debug)]
enum Concurrency {
    Literal(u64),
    Path(Expression),
    Query(Query),
}

const CONCURRENCY_NUMBER_MAX: u64 = i64::MAX as u64;

impl Map {
    pub(crate) fn read<'a>(fields: &Fields<'a>, builder: &mut Builder<'a>) -> Option<Map> {
        fields.exactly_one(&["ItemProcessor", "Iterator"]);
        let in_jsonata = fields.in_jsonata();
        if !in_jsonata {
            fields.at_most_one(&["ItemSelector", "Parameters"]);
            fields.at_most_one(&["MaxConcurrency", "MaxConcurrencyPath"]);
        }
        let tolerances = read_tolerances(fields);
        let (items, item_selector) = if in_jsonata {
            let items = read_shape(fields, "Items", Moment::Entry);
            // An object may be one whose members are the items; whether it is shows when it runs.
            let is_list = |value: &Value| value.as_array().is_some() || value.as_object().is_some();
            if matches!(&items, Some(Shape::Plain(value)) if !is_list(value)) {
                // Not measured.
                fields.error_at("Items", "Expected value of type [ARRAY]");
            }
            let selector = read_shape(fields, "ItemSelector", Moment::Entry).map(Selector::Query);
            (Items::Query(items), selector)
        } else {
            let selector = read_template(fields, "ItemSelector").map(Selector::Path);
            (Items::Path(read_reference(fields, "ItemsPath")), selector)
        };
        let concurrency = read_concurrency(fields);
        let has_distributed_fields = distributed::read(fields, builder);
        let key = if fields.has("ItemProcessor") { "ItemProcessor" } else { "Iterator" };
        let processor = Fields::of(fields.get(key)?, fields.at(key), fields.notes)?;
        processor.text("Comment");
        let is_distributed = distributed::read_mode(&processor);
        let scope = builder.scope(&processor);
        processor.finish();
        let runs_inline = !is_distributed && !has_distributed_fields;
        if !runs_inline {
            let text = "Stepwell does not run a distributed Map yet: an execution that comes to it fails";
            fields.notes.warn("STEPWELL_NOT_RUN_YET", &fields.pointer, text.to_owned());
        }
        Some(Map {
            processor: scope?,
            items,
            item_selector,
            concurrency,
            tolerances,
            legacy_selector: !in_jsonata && fields.has("Parameters"),
            runs_inline,
        })
    }

    pub(crate) fn enter(&self, turn: &mut Turn) -> Result<(), Failure> {
        if !self.runs_inline {
            let cause = "A distributed Map is not supported by this release of Stepwell.";
            return Err(turn.runtime_failure(cause));
        }
        let concurrency_max = self.concurrency_max(turn)?;
        for (field, query) in &self.tolerances {
            turn.query_integer(query, field, 0, CONCURRENCY_NUMBER_MAX)?;
        }
        let items = self.items(turn)?;
        turn.emit(EventKind::MapStarted { items, concurrency_max });
        Ok(())
    }

    pub(crate) fn items(&self, turn: &mut Turn) -> Result<Payload, Failure> {
        let path = match &self.items {
            Items::Path(path) => path.as_ref(),
            Items::Query(None) => return turn.input_array(),
            Items::Query(Some(shape)) => {
                let value = turn.shape(shape, &Known::default(), "Items")?;
                return match shape {
                    Shape::Query(query) if value.as_array().is_none() => {
                        Err(turn.unexpected_type(query, "Items", "array", &value))
                    }
                    _ if value.as_array().is_none() => Err(turn.items_no_array(&value)),
                    _ => turn.payload(value),
                };
            }
        };
        let input = turn.effective_input()?;
        let items = match path {
            None => input,
            Some(path) if path.is_whole_input() => input,
            Some(path) => {
                let value = turn.evaluate(path, input.value(), "ItemsPath")?;
                turn.payload(value)?
            }
        };
        if items.value().as_array().is_some() {
            return Ok(items);
        }
        let path = path.map_or("$", |path| path.text());
        let cause = format!("Reference path \"{path}\" must point to array.");
        Err(turn.runtime_failure(&cause))
    }

    pub(crate) fn concurrency_max(&self, turn: &mut Turn) -> Result<u64, Failure> {
        let path = match &self.concurrency {
            Concurrency::Literal(most) => return Ok(*most),
            Concurrency::Path(path) => path,
            Concurrency::Query(query) => {
                return turn.query_integer(query, "MaxConcurrency", 0, CONCURRENCY_NUMBER_MAX);
            }
        };
        let input = turn.effective_input()?;
        let value = turn.evaluate(path, input.value(), "MaxConcurrencyPath")?;
        // A number in a string is one too (recorded).
        let whole = match &value {
            Value::String(text) => text.parse().ok(),
            other => {
                other.as_number().filter(|number| number.is_integer()).and_then(|number| number.as_i64())
            }
        };
        match whole {
            Some(most @ 0..) => Ok(most as u64),
            Some(_) => Err(turn.runtime_failure(&format!(
                "The MaxConcurrencyPath field refers to a negative value: {} == {value}",
                path.text()
            ))),
            None => Err(turn.runtime_failure(&format!(
                "The MaxConcurrencyPath field refers to value {value} which is not a valid integer: {}",
                path.text()
            ))),
        }
    }

    /// What iteration `index` gets for `item`; `input` is the effective input of the state.
    pub(crate) fn iteration_input(
        &self,
        turn: &mut Turn,
        input: &Payload,
        index: u64,
        item: &Value,
    ) -> Result<Payload, Failure> {
        let selected = match &self.item_selector {
            Some(Selector::Query(shape)) => {
                let known = Known { item: Some((index, item.clone())), ..Known::default() };
                let value = turn.shape(shape, &known, "ItemSelector")?;
                turn.payload(value)?
            }
            Some(Selector::Path(template)) => turn.select_item(template, input, index, item)?,
            None => match turn.legacy_parameters().filter(|_| self.legacy_selector) {
                Some(template) => turn.select_item(template, input, index, item)?,
                None => turn.payload(item.clone())?,
            },
        };
        turn.check_size(&selected)?;
        Ok(selected)
    }
}

fn read_concurrency(fields: &Fields) -> Concurrency {
    match read_count(fields, "MaxConcurrency", 0..=CONCURRENCY_NUMBER_MAX) {
        Some(Count::Literal(most)) => Concurrency::Literal(most),
        Some(Count::Query(query)) => Concurrency::Query(query),
        None if fields.in_jsonata() => Concurrency::Literal(0),
        None => read_data_reference(fields, "MaxConcurrencyPath")
            .map_or(Concurrency::Literal(0), Concurrency::Path),
    }
}

/// Checks `ToleratedFailure…`; those that are expressions come back.
fn read_tolerances(fields: &Fields) -> Vec<(&'static str, Query)> {
    let mut queries = Vec::new();
    if let Some(Count::Query(query)) = read_count(fields, "ToleratedFailureCount", 0..=CONCURRENCY_NUMBER_MAX)
    {
        queries.push(("ToleratedFailureCount", query));
    }
    let percentage = "ToleratedFailurePercentage";
    if fields.in_jsonata() && is_query(fields, percentage) {
        queries.extend(read_query(fields, percentage).map(|query| (percentage, query)));
    } else {
        fields.float(percentage, 0.0..=100.0);
    }
    if !fields.in_jsonata() {
        fields.at_most_one(&["ToleratedFailureCount", "ToleratedFailureCountPath"]);
        fields.at_most_one(&["ToleratedFailurePercentage", "ToleratedFailurePercentagePath"]);
        read_data_reference(fields, "ToleratedFailureCountPath");
        read_data_reference(fields, "ToleratedFailurePercentagePath");
    }
    queries
}
