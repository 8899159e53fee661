//! `Stepwell.DiagnoseDefinition`, which AWS has not: what is wrong with a definition and where in its
//! text, for an editor. Errors and warnings, from the first line to the last.
//!
//! As `ValidateStateMachineDefinition`, with the exact place of each, as a pointer and as line and
//! column from 1, and with what to do about it where that is known. What is no JSON is one of them.

use stepwell_asl::Severity;
use stepwell_model::MachineType;

use crate::reply::Reply;
use crate::request::Text;
use crate::{Call, Exception, definitions};

/// How many diagnostics are told.
const RESULTS_MAX: usize = 200;

pub(super) async fn run(call: Call<'_>) -> Result<String, Exception> {
    let mut members = call.request.members();
    let definition = members.required("definition", &Text::bytes(0, call.api.limits.definition_bytes_max));
    let machine_type = members.choice("type", &["STANDARD", "EXPRESS"]);
    members.check()?;

    let machine_type =
        if machine_type == Some("EXPRESS") { MachineType::Express } else { MachineType::Standard };
    let placed = definitions::diagnose_in_place(machine_type, &definition, RESULTS_MAX).await?;
    let failed = placed.iter().any(|placed| placed.found.is_error());

    let mut reply = Reply::object();
    reply.text("result", if failed { "FAIL" } else { "OK" });
    reply.list("diagnostics", |list| {
        for definitions::Placed { found, position } in &placed {
            list.item(|item| {
                let severity = match found.severity {
                    Severity::Error => "ERROR",
                    Severity::Warning => "WARNING",
                };
                item.text("severity", severity);
                item.text("code", found.code);
                item.text("message", found.message.trim_end());
                item.maybe_text("location", found.location.as_deref());
                item.text("pointer", &found.pointer);
                item.maybe_text("hint", found.hint.as_deref());
                item.number("line", position.line as u64);
                item.number("column", position.column as u64);
            });
        }
    });
    Ok(reply.finish())
}
