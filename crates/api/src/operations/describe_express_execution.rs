//! `Stepwell.DescribeExpressExecution`, which AWS has not: an Express execution that ended not long
//! ago, as the answer to `StartSyncExecution` describes it. `historyTruncated` is true if its history
//! was too long to be kept whole.

use super::describe_state_machine::INCLUDED_DATA;
use super::start_sync_execution::describe;
use crate::reply::Reply;
use crate::request::Text;
use crate::{Call, Exception, aside, names};

pub(super) async fn run(call: Call<'_>) -> Result<String, Exception> {
    let mut members = call.request.members();
    let arn = members.required("executionArn", &Text::LONG_ARN);
    let included = members.choice("includedData", INCLUDED_DATA);
    members.check()?;

    let key = names::express(call.caller, &arn, "DescribeExpressExecution")?;
    let (engine, wanted) = (call.api.engine.clone(), key.clone());
    let found = aside(move || engine.recent_express_execution(&wanted)).await?;
    let execution = found.ok_or_else(|| Exception::no_such_execution(&arn))?;
    let mut reply = Reply::object();
    let machine_arn = names::machine_arn(&key.machine);
    describe(&execution.ended, &machine_arn, None, included != Some("METADATA_ONLY"), &mut reply);
    reply.flag("historyTruncated", execution.is_cut);
    Ok(reply.finish())
}
