//! `DescribeStateMachine`. With `METADATA_ONLY` the definition is `{}`, and nothing is
//! said about the variables in it.

use crate::reply::Reply;
use crate::request::Text;
use crate::{Call, Exception, configuration, definitions, names};

/// What `includedData` may be.
pub(super) const INCLUDED_DATA: &[&str] = &["ALL_DATA", "METADATA_ONLY"];

pub(super) async fn run(call: Call<'_>) -> Result<String, Exception> {
    let mut members = call.request.members();
    let arn = members.required("stateMachineArn", &Text::ARN);
    let included = members.choice("includedData", INCLUDED_DATA);
    members.check()?;

    let key = names::machine(call.caller, &arn, "DescribeStateMachine")?.unqualified(&arn)?;
    let machine = call.api.engine.machine(&key).ok_or_else(|| Exception::no_such_machine(&arn))?;

    let mut reply = Reply::object();
    reply.text("stateMachineArn", &arn);
    reply.text("name", &machine.key.name);
    reply.text("status", if machine.deleting { "DELETING" } else { "ACTIVE" });
    reply.text("definition", if included == Some("METADATA_ONLY") { "{}" } else { &machine.definition });
    reply.text("roleArn", &machine.role_arn);
    reply.text("type", machine.machine_type.as_str());
    reply.moment("creationDate", machine.created_at);
    reply.raw("loggingConfiguration", machine.logging.as_deref().unwrap_or(configuration::LOGGING_DEFAULT));
    reply.raw("tracingConfiguration", machine.tracing.as_deref().unwrap_or(configuration::TRACING_DEFAULT));
    reply.raw("encryptionConfiguration", configuration::ENCRYPTION_DEFAULT);
    reply.maybe_text("revisionId", machine.revision_id.as_deref());
    if included != Some("METADATA_ONLY")
        && let Some(definition) = call.api.engine.compiled(machine.revision)
    {
        definitions::tell_variables(&definition, &mut reply);
    }
    Ok(reply.finish())
}
