//! `DeleteStateMachineAlias`: the versions stay, and so do the executions started through it.

use crate::request::Text;
use crate::{Call, Exception, names};

pub(super) async fn run(call: Call<'_>) -> Result<String, Exception> {
    let mut members = call.request.members();
    let arn = members.required("stateMachineAliasArn", &Text::ARN);
    members.check()?;

    let action = "DeleteStateMachineAlias";
    let (key, name) = names::machine_resource(call.caller, &arn, action)?.alias(&arn, action)?;
    let deleted = call.api.engine.delete_alias(&key, &name).await;
    deleted.map_err(|error| Exception::of_engine(error, &arn))?;
    Ok("{}".to_owned())
}
