//! `DeleteStateMachineVersion`. One that does not exist is deleted with success (recorded); one that an
//! alias leads to stays.

use crate::request::Text;
use crate::{Call, Exception, ExceptionKind, names};

pub(super) async fn run(call: Call<'_>) -> Result<String, Exception> {
    let mut members = call.request.members();
    let arn = members.required("stateMachineVersionArn", &Text::LONG_ARN);
    members.check()?;

    let action = "DeleteStateMachineVersion";
    let named = match names::machine(call.caller, &arn, action) {
        Ok(named) => named,
        Err(exception) if exception.kind == ExceptionKind::StateMachineDoesNotExist => {
            return Ok("{}".to_owned());
        }
        Err(exception) => return Err(exception),
    };
    let (key, number) = named.version(&arn, action)?;
    let deleted = call.api.engine.delete_version(&key, number).await;
    deleted.map_err(|error| Exception::of_engine(error, &arn))?;
    Ok("{}".to_owned())
}
