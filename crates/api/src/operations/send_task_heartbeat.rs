//! `SendTaskHeartbeat`: the task's heartbeat starts anew; nothing is written.

use crate::request::Text;
use crate::{Call, Exception};

pub(super) async fn run(call: Call<'_>) -> Result<String, Exception> {
    let mut members = call.request.members();
    let token = members.required("taskToken", &Text::TASK_TOKEN);
    members.check()?;

    let sent = call.api.engine.task_heartbeat(&call.caller.place, &token).await;
    super::task_answered(call, token, sent).await
}
