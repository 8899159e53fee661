//! `DescribeStateMachineForExecution`: the revision of its machine that an execution runs with.

use super::describe_state_machine::INCLUDED_DATA;
use crate::reply::Reply;
use crate::request::Text;
use crate::{Call, Exception, configuration, definitions, names};

pub(super) async fn run(call: Call<'_>) -> Result<String, Exception> {
    let mut members = call.request.members();
    let arn = members.required("executionArn", &Text::ARN);
    let included = members.choice("includedData", INCLUDED_DATA);
    members.check()?;

    let key = names::execution(call.caller, &arn, "DescribeStateMachineForExecution")?;
    let engine = &call.api.engine;
    let pinned = engine.pinned_machine(&key).map_err(|error| Exception::of_engine(error, &arn))?;
    let (logging, tracing) = (pinned.logging.as_deref(), pinned.tracing.as_deref());

    let mut reply = Reply::object();
    reply.text("stateMachineArn", &names::machine_arn(&pinned.key));
    reply.text("name", &pinned.key.name);
    reply.text("definition", if included == Some("METADATA_ONLY") { "{}" } else { &pinned.definition });
    reply.text("roleArn", &pinned.role_arn);
    reply.moment("updateDate", pinned.updated_at);
    reply.raw("loggingConfiguration", logging.unwrap_or(configuration::LOGGING_DEFAULT));
    reply.raw("tracingConfiguration", tracing.unwrap_or(configuration::TRACING_DEFAULT));
    configuration::tell_encryption(&pinned.encryption, &mut reply);
    reply.maybe_text("revisionId", pinned.revision_id.as_deref());
    if included != Some("METADATA_ONLY")
        && let Some(definition) = call.api.engine.compiled(pinned.revision)
    {
        definitions::tell_variables(&definition, &mut reply);
    }
    Ok(reply.finish())
}
