//! `SendTaskFailure`.

use stepwell_model::Failure;

use crate::request::Text;
use crate::{Call, Exception};

pub(super) async fn run(call: Call<'_>) -> Result<String, Exception> {
    let mut members = call.request.members();
    let token = members.required("taskToken", &Text::TASK_TOKEN);
    let error = members.text("error", &Text::ERROR).cloned();
    let cause = members.text("cause", &Text::CAUSE).cloned();
    members.check()?;

    let sent = call.api.engine.task_failure(&call.caller.place, &token, Failure { error, cause }).await;
    super::task_answered(call, token, sent).await
}
