//! `ListStateMachineVersions`, the newest first. A machine that does not exist has none: the operation
//! has no exception for it.

use crate::page::{self, MAX_RESULTS};
use crate::reply::Reply;
use crate::request::Text;
use crate::{Call, Exception, ExceptionKind, names};

pub(super) async fn run(call: Call<'_>) -> Result<String, Exception> {
    let mut members = call.request.members();
    let arn = members.required("stateMachineArn", &Text::ARN);
    let token = members.text("nextToken", &Text::PAGE_TOKEN);
    let max_results = members.integer("maxResults", MAX_RESULTS);
    members.check()?;

    let action = "ListStateMachineVersions";
    let (key, qualifier) = match names::machine(call.caller, &arn, action) {
        Ok(named) => named.unlabeled(action)?,
        Err(exception) if exception.kind == ExceptionKind::StateMachineDoesNotExist => {
            return Ok(r#"{"stateMachineVersions":[]}"#.to_owned());
        }
        Err(exception) => return Err(exception),
    };
    if qualifier.is_some() {
        // Not recorded.
        return Err(Exception::invalid_arn(&format!("Not a state machine ARN: {arn}")));
    }
    let place = &call.caller.place;
    let question = [action, &*place.account, &*place.region, &*arn];
    let (now, pages) = (crate::now_seconds(), &call.api.pages);
    let before = match token {
        Some(token) => number(&pages.position(&question, token, now)?)?,
        None => u64::MAX,
    };

    let mut versions = call.api.engine.versions(&key);
    versions.retain(|version| version.number < before);
    let shown = versions.len().min(page::size(max_results));

    let mut reply = Reply::object();
    reply.list("stateMachineVersions", |list| {
        for version in &versions[..shown] {
            list.item(|item| {
                item.text("stateMachineVersionArn", &names::version_arn(&key, version.number));
                item.moment("creationDate", version.created_at);
            });
        }
    });
    if shown < versions.len() {
        let last = versions[shown - 1].number.to_be_bytes();
        reply.text("nextToken", &pages.token(&question, &last, now));
    }
    Ok(reply.finish())
}

fn number(position: &[u8]) -> Result<u64, Exception> {
    position.try_into().map(u64::from_be_bytes).map_err(|_| Exception::invalid_token())
}
