//! A branch's turn: what the chapter of a state type works with.
//!
//! It knows the branch, its state and the moment; it evaluates paths and templates over the input,
//! the context object and the variables, takes data through the fields that shape it, and records
//! what was decided.

use std::cell::Cell;
use std::sync::Arc;

use stepwell_jsonpath::{EvaluationError, Expression, Scope, Template};
use stepwell_model::{Failure, Resource, Timestamp, error_names};
use stepwell_value::{Payload, Unwritable, Value};

use crate::chance::Chance;
use crate::context;
use crate::data::{Assign, Data, PathField, QueryData, ResultPath};
use crate::decide::Hand;
use crate::definition::{State, StateId};
use crate::io::{Effect, World};
use crate::journal::{EventKind, Transition};
use crate::query::Known;
use crate::retry::Trouble;
use crate::state::StateKind;
use crate::state::choice::TopRule;
use crate::test_state::Inspection;

/// How many times larger than a payload may be something that is composed on the way may be: what
/// comes of it in the end is measured exactly, but a small template can ask for gigabytes.
pub(crate) const COMPOSED_TIMES_MAX: usize = 16;

/// One branch's turn: what a chapter works with.
pub(crate) struct Turn<'h, 't> {
    pub(crate) hand: &'h mut Hand<'t>,
    pub(crate) branch: u32,
    pub(crate) state: &'t State,
    pub(crate) state_id: StateId,
    /// The token of the task that is about to be scheduled.
    pub(crate) token: Option<Arc<str>>,
    /// How often chance was drawn.
    pub(crate) drawn: Cell<u64>,
    /// How long its expressions took so far.
    pub(crate) evaluated_ms: Cell<u64>,
    /// How large what they gave is, about, in bytes of JSON.
    pub(crate) composed_bytes: Cell<usize>,
}

impl Turn<'_, '_> {
    pub(crate) fn now(&self) -> Timestamp {
        self.hand.now
    }

    pub(crate) fn world(&self) -> &dyn World {
        self.hand.world
    }

    pub(crate) fn state_id(&self) -> StateId {
        self.state_id
    }

    pub(crate) fn effect(&mut self, effect: Effect) {
        self.hand.recorder.effects.push(effect);
    }

    /// Records an event of this branch that follows its last one.
    pub(crate) fn emit(&mut self, kind: EventKind) -> u64 {
        self.hand.emit_next(self.branch, kind)
    }

    /// The input with which the state was entered.
    pub(crate) fn raw_input(&self) -> Payload {
        self.hand.execution.branches[self.branch].input.clone()
    }

    /// What `InputPath` leaves of it; in JSONata, all of it.
    pub(crate) fn effective_input(&mut self) -> Result<Payload, Failure> {
        match &self.state.data {
            Data::Path(data) => {
                let input = self.through(&data.input_path, self.raw_input())?;
                self.inspect(|seen| &mut seen.after_input_path, &input);
                Ok(input)
            }
            Data::Query(_) => Ok(self.raw_input()),
        }
    }

    /// Shows a test of this state what a field made of the data.
    fn inspect(&mut self, place: impl FnOnce(&mut Inspection) -> &mut Option<Payload>, payload: &Payload) {
        if let Some(seen) = &mut self.hand.recorder.inspection {
            *place(seen) = Some(payload.clone());
        }
    }

    /// What `Parameters` makes of the effective input, or what `Arguments` says.
    pub(crate) fn parameters(&mut self) -> Result<Payload, Failure> {
        match &self.state.data {
            Data::Path(data) => {
                let input = self.effective_input()?;
                let parameters = match &data.parameters {
                    None => input,
                    Some(template) => self.fill(template, input.value())?,
                };
                self.inspect(|seen| &mut seen.after_parameters, &parameters);
                Ok(parameters)
            }
            Data::Query(QueryData { arguments: Some(shape), .. }) => {
                let value = self.shape(shape, &Known::default(), "Arguments")?;
                let arguments = self.payload(value)?;
                // Recorded: the arguments of a Parallel are not shown.
                if let StateKind::Task(_) = self.state.kind {
                    self.inspect(|seen| &mut seen.after_arguments, &arguments);
                }
                Ok(arguments)
            }
            Data::Query(_) => Ok(self.raw_input()),
        }
    }

