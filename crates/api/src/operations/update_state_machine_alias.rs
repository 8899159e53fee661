//! `UpdateStateMachineAlias`: the next start through the alias follows it.

use stepwell_engine::UpdateAlias;

use crate::reply::Reply;
use crate::request::Text;
use crate::{Call, Exception, names, routing};

pub(super) async fn run(call: Call<'_>) -> Result<String, Exception> {
    let mut members = call.request.members();
    let arn = members.required("stateMachineAliasArn", &Text::ARN);
    let description = members.text("description", &Text::ALIAS_DESCRIPTION).cloned();
    let routing = routing::read(&mut members);
    members.check()?;

    let action = "UpdateStateMachineAlias";
    let (key, name) = names::machine_resource(call.caller, &arn, action)?.alias(&arn, action)?;
    if description.is_none() && routing.is_none() {
        // The reason is AWS's, the text is not recorded.
        let message = "Either the description or the routing configuration must be specified";
        return Err(Exception::validation_because("MISSING_REQUIRED_PARAMETER", message));
    }
    let routing = routing.map(|routing| routing.resolve(call.caller, action)).transpose()?;
    if routing.as_ref().is_some_and(|routing| routing.machine != key) {
        return Err(routing::other_machine());
    }
    let routes = routing.map(|routing| routing.routes);
    let update = UpdateAlias { key: key.clone(), name, description, routes };
    let updated = call.api.engine.update_alias(update).await;
    let alias = updated.map_err(|error| routing::refused(error, &key, &arn))?;

    let mut reply = Reply::object();
    reply.moment("updateDate", alias.updated_at);
    Ok(reply.finish())
}
