//! `Stepwell.DescribeStateMachineRevision`, which AWS has not: one of the revisions that
//! `Stepwell.ListStateMachineRevisions` lists, with its definition and its role.

use crate::reply::Reply;
use crate::request::Text;
use crate::{Call, Exception, names};

pub(super) async fn run(call: Call<'_>) -> Result<String, Exception> {
    let mut members = call.request.members();
    let arn = members.required("stateMachineArn", &Text::ARN);
    members.require("number");
    let number = members.integer("number", 1..=i64::MAX);
    members.check()?;

    let action = "DescribeStateMachineRevision";
    let key = names::machine(call.caller, &arn, action)?.unqualified(&arn, action)?;
    let engine = &call.api.engine;
    let machine = engine.machine(&key).ok_or_else(|| Exception::no_such_machine(&arn))?;
    let revision = number
        .and_then(|number| engine.revision(u64::try_from(number).ok()?))
        // One of another machine is none of this one's.
        .filter(|revision| revision.machine == machine.number)
        .ok_or_else(|| Exception::no_such_resource(&arn))?;

    let mut reply = Reply::object();
    reply.text("revisionId", revision.id());
    reply.number("number", revision.number);
    reply.moment("creationDate", revision.updated_at);
    reply.text("definition", &revision.definition);
    reply.text("roleArn", &revision.role_arn);
    Ok(reply.finish())
}