    /// `Parameters` as they were written: what `ItemSelector` was once called.
    pub(crate) fn legacy_parameters(&self) -> Option<&'_ Template> {
        match &self.state.data {
            Data::Path(data) => data.parameters.as_ref(),
            Data::Query(_) => None,
        }
    }

    fn through(&self, path: &PathField, payload: Payload) -> Result<Payload, Failure> {
        match path {
            PathField::Whole => Ok(payload),
            PathField::Empty => Ok(Payload::empty_object()),
            PathField::Path(expression) => {
                let value = self.scoped(payload.value(), None, |scope| expression.evaluate(scope));
                let value = value.map_err(|error| self.failure(&error, error.invalid_path_cause()))?;
                self.payload(value)
            }
        }
    }

    /// The value of an expression over `input`; `field` is the field that holds it.
    pub(crate) fn evaluate(
        &self,
        expression: &Expression,
        input: &Value,
        field: &str,
    ) -> Result<Value, Failure> {
        let value = self.scoped(input, None, |scope| expression.evaluate(scope));
        value.map_err(|error| self.failure(&error, error.cause(field)))
    }

    pub(crate) fn fill(&self, template: &Template, input: &Value) -> Result<Payload, Failure> {
        let value = self.fill_value(template, input, None)?;
        self.payload(value)
    }

    fn fill_value(
        &self,
        template: &Template,
        input: &Value,
        item: Option<(u64, &Value)>,
    ) -> Result<Value, Failure> {
        let value = self.scoped(input, item, |scope| template.evaluate(scope));
        value.map_err(|error| self.failure(&error, error.cause("Parameters")))
    }

    /// What `ItemSelector` makes of an item.
    pub(crate) fn select_item(
        &self,
        selector: &Template,
        input: &Payload,
        index: u64,
        item: &Value,
    ) -> Result<Payload, Failure> {
        let value = self.fill_value(selector, input.value(), Some((index, item)))?;
        self.payload(value)
    }

    pub(crate) fn chance(&self) -> Chance {
        Chance::new(self.hand.execution, self.branch, self.drawn.get())
    }

    /// The context object, as an `ItemSelector` sees it where there is an item.
    pub(crate) fn context(&self, item: Option<(u64, &Value)>) -> Value {
        context::value(self.hand.execution, self.branch, self.state, self.token.as_deref(), item)
    }

    fn scoped<R>(&self, input: &Value, item: Option<(u64, &Value)>, work: impl FnOnce(&Scope) -> R) -> R {
        let execution = &*self.hand.execution;
        let chance = self.chance();
        let result = work(&Scope {
            input,
            context: &|| self.context(item),
            variable: &|name| execution.variable(self.branch, name).map(|payload| payload.value().clone()),
            random: &|| chance.next(),
        });
        self.drawn.set(chance.drawn.get());
        result
    }

    fn failure(&self, error: &EvaluationError, cause: String) -> Failure {
        Failure::new(error.error_name(), self.told(&cause))
    }

    /// A `States.Runtime` failure of this state.
    pub(crate) fn runtime_failure(&self, cause: &str) -> Failure {
        Failure::runtime(self.told(cause))
    }

    pub(crate) fn told(&self, cause: &str) -> String {
        let entered = self.hand.execution.branches[self.branch].entered_event_id;
        let name = &self.state.name;
        format!(
            "An error occurred while executing the state '{name}' (entered at the event id #{entered}). {cause}"
        )
    }

    /// The payload of a value that was composed.
    pub(crate) fn payload(&self, value: Value) -> Result<Payload, Failure> {
        let composed = Payload::within(value, COMPOSED_TIMES_MAX * self.hand.origin.limits.payload_bytes_max);
        composed.map_err(|error| match error {
            Unwritable::TooDeep => self.runtime_failure(&error.to_string()),
            Unwritable::TooLong => too_large(&self.state.name),
        })
    }

    /// Refuses what is larger than a payload may be.
    pub(crate) fn check_size(&self, payload: &Payload) -> Result<(), Failure> {
        if payload.text().len() <= self.hand.origin.limits.payload_bytes_max {
            return Ok(());
        }
        Err(too_large(&self.state.name))
    }

    /// Shows the context object the token of the task that the next event schedules.
    pub(crate) fn offer_token(&mut self, resource: &Resource) {
        if resource.waits_for_token() && !matches!(resource, Resource::Activity { .. }) {
            self.token = Some(self.hand.world.task_token(self.hand.execution.last_event_id + 1));
        }
    }

    /// Leaves a Task, Parallel or Map.
    pub(crate) fn finish_work(&mut self, result: Payload) -> Result<(), Failure> {
        // Joining the outputs of branches adds a level, so nesting must be looked at anew.
        if !matches!(self.state.kind, StateKind::Task(_)) && Payload::parse(result.text()).is_err() {
            return Err(self.runtime_failure(&Unwritable::TooDeep.to_string()));
        }
        self.finish(result)
    }

    /// Leaves a state whose work had this result: `ResultSelector`, `ResultPath`, `OutputPath`,
    /// `Assign`, or `Output` and `Assign`.
    fn finish(&mut self, result: Payload) -> Result<(), Failure> {
        // Recorded: the results of a Parallel or Map are shown once they are selected from.
        if let StateKind::Task(_) = self.state.kind {
            self.inspect(|seen| &mut seen.result, &result);
        }
        match &self.state.data {
            Data::Path(_) => self.finish_plain(result),
            Data::Query(data) => {
                let known = Known { result: Some(result.value().clone()), ..Known::default() };
                self.answer(data, &known, result)
            }
        }
    }

    /// The same for what a state without work makes of its input: there is no `$states.result`.
    pub(crate) fn finish_plain(&mut self, result: Payload) -> Result<(), Failure> {
        let data = match &self.state.data {
            Data::Path(data) => data,
            Data::Query(data) => return self.answer(data, &Known::default(), result),
        };
        let result = match &data.result_selector {
            None => result,
            Some(selector) => self.fill(selector, result.value())?,
        };
        self.inspect(|seen| &mut seen.after_result_selector, &result);
        let assigned = self.assign_plain(&result)?;
        let combined = match (&data.result_path, result) {
            (ResultPath::Whole, result) => result,
            (ResultPath::Discard, _) => self.raw_input(),
            (ResultPath::Path(_), result) => self.combine(&data.result_path, &result)?,
        };
        self.inspect(|seen| &mut seen.after_result_path, &combined);
        let output = self.through(&data.output_path, combined)?;
        self.leave(output, assigned)
    }

    /// Leaves by `Assign` and `Output`; without `Output`, with `result`.
    fn answer(&mut self, data: &QueryData, known: &Known, result: Payload) -> Result<(), Failure> {
        let assigned = self.assign(self.state.assign.as_ref(), &result, known, "Assign")?;
        let output = match &data.output {
            None => result,
            Some(shape) => {
                let value = self.shape(shape, known, "Output")?;
                self.payload(value)?
            }
        };
        self.leave(output, assigned)
    }

    fn combine(&self, path: &ResultPath, result: &Payload) -> Result<Payload, Failure> {
        let input = self.raw_input();
        let ResultPath::Path(path) = path else { return Ok(input) };
        let combined = path.set(input.value(), result.value().clone()).map_err(|error| Failure {
            error: Some(error_names::RESULT_PATH_MATCH_FAILURE.into()),
            ..self.runtime_failure(&error.to_string())
        })?;
        self.payload(combined)
    }

    /// Leaves a state that hands its effective input on: `OutputPath` or `Output`, `Assign`.
    pub(crate) fn pass_on(&mut self, input: Payload) -> Result<(), Failure> {
        let assigned = self.assign_plain(&input)?;
        let output = self.output(input)?;
        self.leave(output, assigned)
    }

    fn leave(&mut self, output: Payload, assigned: Vec<(Arc<str>, Payload)>) -> Result<(), Failure> {
        let transition = self.state.transition.unwrap_or(Transition::End);
        self.exit(output, assigned, transition)
    }

    /// Leaves a Choice for the state it chose: by the rule at a place, whose `Assign` and `Output`
    /// take the place of the state's, or by `Default`.
    pub(crate) fn choose(
        &mut self,
        input: &Payload,
        next: StateId,
        rule: Option<(usize, &TopRule)>,
    ) -> Result<(), Failure> {
        let known = Known::default();
        let own_assign = rule.and_then(|(place, rule)| Some((place, rule.assign.as_ref()?)));
        let assigned = match own_assign {
            Some((place, assign)) => {
                self.assign(Some(assign), input, &known, &format!("Choices[{place}]/Assign"))?
            }
            None => self.assign(self.state.assign.as_ref(), input, &known, "Assign")?,
        };
        let own_output = rule.and_then(|(place, rule)| Some((place, rule.output.as_ref()?)));
        let output = match own_output {
            Some((place, shape)) => {
                let value = self.shape(shape, &known, &format!("Choices[{place}]/Output"))?;
                self.payload(value)?
            }
            None => self.output(input.clone())?,
        };
        self.exit(output, assigned, Transition::Next(next))
    }

    /// What a state without results hands on: the effective input through `OutputPath`, or
    /// `Output`.
    pub(crate) fn output(&mut self, input: Payload) -> Result<Payload, Failure> {
        match &self.state.data {
            Data::Path(data) => self.through(&data.output_path, input),
            Data::Query(QueryData { output: Some(shape), .. }) => {
                let value = self.shape(shape, &Known::default(), "Output")?;
                self.payload(value)
            }
            Data::Query(_) => Ok(input),
        }
    }

    /// Leaves for what a catcher names.
    pub(crate) fn catch(&mut self, place: usize, trouble: &Trouble) -> Result<(), Failure> {
        let catcher = &self.state.catchers[place];
        // A failure without a cause is caught with an empty one (recorded for a timeout).
        let Failure { error, cause } = &trouble.failure;
        let error = error.clone().map(|error| ("Error", Value::String(error)));
        let cause = ("Cause", Value::String(cause.clone().unwrap_or_default()));
        let error = Value::object(error.into_iter().chain([cause]));
        let error = self.payload(error)?;
        let known = Known { error_output: Some(error.value().clone()), ..Known::default() };
        let location = format!("Catch[{place}]/Assign");
        let assigned = self.assign(catcher.assign.as_ref(), &error, &known, &location)?;
        let output = match &catcher.result_path {
            ResultPath::Whole => match &catcher.output {
                None => error,
                Some(shape) => {
                    let value = self.shape(shape, &known, &format!("Catch[{place}]/Output"))?;
                    self.payload(value)?
                }
            },
            ResultPath::Discard => self.raw_input(),
            path @ ResultPath::Path(_) => self.combine(path, &error)?,
        };
        self.exit(output, assigned, Transition::Next(catcher.next))
    }

    pub(crate) fn exit(
        &mut self,
        output: Payload,
        assigned: Vec<(Arc<str>, Payload)>,
        transition: Transition,
    ) -> Result<(), Failure> {
        self.check_size(&output)?;
        let state = self.state_id;
        self.emit(EventKind::StateExited { state, output, assigned, transition });
        Ok(())
    }

    /// What the state's own `Assign` assigns where nothing is known but the input.
    fn assign_plain(&mut self, input: &Payload) -> Result<Vec<(Arc<str>, Payload)>, Failure> {
        match &self.state.assign {
            None => Ok(Vec::new()),
            assign => self.assign(assign.as_ref(), input, &Known::default(), "Assign"),
        }
    }

    /// What is assigned; `input` is what `$` is in JSONPath.
    fn assign(
        &mut self,
        assign: Option<&Assign>,
        input: &Payload,
        known: &Known,
        location: &str,
    ) -> Result<Vec<(Arc<str>, Payload)>, Failure> {
        let values: Vec<(Arc<str>, Value)> = match assign {
            None => return Ok(Vec::new()),
            Some(Assign::Path(template)) => {
                let value = self.fill_value(template, input.value(), None)?;
                let members = value.as_object().into_iter().flat_map(|map| map.iter());
                members.map(|(name, value)| (name.clone(), value.clone())).collect()
            }
            Some(Assign::Query(assignments)) => self.assignments(assignments, known, location)?,
        };
        let mut assigned = Vec::new();
        let mut bytes = 0;
        for (name, value) in values {
            let payload = self.payload(value)?;
            bytes += payload.text().len();
            assigned.push((name, payload));
        }
        if bytes > self.hand.origin.limits.payload_bytes_max {
            return Err(too_large(&self.state.name));
        }
        let live = self.hand.execution.variable_bytes() + bytes;
        if live > self.hand.origin.limits.variables_bytes_max {
            let most = self.hand.origin.limits.variables_bytes_max;
            return Err(self.runtime_failure(&format!("The variables of the execution exceed {most} bytes.")));
        }
        Ok(assigned)
    }
}

/// The failure of a result that is larger than a payload may be; `name` is what AWS calls its source.
pub(crate) fn too_large(name: &str) -> Failure {
    Failure::new(
        error_names::DATA_LIMIT_EXCEEDED,
        format!(
            "The state/task '{name}' returned a result with a size exceeding the maximum number of bytes service \
             limit."
        ),
    )
}
