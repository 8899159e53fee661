//! `Stepwell.DescribeExecutionParent`, which AWS has not: the execution whose task started this one.
//! Nothing is known of the parent of an Express execution, or of one that is gone.

use super::get_history_events::is_express;
use crate::reply::Reply;
use crate::request::Text;
use crate::{Call, Exception, aside, names};

pub(super) async fn run(call: Call<'_>) -> Result<String, Exception> {
    let mut members = call.request.members();
    let arn = members.required("executionArn", &Text::LONG_ARN);
    members.check()?;

    let action = "DescribeExecutionParent";
    let engine = call.api.engine.clone();
    let mut reply = Reply::object();
    if is_express(&arn) {
        let key = names::express(call.caller, &arn, action)?;
        let found = aside(move || engine.recent_express_execution(&key)).await?;
        found.ok_or_else(|| Exception::no_such_execution(&arn))?;
        return Ok(reply.finish());
    }
    let key = names::execution(call.caller, &arn, action)?;
    let parent = aside(move || engine.parent_task(&key)).await?;
    if let Some(parent) = parent.map_err(|error| Exception::of_engine(error, &arn))? {
        reply.text("parentExecutionArn", &names::execution_arn(&parent.execution));
        reply.maybe_text("parentStateName", parent.state_name.as_deref());
    }
    Ok(reply.finish())
}
