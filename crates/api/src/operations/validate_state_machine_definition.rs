//! `ValidateStateMachineDefinition`: what is wrong with a definition, without making a machine of it.
//!
//! The result is `FAIL` if there is an error. Warnings are told when `severity` asks for them.

use stepwell_asl::Severity;
use stepwell_model::MachineType;

use crate::reply::Reply;
use crate::request::Text;
use crate::{Call, Exception, definitions};

/// How many diagnostics are told when the caller does not say, or says 0.
const RESULTS_MAX: usize = 100;

pub(super) async fn run(call: Call<'_>) -> Result<String, Exception> {
    let mut members = call.request.members();
    // An empty one is not refused, but found wrong (recorded).
    let definition = members.required("definition", &Text::bytes(0, call.api.limits.definition_bytes_max));
    let machine_type = members.choice("type", &["STANDARD", "EXPRESS"]);
    let severity = members.choice("severity", &["ERROR", "WARNING"]);
    let max_results = members.integer("maxResults", 0..=100);
    members.check()?;

    let machine_type =
        if machine_type == Some("EXPRESS") { MachineType::Express } else { MachineType::Standard };
    let mut found = definitions::diagnose(machine_type, &definition).await?;
    let failed = found.iter().any(|found| found.is_error());
    if severity != Some("WARNING") {
        found.retain(|found| found.is_error());
    }
    let max_results =
        max_results.and_then(|number| usize::try_from(number).ok()).filter(|number| *number > 0);
    let shown = found.len().min(max_results.unwrap_or(RESULTS_MAX));

    let mut reply = Reply::object();
    reply.text("result", if failed { "FAIL" } else { "OK" });
    reply.list("diagnostics", |list| {
        for diagnostic in &found[..shown] {
            list.item(|item| {
                let severity = match diagnostic.severity {
                    Severity::Error => "ERROR",
                    Severity::Warning => "WARNING",
                };
                item.text("severity", severity);
                item.text("code", diagnostic.code);
                item.text("message", &diagnostic.message);
                item.maybe_text("location", diagnostic.location.as_deref());
            });
        }
    });
    reply.flag("truncated", shown < found.len());
    Ok(reply.finish())
}
