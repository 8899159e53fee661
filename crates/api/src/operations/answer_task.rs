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

    let answer = match (outcome, output) {
        ("SUCCEED", Some(output)) if error.is_none() && cause.is_none() => Ok(Payload::parse(&**output)
            .map_err(|error| {
                let reason = json_reason(output, &error);
                Exception::new(ExceptionKind::InvalidOutput, format!("Invalid Output: '{reason}'"))
            })?),
        ("SUCCEED", _) => {
            return Err(Exception::validation(
                "The outcome SUCCEED has an output, and no error and no cause",
            ));
        }
        (_, None) => Err(Failure { error, cause }),
        (_, Some(_)) => return Err(Exception::validation("The outcome FAIL has no output")),
    };

    let (engine, place, sealed) = (call.api.engine.clone(), call.caller.place.clone(), token.clone());
    let (ear, user) = (call.api.on_task_answered.clone(), call.caller.user().map(str::to_owned));
    // A caller who goes away takes nothing back, so what was done is told all the same.
    let work = tokio::spawn(async move {
        let sent = match answer {
            Ok(output) => engine.task_success(&place, &sealed, output).await,
            Err(failure) => engine.task_failure(&place, &sealed, failure).await,
        };
        if sent.is_ok() {
            let of_token = aside(move || engine.execution_of_token(&place, &sealed)).await;
            let execution_arn = of_token.ok().flatten();
            ear(&TaskAnswered { execution_arn, user, outcome, note });
        }
        sent
    });
    let sent = work
        .await
        .map_err(|_| Exception::new(ExceptionKind::InternalFailure, "The call could not be finished"))?;
    super::task_answered(call, token, sent).await
}
