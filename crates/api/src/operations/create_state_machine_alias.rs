//! `CreateStateMachineAlias`.
//!
//! Idempotent on machine, name, description and routing; anything else under a taken name is a
//! `ConflictException` (recorded). The machine is that of the versions routed to.

use stepwell_engine::CreateAlias;

use crate::reply::Reply;
use crate::request::Text;
use crate::{Call, Exception, names, routing};

pub(super) async fn run(call: Call<'_>) -> Result<String, Exception> {
    let mut members = call.request.members();
    let description = members.text("description", &Text::ALIAS_DESCRIPTION).cloned();
    let name = members.required("name", &Text::RESTRICTED_NAME);
    members.require("routingConfiguration");
    let routing = routing::read(&mut members);
    members.check()?;

    let routing = routing.expect("it is required").resolve(call.caller, "CreateStateMachineAlias")?;
    let key = routing.machine;
    let create = CreateAlias { key: key.clone(), name, description, routes: routing.routes };
    let created = call.api.engine.create_alias(create).await;
    let alias = created.map_err(|error| routing::refused(error, &key, &names::machine_arn(&key)))?;

    let mut reply = Reply::object();
    reply.text("stateMachineAliasArn", &names::qualified_arn(&key, &alias.name));
    reply.moment("creationDate", alias.created_at);
    Ok(reply.finish())
}
