//! The `Succeed` state: end the branch, or the execution, well.
//!
//! History: `SucceedStateEntered`, `SucceedStateExited`.
//!
//! Source: Amazon States Language specification, "Succeed State".

use stepwell_model::Failure;

use crate::journal::Transition;
use crate::turn::Turn;

pub(crate) fn enter(turn: &mut Turn) -> Result<(), Failure> {
    let input = turn.effective_input()?;
    let output = turn.output(input)?;
    turn.exit(output, Vec::new(), Transition::End)
}
