//! `UpdateStateMachine`: running executions keep the definition and role they started with.
//!
//! An update that changes nothing makes no revision: the reply is that of the last one (recorded).

use stepwell_engine::{UpdateMachine, Updated};
use stepwell_model::MachineType;

use crate::exception::{Exception, ExceptionKind};
use crate::reply::Reply;
use crate::request::Text;
use crate::{Call, configuration, definitions, names};

pub(super) async fn run(call: Call<'_>) -> Result<String, Exception> {
    let mut members = call.request.members();
    let arn = members.required("stateMachineArn", &Text::ARN);
    let definition =
        members.text("definition", &Text::bytes(1, call.api.limits.definition_bytes_max)).cloned();
    let role_arn = members.text("roleArn", &Text::ARN).cloned();
    let logging = configuration::logging(&mut members);
    let tracing = configuration::tracing(&mut members);
    let publishing = configuration::publishing(&mut members);
    let encryption = configuration::encryption(&mut members);
    members.check()?;

    // Recorded: a version or an alias cannot be updated, and is answered as one that does not exist.
    let action = "UpdateStateMachine";
    let key = names::machine(call.caller, &arn, action)?.unqualified(&arn, action)?;
    let publish = publishing?;
    let encryption = encryption?;
    let nothing = definition.is_none() && role_arn.is_none() && logging.is_none() && tracing.is_none();
    if nothing && encryption.is_none() {
        let message = "Either the definition, the role ARN, the LoggingConfiguration, or the \
                       TracingConfiguration must be specified";
        return Err(Exception::new(ExceptionKind::MissingRequiredParameter, message));
    }
    if let Some(role_arn) = &role_arn {
        names::check_role(role_arn)?;
    }
    let logging = logging.map(|logging| logging.into_json()).transpose()?;
    if let Some(definition) = &definition {
        // One that is not there is told by the update.
        let machine = call.api.engine.machine(&key);
        let machine_type = machine.map_or(MachineType::Standard, |machine| machine.machine_type);
        definitions::check(machine_type, definition).await?;
    }

    let update = UpdateMachine {
        key,
        definition,
        role_arn,
        logging: logging.map(Into::into),
        tracing: tracing.map(Into::into),
        encryption,
        publish,
    };
    let updated = call.api.engine.update_machine(update).await;
    let Updated { machine, version } = updated.map_err(|error| Exception::of_engine(error, &arn))?;

    let mut reply = Reply::object();
    reply.moment("updateDate", machine.updated_at);
    reply.maybe_text("revisionId", machine.revision_id.as_deref());
    if let Some(version) = version {
        reply.text("stateMachineVersionArn", &names::version_arn(&machine.key, version.number));
    }
    Ok(reply.finish())
}
