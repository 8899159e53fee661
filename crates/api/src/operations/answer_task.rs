//! `Stepwell.AnswerTask`, which AWS has not: somebody ends a waiting task by hand, in place of who should
//! have, and may say why. As `SendTaskSuccess` or `SendTaskFailure`, and told to whoever runs the server;
//! the output is not.

use stepwell_model::Failure;
use stepwell_value::Payload;

use crate::json_reason::json_reason;
use crate::request::Text;
use crate::{Call, Exception, ExceptionKind, TaskAnswered, aside};

const OUTCOMES: &[&str] = &["SUCCEED", "FAIL"];

/// What the user has to say, in UTF-16 units.
const NOTE: Text = Text::new(0, 1_000).secret();

pub(super) async fn run(call: Call<'_>) -> Result<String, Exception> {
    let mut members = call.request.members();
    let token = members.required("taskToken", &Text::TASK_TOKEN);
    members.require("outcome");
    let outcome = members.choice("outcome", OUTCOMES).unwrap_or_default();
    let output = members.text("output", &Text::bytes(0, call.api.limits.payload_bytes_max));
    let error = members.text("error", &Text::ERROR).cloned();
    let cause = members.text("cause", &Text::CAUSE).cloned();
    let note = members.text("note", &NOTE).cloned();
    members.check()?;

    let (engine, place) = (&call.api.engine, &call.caller.place);
    let sent = match (outcome, output) {
        ("SUCCEED", Some(output)) if error.is_none() && cause.is_none() => {
            let output = Payload::parse(&**output).map_err(|error| {
                let reason = json_reason(output, &error);
                Exception::new(ExceptionKind::InvalidOutput, format!("Invalid Output: '{reason}'"))
            })?;
            engine.task_success(place, &token, output).await
        }
        ("SUCCEED", _) => {
            return Err(Exception::validation(
                "The outcome SUCCEED has an output, and no error and no cause",
            ));
        }
        (_, None) => engine.task_failure(place, &token, Failure { error, cause }).await,
        (_, Some(_)) => return Err(Exception::validation("The outcome FAIL has no output")),
    };
    if sent.is_ok() {
        let (engine, place, token) = (engine.clone(), place.clone(), token.clone());
        // It is done; that its execution cannot be named is no error.
        let execution_arn = aside(move || engine.execution_of_token(&place, &token)).await.ok().flatten();
        let user = call.caller.user().map(str::to_owned);
        (call.api.on_task_answered)(&TaskAnswered { execution_arn, user, outcome, note });
    }
    super::task_answered(call, token, sent).await
}
