//! The eight types of state, a chapter each.
//!
//! A chapter reads its fields (`read`) and decides what happens when the state has been entered
//! (`enter`). What several types share (data flow, retry and catch, joining branches) is told once,
//! in `data`, `retry` and `decide`.

pub(crate) mod choice;
mod distributed;
pub(crate) mod fail;
pub(crate) mod map;
pub(crate) mod parallel;
pub(crate) mod pass;
pub(crate) mod succeed;
pub(crate) mod task;
pub(crate) mod wait;

use std::sync::Arc;

use stepwell_model::{Failure, StateType};
use stepwell_value::Value;

use crate::data::{self, Data};
use crate::definition::{Builder, Names, State};
use crate::fields::Fields;
use crate::query::Language;
use crate::retry;
use crate::turn::Turn;

/// What makes a state its type.
#[derive(Debug)]
pub(crate) enum StateKind {
    Task(task::Task),
    Pass(pass::Pass),
    Choice(choice::Choice),
    Wait(wait::Wait),
    Succeed,
    Fail(fail::Fail),
    Parallel(parallel::Parallel),
    Map(map::Map),
}

impl StateKind {
    pub(crate) fn state_type(&self) -> StateType {
        match self {
            StateKind::Task(_) => StateType::Task,
            StateKind::Pass(_) => StateType::Pass,
            StateKind::Choice(_) => StateType::Choice,
            StateKind::Wait(_) => StateType::Wait,
            StateKind::Succeed => StateType::Succeed,
            StateKind::Fail(_) => StateType::Fail,
            StateKind::Parallel(_) => StateType::Parallel,
            StateKind::Map(_) => StateType::Map,
        }
    }

    /// What happens when the state has been entered, and again at each retry.
    pub(crate) fn enter(&self, turn: &mut Turn) -> Result<(), Failure> {
        match self {
            StateKind::Task(task) => task.enter(turn),
            StateKind::Pass(pass) => pass.enter(turn),
            StateKind::Choice(choice) => choice.enter(turn),
            StateKind::Wait(wait) => wait.enter(turn),
            StateKind::Succeed => succeed::enter(turn),
            StateKind::Fail(fail) => fail.enter(turn),
            StateKind::Parallel(parallel) => parallel.enter(turn),
            StateKind::Map(map) => map.enter(turn),
        }
    }
}

/// Fields that every state may have.
const COMMON: &[&str] = &["Type", "Comment", "QueryLanguage"];

/// The other fields that a state of a type may have, in whatever language. AWS refuses all others;
/// measured with 50 names on each of the types.
fn fields_of(state_type: StateType) -> &'static [&'static str] {
    match state_type {
        StateType::Pass => &[
            "InputPath",
            "OutputPath",
            "Result",
            "ResultPath",
            "Parameters",
            "Output",
            "Assign",
            "Next",
            "End",
        ],
        StateType::Task => &[
            "InputPath",
            "OutputPath",
            "ResultPath",
            "Parameters",
            "Arguments",
            "Output",
            "Assign",
            "Resource",
            "Credentials",
            "ResultSelector",
            "Retry",
            "Catch",
            "TimeoutSeconds",
            "TimeoutSecondsPath",
            "HeartbeatSeconds",
            "HeartbeatSecondsPath",
            "Next",
            "End",
        ],
        StateType::Wait => &[
            "InputPath",
            "OutputPath",
            "Output",
            "Assign",
            "Seconds",
            "Timestamp",
            "SecondsPath",
            "TimestampPath",
            "Next",
            "End",
        ],
        StateType::Parallel => &[
            "InputPath",
            "OutputPath",
            "ResultPath",
            "Parameters",
            "Arguments",
            "Output",
            "Assign",
            "ResultSelector",
            "Retry",
            "Catch",
            "Branches",
            "Next",
            "End",
        ],
        StateType::Map => &[
            "InputPath",
            "OutputPath",
            "ResultPath",
            "Parameters",
            "Output",
            "Assign",
            "ResultSelector",
            "Retry",
            "Catch",
            "ItemProcessor",
            "Iterator",
            "ItemsPath",
            "Items",
            "ItemSelector",
            "ItemReader",
            "ItemBatcher",
            "ResultWriter",
            "MaxConcurrency",
            "MaxConcurrencyPath",
            "ToleratedFailurePercentage",
            "ToleratedFailurePercentagePath",
            "ToleratedFailureCount",
            "ToleratedFailureCountPath",
            "Label",
            "Next",
            "End",
        ],
        StateType::Choice => &["InputPath", "OutputPath", "Output", "Assign", "Choices", "Default"],
        StateType::Succeed => &["InputPath", "OutputPath", "Output"],
        StateType::Fail => &["Error", "Cause", "ErrorPath", "CausePath"],
    }
}

