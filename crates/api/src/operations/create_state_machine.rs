//! `CreateStateMachine`.
//!
//! Idempotent: the same name, definition, type, logging, tracing, encryption, `publish` and
//! `versionDescription` give the machine that is; another role or other tags alone make no difference
//! and change nothing. Anything else under a taken name is `StateMachineAlreadyExists`, white space in
//! the definition included (recorded).

use stepwell_engine::{CreateMachine, MachineKey};
use stepwell_model::MachineType;

use crate::exception::Exception;
use crate::reply::Reply;
use crate::request::Text;
use crate::{Call, configuration, definitions, names};

/// The version that a machine which is published when it is created begins with.
const FIRST_VERSION: u64 = 1;

pub(super) async fn run(call: Call<'_>) -> Result<String, Exception> {
    let mut members = call.request.members();
    let name = members.required("name", &Text::NAME);
    let definition = members.required("definition", &Text::bytes(1, call.api.limits.definition_bytes_max));
    let role_arn = members.required("roleArn", &Text::ARN);
    let machine_type = members.choice("type", &["STANDARD", "EXPRESS"]);
    let logging = configuration::logging(&mut members);
    let tracing = configuration::tracing(&mut members);
    let publishing = configuration::publishing(&mut members);
    let tags = configuration::tags(&mut members);
    let encryption = configuration::encryption(&mut members);
    members.check()?;

    let name = names::new_name(&name)?;
    names::check_role(&role_arn)?;
    let publish = publishing?;
    let encryption = encryption?.unwrap_or_default();
    let key = MachineKey { place: call.caller.place.clone(), name };
    let arn = names::machine_arn(&key);
    let tags = tags.into_tags(&arn)?;
    let machine_type = match machine_type {
        Some("EXPRESS") => MachineType::Express,
        _ => MachineType::Standard,
    };
    // Always in one form, so that a configuration given and the same one by default compare equal.
    let logging = logging.map(|logging| logging.into_json()).transpose()?;
    let logging = logging.unwrap_or_else(|| configuration::LOGGING_DEFAULT.to_owned());
    let tracing = tracing.unwrap_or_else(|| configuration::TRACING_DEFAULT.to_owned());
    definitions::check(machine_type, &definition).await?;

    let create = CreateMachine {
        key,
        machine_type,
        definition,
        role_arn,
        logging: Some(logging.into()),
        tracing: Some(tracing.into()),
        encryption,
        publish,
        tags,
    };
    let created = call.api.engine.create_machine(create).await;
    let machine = created.map_err(|error| Exception::of_engine(error, &arn))?;

    let mut reply = Reply::object();
    reply.text("stateMachineArn", &arn);
    reply.moment("creationDate", machine.created_at);
    if machine.published.is_some() {
        reply.text("stateMachineVersionArn", &names::version_arn(&machine.key, FIRST_VERSION));
    }
    Ok(reply.finish())
}
