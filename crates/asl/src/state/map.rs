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

use crate::data::{read_expression, read_template};
use crate::definition::{Builder, ScopeId};
use crate::fields::Fields;
use crate::journal::EventKind;
use crate::query::{Known, Moment, Query, Shape, is_query, read_query, read_shape};
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
    pub(crate) fn read(fields: &Fields, builder: &mut Builder) -> Option<Map> {
        fields.at_most_one(&["ItemProcessor", "Iterator"]);
        let in_jsonata = fields.in_jsonata();
        if !in_jsonata {
            fields.at_most_one(&["ItemSelector", "Parameters"]);
            fields.at_most_one(&["MaxConcurrency", "MaxConcurrencyPath"]);
        }
        for key in ["ItemReader", "ItemBatcher", "ResultWriter", "Label"] {
            if fields.has(key) {
                let text = format!("{key} belongs to a distributed Map, which this release does not run yet");
                fields.notes.error(&fields.at(key), &text);
            }
        }
        let tolerances = read_tolerances(fields);
        let (items, item_selector) = if in_jsonata {
            let items = read_shape(fields, "Items", Moment::Entry);
            if matches!(&items, Some(Shape::Plain(value)) if value.as_array().is_none())
                || matches!(&items, Some(Shape::Object(_)))
            {
                fields
                    .notes
                    .error(&fields.at("Items"), "Expected value of type Array, or a JSONata expression");
            }
            let selector = read_shape(fields, "ItemSelector", Moment::Entry).map(Selector::Query);
            (Items::Query(items), selector)
        } else {
            let selector = read_template(fields, "ItemSelector").map(Selector::Path);
            (Items::Path(read_expression(fields, "ItemsPath")), selector)
        };
        let concurrency = read_concurrency(fields);
        let key = if fields.has("ItemProcessor") { "ItemProcessor" } else { "Iterator" };
        if !fields.has(key) {
            fields.required("ItemProcessor");
        }
        let processor = Fields::new(fields.object(key)?, fields.at(key), fields.notes);
        processor.text("Comment");
        if let Some(config) = processor.object("ProcessorConfig") {
            let config = Fields::new(config, processor.at("ProcessorConfig"), fields.notes);
            match config.text("Mode").as_deref() {
                None | Some("INLINE") => {}
                Some("DISTRIBUTED") => {
                    let text = "a distributed Map is not supported by this release of Stepwell yet";
                    fields.notes.error(&config.at("Mode"), text);
                }
                Some(_) => {
                    fields.notes.error(&config.at("Mode"), "Value must be one of [INLINE, DISTRIBUTED]")
                }
            }
            config.text("ExecutionType");
            config.finish();
        }
        let scope = builder.scope(&processor);
        processor.finish();
        Some(Map {
            processor: scope?,
            items,
            item_selector,
            concurrency,
            tolerances,
            legacy_selector: !in_jsonata && fields.has("Parameters"),
        })
    }

    pub(crate) fn enter(&self, turn: &mut Turn) -> Result<(), Failure> {
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
    if fields.in_jsonata() && is_query(fields, "MaxConcurrency") {
        return read_query(fields, "MaxConcurrency").map_or(Concurrency::Literal(0), Concurrency::Query);
    }
    let path = match fields.integer("MaxConcurrency", 0..=CONCURRENCY_NUMBER_MAX) {
        Some(most) => return Concurrency::Literal(most),
        None if fields.in_jsonata() => None,
        None => read_expression(fields, "MaxConcurrencyPath"),
    };
    path.map_or(Concurrency::Literal(0), Concurrency::Path)
}

/// Checks `ToleratedFailure…`; those that are expressions come back.
fn read_tolerances(fields: &Fields) -> Vec<(&'static str, Query)> {
    let mut queries = Vec::new();
    for (key, path) in [
        ("ToleratedFailureCount", "ToleratedFailureCountPath"),
        ("ToleratedFailurePercentage", "ToleratedFailurePercentagePath"),
    ] {
        if fields.in_jsonata() && is_query(fields, key) {
            queries.extend(read_query(fields, key).map(|query| (key, query)));
        } else if key == "ToleratedFailureCount" {
            fields.integer(key, 0..=CONCURRENCY_NUMBER_MAX);
        } else if fields.float(key, 0.0).is_some_and(|percentage| percentage > 100.0) {
            fields.notes.error(&fields.at(key), "Value must be less than or equal to 100");
        }
        if !fields.in_jsonata() {
            fields.at_most_one(&[key, path]);
            read_expression(fields, path);
        }
    }
    queries
}
