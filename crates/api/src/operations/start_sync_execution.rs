//! `StartSyncExecution`: runs an Express execution and answers with its end.
//!
//! An execution that fails or times out is an answer as well, with status 200. Nothing of it is
//! kept, and it is never run again.

use stepwell_engine::{ExpressEnded, StartExpress, express_arn};
use stepwell_value::Payload;

use super::describe_state_machine::INCLUDED_DATA;
use super::start_execution::parse_input;
use crate::reply::Reply;
use crate::request::Text;
use crate::{Call, Exception, names};

pub(super) async fn run(call: Call<'_>) -> Result<String, Exception> {
    let mut members = call.request.members();
    let arn = members.required("stateMachineArn", &Text::ARN);
    let name = members.text("name", &Text::NAME);
    let input = members.text("input", &Text::bytes(0, call.api.limits.payload_bytes_max));
    let trace_header = members.text("traceHeader", &Text::TRACE_HEADER).cloned();
    let included = members.choice("includedData", INCLUDED_DATA);
    members.check()?;

    let action = "StartSyncExecution";
    let (machine, qualifier) = names::machine(call.caller, &arn, action)?.unlabeled(action)?;
    let name = name.map(names::new_name).transpose()?;
    let input = match input {
        Some(text) => parse_input(text)?,
        None => Payload::empty_object(),
    };
    let start = StartExpress { machine, qualifier, name, input, synchronous: true, seconds_max: None };
    let ended = call.api.engine.start_sync(start).await;
    let ended = ended.map_err(|error| Exception::of_engine(error, &arn))?;

    let with_data = included != Some("METADATA_ONLY");
    let trace_header = call.caller.trace_header.clone().or(trace_header);
    let mut reply = Reply::object();
    describe(&ended, &arn, trace_header.as_deref(), with_data, &mut reply);
    Ok(reply.finish())
}

/// Writes what an Express execution that ended was like.
pub(super) fn describe(
    ended: &ExpressEnded,
    machine_arn: &str,
    trace_header: Option<&str>,
    with_data: bool,
    reply: &mut Reply,
) {
    let details = if with_data { r#"{"included":true}"# } else { r#"{"included":false}"# };
    reply.text("executionArn", &express_arn(&ended.key));
    reply.text("stateMachineArn", machine_arn);
    reply.text("name", &ended.key.name);
    reply.moment("startDate", ended.started_at);
    reply.moment("stopDate", ended.closed_at);
    reply.text("status", ended.status.as_str());
    if let Some(failure) = &ended.failure {
        reply.maybe_text("error", failure.error.as_deref());
        reply.maybe_text("cause", failure.cause.as_deref());
    }
    if with_data {
        reply.text("input", ended.input.text());
    }
    reply.raw("inputDetails", details);
    if let Some(output) = &ended.output {
        if with_data {
            reply.text("output", output.text());
        }
        reply.raw("outputDetails", details);
    }
    reply.maybe_text("traceHeader", trace_header);
    reply.nested("billingDetails", |billing| {
        billing.number("billedMemoryUsedInMB", ended.billed_memory_mb);
        billing.number("billedDurationInMilliseconds", ended.billed_milliseconds());
    });
}
