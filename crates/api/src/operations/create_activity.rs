//! `CreateActivity`: idempotent on the name, whatever the tags; another encryption is refused.

use stepwell_engine::{ActivityKey, CreateActivity};

use crate::reply::Reply;
use crate::request::Text;
use crate::{Call, Exception, configuration, names};

pub(super) async fn run(call: Call<'_>) -> Result<String, Exception> {
    let mut members = call.request.members();
    let name = members.required("name", &Text::NAME);
    let tags = configuration::tags(&mut members);
    let encryption = configuration::encryption(&mut members);
    members.check()?;

    let name = names::new_name(&name)?;
    let place = call.caller.place.clone();
    let arn = names::activity_arn(&place, &name);
    let (tags, encryption) = (tags.into_tags(&arn)?, encryption?.unwrap_or_default());
    let create = CreateActivity { key: ActivityKey { place, name }, encryption, tags };
    let created = call.api.engine.create_activity(create).await;
    let activity = created.map_err(|error| Exception::of_engine(error, &arn))?;

    let mut reply = Reply::object();
    reply.text("activityArn", &arn);
    reply.moment("creationDate", activity.created_at);
    Ok(reply.finish())
}
