//! `DeleteStateMachine`: the machine goes once its executions have, its versions and aliases with it. One that does not exist is
//! deleted with success (recorded).

use stepwell_engine::EngineError;

use crate::request::Text;
use crate::{Call, Exception, ExceptionKind, names};

pub(super) async fn run(call: Call<'_>) -> Result<String, Exception> {
    let mut members = call.request.members();
    let arn = members.required("stateMachineArn", &Text::ARN);
    members.check()?;

    let named = match names::machine(call.caller, &arn, "DeleteStateMachine") {
        Ok(named) => named,
        Err(exception) if exception.kind == ExceptionKind::StateMachineDoesNotExist => {
            return Ok("{}".to_owned());
        }
        Err(exception) => return Err(exception),
    };
    // No machine has the ARN of a version or an alias (as recorded for UpdateStateMachine), so what it
    // names is gone already.
    if let (key, None) = named.unlabeled("DeleteStateMachine")? {
        match call.api.engine.delete_machine(&key).await {
            Ok(()) | Err(EngineError::NoSuchMachine | EngineError::MachineDeleting) => {}
            Err(error) => return Err(Exception::of_engine(error, &arn)),
        }
    }
    Ok("{}".to_owned())
}
