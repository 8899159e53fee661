//! The `Pass` state: hand the input on, or something made of it, or a fixed `Result`.
//!
//! History: `PassStateEntered`, `PassStateExited`.
//!
//! Source: Amazon States Language specification, "Pass State".

use stepwell_model::Failure;
use stepwell_value::Payload;

use crate::fields::Fields;
use crate::turn::Turn;

/// A `Pass`.
#[derive(Debug)]
pub(crate) struct Pass {
    pub(crate) result: Option<Payload>,
}

impl Pass {
    pub(crate) fn read(fields: &Fields) -> Option<Pass> {
        // A text was parsed, so it nests no deeper than can be written.
        let result = if fields.in_jsonata() { None } else { fields.get("Result") };
        let result = result.and_then(|value| Payload::of(value.clone()).ok());
        Some(Pass { result })
    }

    pub(crate) fn enter(&self, turn: &mut Turn) -> Result<(), Failure> {
        let result = match &self.result {
            Some(result) => result.clone(),
            None => turn.parameters()?,
        };
        turn.finish_plain(result)
    }
}