/// Reads one state.
pub(crate) fn read<'a>(
    name: &Arc<str>,
    value: &'a Value,
    pointer: String,
    names: &Names,
    builder: &mut Builder<'a>,
) -> Option<State> {
    let fields = Fields::of(value, pointer, builder.notes)?;
    fields.required(&["Type"]);
    let type_name = fields.text("Type")?;
    let Some(state_type) = TYPES.into_iter().find(|known| known.as_str() == &*type_name) else {
        let known = TYPES.map(StateType::as_str).join(", ");
        fields.error_at("Type", &format!("The field 'Type' should have one of these values: [{known}]"));
        return None;
    };
    let language = Language::of(&fields, builder.language);
    let mixed = builder.language == Language::Jsonata && language == Language::JsonPath;
    if mixed {
        let text = "'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine";
        fields.error_around("QueryLanguage", text, None);
    }
    let fields = fields.speaking(language);
    fields.only(&[COMMON, fields_of(state_type)], mixed);
    Language::check(&fields);
    fields.text("Comment");
    let data = Data::read(&fields, state_type);
    let has_assign = !matches!(state_type, StateType::Succeed | StateType::Fail);
    let assign =
        if has_assign { data::read_assign(&fields, data::moment_of_output(state_type)) } else { None };
    let leads_on = !matches!(state_type, StateType::Choice | StateType::Succeed | StateType::Fail);
    let transition = if leads_on { data::read_transition(&fields, names) } else { None };
    let (retriers, catchers) = match state_type {
        StateType::Task | StateType::Parallel | StateType::Map => {
            (retry::read_retriers(&fields), retry::read_catchers(&fields, names))
        }
        StateType::Pass | StateType::Choice | StateType::Wait | StateType::Succeed | StateType::Fail => {
            (Vec::new(), Vec::new())
        }
    };
    let kind = match state_type {
        StateType::Task => task::Task::read(&fields).map(StateKind::Task),
        StateType::Pass => pass::Pass::read(&fields).map(StateKind::Pass),
        StateType::Choice => choice::Choice::read(&fields, names).map(StateKind::Choice),
        StateType::Wait => wait::Wait::read(&fields).map(StateKind::Wait),
        StateType::Succeed => Some(StateKind::Succeed),
        StateType::Fail => fail::Fail::read(&fields).map(StateKind::Fail),
        StateType::Parallel => parallel::Parallel::read(&fields, builder).map(StateKind::Parallel),
        StateType::Map => map::Map::read(&fields, builder).map(StateKind::Map),
    };
    if leads_on && transition.is_none() {
        return None;
    }
    let variables = fields.variables();
    Some(State { name: name.clone(), transition, data, assign, retriers, catchers, kind: kind?, variables })
}

/// The types in the order in which AWS lists them.
const TYPES: [StateType; 8] = [
    StateType::Task,
    StateType::Wait,
    StateType::Pass,
    StateType::Succeed,
    StateType::Fail,
    StateType::Choice,
    StateType::Parallel,
    StateType::Map,
];
