//! `$string`: any value as text.

use std::sync::Arc;

use stepwell_value::Value;

use super::Call;
use crate::error::{OUTPUT, Raised, Step};
use crate::evaluate::Evaluator;
use crate::item::{Item, mark};
use crate::json;

pub(super) fn string(evaluator: &mut Evaluator<'_>, call: Call<'_>) -> Step<Item> {
    let item = call.arg(0);
    if item.is_undefined() {
        return Ok(Item::Undefined);
    }
    if item.as_str().is_some() {
        return Ok(item.clone());
    }
    let pretty = call.arg(1).is_truthy();
    let text = evaluator.string(item, pretty)?;
    evaluator.shared_text(text)
}

/// How much may be written before the budget is asked again.
const ASK_EVERY: usize = 4 * 1024;

impl Evaluator<'_> {
    /// The text of a value that is not undefined: strings as they are, all else as JSON with numbers
    /// rounded to 15 digits.
    pub(crate) fn string(&mut self, item: &Item, pretty: bool) -> Step<Arc<str>> {
        let item = match item {
            Item::List(list) if list.has(mark::OUTER) => list.items.first().cloned().unwrap_or_default(),
            other => other.clone(),
        };
        match &item {
            Item::Value(Value::String(text)) => Ok(text.clone()),
            Item::Function(_) => Ok("".into()),
            Item::Strange(number) if self.profile.is_step_functions() => Ok(json::number(*number).into()),
            Item::Strange(_) => Err(Raised::value("D3001", item.shown())),
            _ => {
                let mut writer = Writer { out: String::new(), asked: ASK_EVERY, pretty };
                writer.item(&item, 0, self)?;
                Ok(writer.out.into())
            }
        }
    }
}

struct Writer {
    out: String,
    asked: usize,
    pretty: bool,
}

impl Writer {
    fn line(&mut self, depth: usize) {
        if self.pretty {
            self.out.push('\n');
            self.out.extend(std::iter::repeat_n("  ", depth));
        }
    }

    fn ask(&mut self, depth: usize, evaluator: &mut Evaluator<'_>) -> Step<()> {
        evaluator.spend(1)?;
        if depth > stepwell_value::DEPTH_MAX {
            return Err(Raised::text(OUTPUT, "A value nests too deep to be written"));
        }
        if self.out.len() > self.asked {
            self.asked = self.out.len() * 2;
            evaluator.foresee(self.asked)?;
        }
        Ok(())
    }

    fn item(&mut self, item: &Item, depth: usize, evaluator: &mut Evaluator<'_>) -> Step<()> {
        match item {
            Item::Value(value) => self.value(value, depth, evaluator),
            Item::Undefined => {
                self.out.push_str("null");
                Ok(())
            }
            Item::Strange(_) => {
                evaluator.numeric(item)?;
                self.out.push_str("null");
                Ok(())
            }
            Item::Function(_) => {
                self.out.push_str("\"\"");
                Ok(())
            }
            Item::List(list) => {
                self.ask(depth, evaluator)?;
                self.out.push('[');
                for (at, item) in list.items.iter().enumerate() {
                    self.separate(at == 0, depth);
                    self.item(item, depth + 1, evaluator)?;
                }
                self.close(']', list.items.is_empty(), depth);
                Ok(())
            }
            Item::Record(_) => {
                self.ask(depth, evaluator)?;
                self.out.push('{');
                let mut first = true;
                for (name, item) in item.members() {
                    if !item.is_undefined() {
                        self.separate(first, depth);
                        first = false;
                        self.key(&name);
                        self.item(&item, depth + 1, evaluator)?;
                    }
                }
                self.close('}', first, depth);
                Ok(())
            }
        }
    }

    fn separate(&mut self, first: bool, depth: usize) {
        if !first {
            self.out.push(',');
        }
        self.line(depth + 1);
    }

    fn key(&mut self, name: &str) {
        json::quote(name, &mut self.out);
        self.out.push_str(if self.pretty { ": " } else { ":" });
    }

    fn close(&mut self, bracket: char, empty: bool, depth: usize) {
        if !empty {
            self.line(depth);
        }
        self.out.push(bracket);
    }

    fn value(&mut self, value: &Value, depth: usize, evaluator: &mut Evaluator<'_>) -> Step<()> {
        self.ask(depth, evaluator)?;
        match value {
            Value::Null => self.out.push_str("null"),
            Value::Bool(true) => self.out.push_str("true"),
            Value::Bool(false) => self.out.push_str("false"),
            Value::Number(number) => {
                let number = number.as_f64();
                if number.is_infinite() {
                    return Err(Raised::value("D1001", Some(Value::Null)));
                }
                json::write_number(json::to_precision(number, 15), &mut self.out);
            }
            Value::String(text) => {
                evaluator.spend(text.len() as u64 / 64)?;
                if text.len() > ASK_EVERY {
                    // Control characters become six.
                    let escaped = text.bytes().filter(|byte| *byte < 0x20).count() * 5;
                    evaluator.foresee(self.out.len() + text.len() + escaped)?;
                }
                json::quote(text, &mut self.out);
            }
            Value::Array(values) => {
                self.out.push('[');
                for (at, value) in values.iter().enumerate() {
                    self.separate(at == 0, depth);
                    self.value(value, depth + 1, evaluator)?;
                }
                self.close(']', values.is_empty(), depth);
            }
            Value::Object(map) => {
                self.out.push('{');
                for (at, (name, value)) in map.iter().enumerate() {
                    self.separate(at == 0, depth);
                    self.key(name);
                    self.value(value, depth + 1, evaluator)?;
                }
                self.close('}', map.is_empty(), depth);
            }
        }
        Ok(())
    }
}
