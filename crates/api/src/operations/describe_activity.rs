//! `DescribeActivity`.

use crate::reply::Reply;
use crate::request::Text;
use crate::{Call, Exception, configuration, names};

pub(super) async fn run(call: Call<'_>) -> Result<String, Exception> {
    let mut members = call.request.members();
    let arn = members.required("activityArn", &Text::ARN);
    members.check()?;

    let name = names::activity(call.caller, &arn, "DescribeActivity")?;
    let found = call.api.engine.activity(&call.caller.place, &name);
    let activity = found.ok_or_else(|| Exception::no_such_activity(&arn))?;

    let mut reply = Reply::object();
    reply.text("activityArn", &arn);
    reply.text("name", &activity.name);
    reply.moment("creationDate", activity.created_at);
    configuration::tell_encryption(&activity.encryption, &mut reply);
    Ok(reply.finish())
}
