//! `DeleteStateMachine`: the machine goes once its executions have. One that does not exist is
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
    if named.label.is_some() {
        return Err(Exception {
            kind: ExceptionKind::Validation,
            message: "DeleteStateMachine does not support labeled state machine ARNs".to_owned(),
            detail: Some(("reason", "API_DOES_NOT_SUPPORT_LABELED_ARNS".to_owned())),
        });
    }
    // There are no versions and no aliases yet, so what such an ARN names is gone already.
    if named.qualifier.is_none() {
        match call.api.engine.delete_machine(&named.key).await {
            Ok(()) | Err(EngineError::NoSuchMachine | EngineError::MachineDeleting) => {}
            Err(error) => return Err(Exception::of_engine(error, &arn)),
        }
    }
    Ok("{}".to_owned())
}
