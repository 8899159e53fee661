//! The `Map` state, inline: do one thing for each item of an array.
//!
//! | field            | meaning                                                       |
//! |------------------|---------------------------------------------------------------|
//! | `ItemsPath`      | where the array is in the effective input; all of it if absent |
//! | `ItemSelector`   | what an iteration gets instead of its item                    |
//! | `MaxConcurrency` | how many iterations at once; 0, or absent, is as many as possible |
//! | `ItemProcessor`  | the states of an iteration (`Iterator` in older definitions)  |
//!
//! `MaxConcurrency` also as `…Path`. At most 40 iterations are under way at once, as in AWS. The
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
use crate::definition::{Builder, ScopeId, refuse_jsonata};
use crate::fields::Fields;
use crate::journal::EventKind;
use crate::turn::Turn;

/// How many iterations of an inline Map AWS runs at once, whatever `MaxConcurrency` says.
pub(crate) const CONCURRENCY_MAX: u64 = 40;

/// A `Map`.
#[derive(Debug)]
pub(crate) struct Map {
    pub(crate) processor: ScopeId,
    items_path: Option<Expression>,
    pub(crate) item_selector: Option<Template>,
    concurrency: Concurrency,
    /// `Parameters` in older definitions is what `ItemSelector` is now.
    pub(crate) legacy_selector: bool,
}

#[derive(Debug)]
enum Concurrency {
    Literal(u64),
    Path(Expression),
}

impl Map {
    pub(crate) fn read(fields: &Fields, builder: &mut Builder) -> Option<Map> {
        fields.at_most_one(&["ItemProcessor", "Iterator"]);
        fields.at_most_one(&["ItemSelector", "Parameters"]);
        fields.at_most_one(&["MaxConcurrency", "MaxConcurrencyPath"]);
        for key in ["ItemReader", "ItemBatcher", "ResultWriter", "Label"] {
            if fields.has(key) {
                let text = format!("{key} belongs to a distributed Map, which this release does not run yet");
                fields.notes.error(&fields.at(key), &text);
            }
        }
        const TOLERANCE: [&str; 4] = [
            "ToleratedFailureCount",
            "ToleratedFailureCountPath",
            "ToleratedFailurePercentage",
            "ToleratedFailurePercentagePath",
        ];
        for key in TOLERANCE {
            if fields.has(key) {
                fields.notes.error(&fields.at(key), &format!("{key} belongs to a distributed Map"));
            }
        }
        let items_path = read_expression(fields, "ItemsPath");
        let item_selector = read_template(fields, "ItemSelector");
        let concurrency = match fields.integer("MaxConcurrency", 0..=i64::MAX as u64) {
            Some(most) => Concurrency::Literal(most),
            None => read_expression(fields, "MaxConcurrencyPath")
                .map_or(Concurrency::Literal(0), Concurrency::Path),
        };
        let key = if fields.has("ItemProcessor") { "ItemProcessor" } else { "Iterator" };
        if !fields.has(key) {
            fields.required("ItemProcessor");
        }
        let processor = Fields::new(fields.object(key)?, fields.at(key), fields.notes);
        processor.text("Comment");
        refuse_jsonata(&processor);
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
            items_path,
            item_selector,
            concurrency,
            legacy_selector: fields.has("Parameters"),
        })
    }

    pub(crate) fn enter(&self, turn: &mut Turn) -> Result<(), Failure> {
        let concurrency_max = self.concurrency_max(turn)?;
        let items = self.items(turn)?;
        turn.emit(EventKind::MapStarted { items, concurrency_max });
        Ok(())
    }

    fn items(&self, turn: &mut Turn) -> Result<Payload, Failure> {
        let input = turn.effective_input()?;
        let items = match &self.items_path {
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
        let path = self.items_path.as_ref().map_or("$", |path| path.text());
        let cause = format!("Reference path \"{path}\" must point to array.");
        Err(turn.runtime_failure(&cause))
    }

    fn concurrency_max(&self, turn: &mut Turn) -> Result<u64, Failure> {
        let path = match &self.concurrency {
            Concurrency::Literal(most) => return Ok(*most),
            Concurrency::Path(path) => path,
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
        turn: &Turn,
        input: &Payload,
        index: u64,
        item: &Value,
    ) -> Result<Payload, Failure> {
        let own = self.item_selector.as_ref();
        let legacy = if self.legacy_selector { turn.legacy_parameters() } else { None };
        let selected = match own.or(legacy) {
            None => turn.payload(item.clone())?,
            Some(selector) => turn.select_item(selector, input, index, item)?,
        };
        turn.check_size(&selected)?;
        Ok(selected)
    }
}
