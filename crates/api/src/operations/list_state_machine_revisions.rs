//! `Stepwell.ListStateMachineRevisions`, which AWS has not: what a state machine was before each of its
//! updates, the newest first, and which versions stand for it.
//!
//! A revision is known by its `number`, which ascends; the first has no id of its own and is shown as
//! `INITIAL`, as callers of AWS name it.

use crate::page::{self, MAX_RESULTS};
use crate::reply::Reply;
use crate::request::Text;
use crate::{Call, Exception, names};

pub(super) async fn run(call: Call<'_>) -> Result<String, Exception> {
    let mut members = call.request.members();
    let arn = members.required("stateMachineArn", &Text::ARN);
    let token = members.text("nextToken", &Text::PAGE_TOKEN);
    let max_results = members.integer("maxResults", MAX_RESULTS);
    members.check()?;

    let action = "ListStateMachineRevisions";
    let key = names::machine(call.caller, &arn, action)?.unqualified(&arn, action)?;
    let engine = &call.api.engine;
    let mut revisions = engine.revisions(&key).map_err(|error| Exception::of_engine(error, &arn))?;
    let place = &call.caller.place;
    let question = [action, &*place.account, &*place.region, &*arn];
    let (now, pages) = (crate::now_seconds(), &call.api.pages);
    let before = match token {
        Some(token) => {
            let position = pages.position(&question, token, now)?;
            position.try_into().map(u64::from_be_bytes).map_err(|_| Exception::invalid_token())?
        }
        None => u64::MAX,
    };
    // The list has the newest first.
    let current = revisions.first().map(|revision| revision.number);
    revisions.retain(|revision| revision.number < before);
    let shown = revisions.len().min(page::size(max_results));
    let versions = engine.versions(&key);

    let mut reply = Reply::object();
    reply.list("revisions", |list| {
        for revision in &revisions[..shown] {
            list.item(|item| {
                item.text("revisionId", revision.id());
                item.number("number", revision.number);
                item.moment("creationDate", revision.updated_at);
                item.flag("isCurrent", current == Some(revision.number));
                let of_it = versions.iter().rev().filter(|version| version.revision == revision.number);
                let numbers: Vec<String> = of_it.map(|version| version.number.to_string()).collect();
                item.raw("versions", &format!("[{}]", numbers.join(",")));
            });
        }
    });
    if shown < revisions.len() {
        let last = revisions[shown - 1].number.to_be_bytes();
        reply.text("nextToken", &pages.token(&question, &last, now));
    }
    Ok(reply.finish())
}
