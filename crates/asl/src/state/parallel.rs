//! The `Parallel` state: do several things at once, each with the same input.
//!
//! The result is the array of the branches' outputs in the order of the definition, their texts as
//! they are. When a branch fails, its siblings are given up and the state fails with its error.
//!
//! History: `ParallelStateEntered`, `ParallelStateStarted`, the events of the branches,
//! `ParallelStateSucceeded` or `ParallelStateFailed`, `ParallelStateExited`. A retry begins with
//! `ParallelStateStarted` again.
//!
//! Source: Amazon States Language specification, "Parallel State".

use stepwell_model::Failure;

use crate::definition::{Builder, ScopeId};
use crate::fields::Fields;
use crate::journal::EventKind;
use crate::turn::Turn;

/// A `Parallel`.
#[derive(Debug)]
pub(crate) struct Parallel {
    pub(crate) branches: Vec<ScopeId>,
}

impl Parallel {
    pub(crate) fn read<'a>(fields: &Fields<'a>, builder: &mut Builder<'a>) -> Option<Parallel> {
        fields.required(&["Branches"]);
        let branches = fields.filled_array("Branches")?;
        let base = fields.at("Branches");
        let mut scopes = Vec::new();
        for (place, branch) in branches.iter().enumerate() {
            let Some(fields) = Fields::of(branch, format!("{base}/{place}"), fields.notes) else { continue };
            fields.text("Comment");
            scopes.extend(builder.scope(&fields));
            fields.finish();
        }
        (scopes.len() == branches.len()).then_some(Parallel { branches: scopes })
    }

    pub(crate) fn enter(&self, turn: &mut Turn) -> Result<(), Failure> {
        let input = turn.parameters()?;
        turn.check_size(&input)?;
        turn.emit(EventKind::ParallelStarted { input });
        Ok(())
    }
}
