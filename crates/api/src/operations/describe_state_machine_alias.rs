//! `DescribeStateMachineAlias`.

use crate::reply::Reply;
use crate::request::Text;
use crate::{Call, Exception, names};

pub(super) async fn run(call: Call<'_>) -> Result<String, Exception> {
    let mut members = call.request.members();
    let arn = members.required("stateMachineAliasArn", &Text::ARN);
    members.check()?;

    let action = "DescribeStateMachineAlias";
    let (key, name) = names::machine_resource(call.caller, &arn, action)?.alias(&arn, action)?;
    let alias = call.api.engine.alias(&key, &name).ok_or_else(|| Exception::no_such_resource(&arn))?;

    let mut reply = Reply::object();
    reply.text("stateMachineAliasArn", &arn);
    reply.text("name", &alias.name);
    reply.maybe_text("description", alias.description.as_deref());
    reply.list("routingConfiguration", |list| {
        for route in &alias.routes {
            list.item(|item| {
                item.text("stateMachineVersionArn", &names::version_arn(&key, route.version));
                item.number("weight", route.weight.into());
            });
        }
    });
    reply.moment("creationDate", alias.created_at);
    reply.moment("updateDate", alias.updated_at);
    Ok(reply.finish())
}
