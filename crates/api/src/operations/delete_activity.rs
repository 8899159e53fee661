//! `DeleteActivity`: one that does not exist is deleted with success (recorded).

use stepwell_engine::EngineError;

use crate::request::Text;
use crate::{Call, Exception, ExceptionKind, names};

pub(super) async fn run(call: Call<'_>) -> Result<String, Exception> {
    let mut members = call.request.members();
    let arn = members.required("activityArn", &Text::ARN);
    members.check()?;

    let name = match names::activity(call.caller, &arn, "DeleteActivity") {
        Ok(name) => name,
        Err(exception) if exception.kind == ExceptionKind::ActivityDoesNotExist => return Ok("{}".to_owned()),
        Err(exception) => return Err(exception),
    };
    match call.api.engine.delete_activity(call.caller.place.clone(), name).await {
        Ok(()) | Err(EngineError::NoSuchActivity) => Ok("{}".to_owned()),
        Err(error) => Err(Exception::of_engine(error, &arn)),
    }
}
