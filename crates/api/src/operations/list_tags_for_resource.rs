//! `ListTagsForResource`, in the order in which the keys came. (AWS promises none.)

use crate::reply::Reply;
use crate::request::Text;
use crate::{Call, Exception, names};

pub(super) async fn run(call: Call<'_>) -> Result<String, Exception> {
    let mut members = call.request.members();
    let arn = members.required("resourceArn", &Text::ARN);
    members.check()?;

    let key = names::tagged(call.caller, &arn, "ListTagsForResource")?;
    let tags = call.api.engine.tags(&key).ok_or_else(|| Exception::no_such_resource(&arn))?;

    let mut reply = Reply::object();
    reply.list("tags", |list| {
        for (key, value) in tags.iter() {
            list.item(|item| {
                item.text("key", key);
                item.text("value", value);
            });
        }
    });
    Ok(reply.finish())
}
