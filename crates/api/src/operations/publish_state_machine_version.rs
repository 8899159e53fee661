//! `PublishStateMachineVersion`: gives the revision that a machine has a number.
//!
//! Idempotent: a revision that has a version gets no other, whatever the description (recorded
//! without one). `revisionId` guards against an update in between; `INITIAL` is the revision of a
//! machine that was never updated.

use stepwell_engine::PublishVersion;

use crate::reply::Reply;
use crate::request::Text;
use crate::{Call, Exception, names};

pub(super) async fn run(call: Call<'_>) -> Result<String, Exception> {
    let mut members = call.request.members();
    let arn = members.required("stateMachineArn", &Text::ARN);
    let revision_id = members.text("revisionId", &Text::REVISION_ID).cloned();
    let description = members.text("description", &Text::VERSION_DESCRIPTION).cloned();
    members.check()?;

    let action = "PublishStateMachineVersion";
    let key = names::machine(call.caller, &arn, action)?.unqualified(&arn, action)?;
    let publish = PublishVersion { key: key.clone(), revision_id, description };
    let published = call.api.engine.publish_version(publish).await;
    let version = published.map_err(|error| Exception::of_engine(error, &arn))?;

    let mut reply = Reply::object();
    reply.moment("creationDate", version.created_at);
    reply.text("stateMachineVersionArn", &names::version_arn(&key, version.number));
    Ok(reply.finish())
}
