//! `SendTaskSuccess`.

use stepwell_value::Payload;

use crate::json_reason::json_reason;
use crate::request::Text;
use crate::{Call, Exception, ExceptionKind};

pub(super) async fn run(call: Call<'_>) -> Result<String, Exception> {
    let mut members = call.request.members();
    let token = members.required("taskToken", &Text::TASK_TOKEN);
    let output = members.required("output", &Text::bytes(0, call.api.limits.payload_bytes_max));
    members.check()?;

    let output = Payload::parse(&*output).map_err(|error| {
        let reason = json_reason(&output, &error);
        Exception::new(ExceptionKind::InvalidOutput, format!("Invalid Output: '{reason}'"))
    })?;
    let sent = call.api.engine.task_success(&call.caller.place, &token, output).await;
    super::task_answered(call, token, sent).await
}
