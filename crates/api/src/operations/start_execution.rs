//! `StartExecution`.
//!
//! The same name and input while the execution runs give the same answer again; another input, or
//! an execution that has ended, is `ExecutionAlreadyExists`. Without a name the execution gets a
//! UUID. The input is kept as the caller wrote it, blanks included.
//!
//! A version is run as it was published, an alias draws one of its versions. A call that is repeated
//! while the execution runs gets its answer, whichever version the repetition would have drawn.

use stepwell_engine::{EngineError, ExecutionKey, StartExecution, StartExpress, express_arn};
use stepwell_model::{MachineType, Timestamp};
use stepwell_value::Payload;

use crate::json_reason::json_reason;
use crate::reply::Reply;
use crate::request::Text;
use crate::{Call, Exception, ExceptionKind, names};

pub(super) async fn run(call: Call<'_>) -> Result<String, Exception> {
    let mut members = call.request.members();
    let arn = members.required("stateMachineArn", &Text::ARN);
    let name = members.text("name", &Text::NAME);
    let input = members.text("input", &Text::bytes(0, call.api.limits.payload_bytes_max));
    let trace_header = members.text("traceHeader", &Text::TRACE_HEADER).cloned();
    members.check()?;

    let action = "StartExecution";
    let (machine, qualifier) = names::machine(call.caller, &arn, action)?.unlabeled(action)?;
    let name = name.map(names::new_name).transpose()?;
    let trace_header = call.caller.trace_header.clone().or(trace_header);
    let input = match input {
        Some(text) => parse_input(text)?,
        None => Payload::empty_object(),
    };

    if call.api.engine.machine(&machine).is_some_and(|machine| machine.machine_type == MachineType::Express) {
        let start = StartExpress { machine, qualifier, name, input, synchronous: false, seconds_max: None };
        let started = call.api.engine.start_express(start).await;
        let (key, started_at) = started.map_err(|error| Exception::of_engine(error, &arn))?;
        return Ok(answer(&express_arn(&key), started_at));
    }

    let taken = |machine, name: Option<_>| {
        // Only a name that the caller gave can be taken.
        let name = name.unwrap_or_default();
        Exception::of_engine(
            EngineError::ExecutionExists,
            &names::execution_arn(&ExecutionKey { machine, name }),
        )
    };
    let start =
        StartExecution { machine: machine.clone(), qualifier, name: name.clone(), input, trace_header };
    let started = match call.api.engine.start(start).await {
        Ok(started) => started,
        Err(EngineError::ExecutionExists) => return Err(taken(machine, name)),
        Err(error) => return Err(Exception::of_engine(error, &arn)),
    };

    Ok(answer(&started.arn, started.started_at))
}

fn answer(arn: &str, started_at: Timestamp) -> String {
    let mut reply = Reply::object();
    reply.text("executionArn", arn);
    reply.moment("startDate", started_at);
    reply.finish()
}

/// Recorded: any JSON value will do; text without one has a reason of its own.
pub(super) fn parse_input(text: &str) -> Result<Payload, Exception> {
    Payload::parse(text).map_err(|error| {
        let reason = match text.trim_ascii() {
            "" => "Invalid execution input.".to_owned(),
            _ => json_reason(text, &error),
        };
        let message = format!("Invalid State Machine Execution Input: '{reason}'");
        Exception::new(ExceptionKind::InvalidExecutionInput, message)
    })
}
