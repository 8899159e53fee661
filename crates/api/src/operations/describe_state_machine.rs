//! `DescribeStateMachine`: a machine as it is, or one of its versions as it was published.
//!
//! With `METADATA_ONLY` the definition is `{}`, and nothing is said about the variables in it. The ARN
//! of a distributed Map describes its machine and tells the label. An alias describes the version
//! that it leads to, of two the one that gets more starts; that is not recorded.

use std::sync::Arc;

use stepwell_engine::{MachineKey, Version, version_number};

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

    let named = names::machine(call.caller, &arn, "DescribeStateMachine")?;
    let engine = &call.api.engine;
    let none = || Exception::no_such_machine(&arn);
    let machine = engine.machine(&named.key).ok_or_else(none)?;
    let version = match named.qualifier {
        None => None,
        Some(qualifier) => Some(version(call, &named.key, &qualifier).ok_or_else(none)?),
    };
    let number = version.as_ref().map_or(machine.revision, |version| version.revision);
    let revision = engine.revision(number).ok_or_else(none)?;
    if named.label.as_ref().is_some_and(|label| !definitions::has_label(&revision.definition, label)) {
        return Err(none());
    }

    let (logging, tracing) = (revision.logging.as_deref(), revision.tracing.as_deref());
    let mut reply = Reply::object();
    reply.text("stateMachineArn", &arn);
    reply.text("name", &machine.key.name);
    reply.text("status", if machine.deleting { "DELETING" } else { "ACTIVE" });
    reply.text("definition", if included == Some("METADATA_ONLY") { "{}" } else { &revision.definition });
    reply.text("roleArn", &revision.role_arn);
    reply.text("type", machine.machine_type.as_str());
    reply.moment("creationDate", version.as_ref().map_or(machine.created_at, |version| version.created_at));
    reply.raw("loggingConfiguration", logging.unwrap_or(configuration::LOGGING_DEFAULT));
    reply.raw("tracingConfiguration", tracing.unwrap_or(configuration::TRACING_DEFAULT));
    configuration::tell_encryption(&revision.encryption, &mut reply);
    reply.maybe_text("label", named.label.as_deref());
    reply.maybe_text("revisionId", revision.revision_id.as_deref());
    reply.maybe_text("description", version.as_ref().and_then(|version| version.description.as_deref()));
    if included != Some("METADATA_ONLY")
        && let Some(definition) = engine.compiled(number)
    {
        definitions::tell_variables(&definition, &mut reply);
    }
    Ok(reply.finish())
}

/// The version that a qualifier names, or that its alias leads to.
fn version(call: Call<'_>, key: &MachineKey, qualifier: &str) -> Option<Arc<Version>> {
    let engine = &call.api.engine;
    match version_number(qualifier) {
        Some(number) => engine.version(key, number),
        None => {
            let alias = engine.alias(key, qualifier)?;
            // The first of two that weigh as much.
            let route = alias.routes.iter().rev().max_by_key(|route| route.weight)?;
            engine.version(key, route.version)
        }
    }
}
