//! Who may do what: the caller's policies, asked before an operation runs.
//!
//! An open server has no principals, and everybody may do everything within the account they name.
//! With credentials each call has a [`Principal`], and `states:<Operation>` must be allowed on the
//! thing that the call is about:
//!
//! | operations | resource |
//! |---|---|
//! | those that name a state machine, a version or an alias | the state machine, without qualifier (that is `states:StateMachineQualifier`) |
//! | those that name an execution, a Map Run, an activity, or anything by `resourceArn` | its ARN |
//! | `CreateStateMachine`, `CreateActivity` | the ARN that the new thing gets |
//! | `ListActivities` | `...:activity:*` |
//! | the others, such as `ListStateMachines` and `SendTaskSuccess` | `...:stateMachine:*` |
//!
//! `publish` needs `states:PublishStateMachineVersion` too, and tags need `states:TagResource`.
//!
//! Sources: Service Authorization Reference, "Actions, resources, and condition keys for AWS Step
//! Functions"; Developer Guide, "Authorizing versions and aliases" (the qualifier is a key of a
//! condition, the resource is the state machine); messages that users of AWS show publicly, from
//! which the resources of lists are known. What AWS takes as the resource of `SendTask*` is not
//! known; tokens name no machine to a caller.

use std::net::IpAddr;
use std::sync::Arc;

use stepwell_model::{Arn, ArnResource, Timestamp};
use stepwell_policy::{ConditionKey, Decision, Policy, Question, decide};
use stepwell_value::Value;

use crate::request::Request;
use crate::{Caller, Exception, ExceptionKind};

/// A user of an account, and what that user may do.
#[derive(Debug, Clone, PartialEq)]
pub struct Principal {
    account: Arc<str>,
    user: Arc<str>,
    policies: Vec<Policy>,
}

impl Principal {
    /// The user `user` of `account` (twelve digits). Without policies nothing is allowed.
    pub fn new(account: impl Into<Arc<str>>, user: impl Into<Arc<str>>, policies: Vec<Policy>) -> Principal {
        Principal { account: account.into(), user: user.into(), policies }
    }

    /// The account.
    pub fn account(&self) -> &Arc<str> {
        &self.account
    }

    /// The name.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The ARN by which AWS's messages name a user.
    pub fn arn(&self) -> String {
        format!("arn:aws:iam::{}:user/{}", self.account, self.user)
    }
}

/// A principal at work: who, and under which circumstances that conditions may ask for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Access {
    pub(crate) principal: Arc<Principal>,
    pub(crate) source_ip: IpAddr,
    pub(crate) secure: bool,
}

/// Where an operation names the thing it is about.
enum About {
    /// A member with the ARN of a state machine, a version or an alias.
    Machine(&'static str),
    /// The first route of an alias.
    Route,
    /// A member with an ARN.
    Thing(&'static str),
    /// A new thing: its type, and the member `name`.
    New(&'static str),
    /// Nothing in particular of this type.
    All(&'static str),
}

/// What each operation is about. One that is not listed is about nothing in particular.
fn about(operation: &str, request: &Request) -> About {
    match operation {
        "CreateActivity" => About::New("activity"),
        "CreateStateMachine" => About::New("stateMachine"),
        "DeleteActivity" | "DescribeActivity" | "GetActivityTask" => About::Thing("activityArn"),
        "ListActivities" => About::All("activity"),
        "CreateStateMachineAlias" => About::Route,
        "DeleteStateMachine"
        | "DescribeStateMachine"
        | "DescribeStateMachineRevision"
        | "GetExecutionMetrics"
        | "ListRecentFailures"
        | "ListStateMachineAliases"
        | "ListStateMachineRevisions"
        | "ListStateMachineVersions"
        | "PublishStateMachineVersion"
        | "StartExecution"
        | "StartSyncExecution"
        | "UpdateStateMachine" => About::Machine("stateMachineArn"),
        "DeleteStateMachineAlias" | "DescribeStateMachineAlias" | "UpdateStateMachineAlias" => {
            About::Machine("stateMachineAliasArn")
        }
        "DeleteStateMachineVersion" => About::Machine("stateMachineVersionArn"),
        "ListExecutions" if text(request.body(), "mapRunArn").is_some() => About::Thing("mapRunArn"),
        "ListExecutions" | "ListExpressExecutions" => About::Machine("stateMachineArn"),
        "DescribeExecution"
        | "DescribeExecutionParent"
        | "DescribeExpressExecution"
        | "DescribeStateMachineForExecution"
        | "GetExecutionHistory"
        | "GetExpressExecutionHistory"
        | "GetHistoryEvents"
        | "ListMapRuns"
        | "RedriveExecution"
        | "StopExecution" => About::Thing("executionArn"),
        "DescribeMapRun" | "UpdateMapRun" => About::Thing("mapRunArn"),
        "ListTagsForResource" | "TagResource" | "UntagResource" => About::Thing("resourceArn"),
        // `ListStateMachines`, `ValidateStateMachineDefinition` (ours, `DiagnoseDefinition`) and, by analogy, `TestState` and
        // those that have a task token; ours, `ListWaitingTasks`, tells such tokens, of whichever machine.
        _ => About::All("stateMachine"),
    }
}

/// Whether an operation changes nothing, so that it does no harm when somebody sends a captured
/// call again.
pub fn only_reads(operation: &str) -> bool {
    let operation = operation.strip_prefix("Stepwell.").unwrap_or(operation);
    operation.starts_with("Describe")
        || operation.starts_with("List")
        || matches!(
            operation,
            "DiagnoseDefinition"
                | "GetExecutionHistory"
                | "GetExecutionMetrics"
                | "GetExpressExecutionHistory"
                | "GetHistoryEvents"
                | "GetStateMachineCounts"
                | "ValidateStateMachineDefinition"
        )
}

/// Refuses what the caller's policies do not allow.
pub(crate) fn check(operation: &str, caller: &Caller, request: &Request) -> Result<(), Exception> {
    let Some(access) = &caller.access else { return Ok(()) };
    let body = request.body();
    // To policies ours are actions like AWS's.
    let operation = operation.strip_prefix("Stepwell.").unwrap_or(operation);
    let (resource, qualifier) = resource(operation, caller, request);
    let ask =
        |operation: &str| access.ask(&format!("states:{operation}"), &resource, qualifier.as_deref(), caller);
    ask(operation)?;
    let creates = matches!(operation, "CreateStateMachine" | "CreateActivity");
    if creates && body.get("tags").and_then(Value::as_array).is_some_and(|tags| !tags.is_empty()) {
        ask("TagResource")?;
    }
    let publishes = matches!(operation, "CreateStateMachine" | "UpdateStateMachine");
    if publishes && body.get("publish").and_then(Value::as_bool) == Some(true) {
        ask("PublishStateMachineVersion")?;
    }
    Ok(())
}

/// The ARN that an operation is about, and the version or alias behind it.
fn resource(operation: &str, caller: &Caller, request: &Request) -> (String, Option<String>) {
    let body = request.body();
    let own = |kind: &str, name: &str| {
        format!("arn:aws:states:{}:{}:{kind}:{name}", caller.region(), caller.account())
    };
    // Without its member a call is about nothing, and the operation will say so.
    match about(operation, request) {
        About::Machine(member) => text(body, member).map_or((own("stateMachine", "*"), None), unqualified),
        About::Route => {
            let routes = body.get("routingConfiguration").and_then(Value::as_array);
            let first = routes.and_then(|routes| text(routes.first()?, "stateMachineVersionArn"));
            first.map_or((own("stateMachine", "*"), None), unqualified)
        }
        About::Thing(member) => match text(body, member) {
            // A tag may be that of a state machine's version.
            Some(arn) if member == "resourceArn" => unqualified(arn),
            Some(arn) => (arn.to_owned(), None),
            None => (own("stateMachine", "*"), None),
        },
        About::New(kind) => (own(kind, text(body, "name").unwrap_or("*")), None),
        About::All(kind) => (own(kind, "*"), None),
    }
}

/// The state machine that an ARN names without what stands behind it, and that.
fn unqualified(arn: &str) -> (String, Option<String>) {
    let Ok(parsed) = Arn::parse(arn) else { return (arn.to_owned(), None) };
    match parsed.resource {
        ArnResource::StateMachine { name, qualifier, .. } => {
            let machine = ArnResource::StateMachine { name, label: None, qualifier: None };
            (parsed.sibling(machine).text(), qualifier.map(str::to_owned))
        }
        ArnResource::Execution { .. }
        | ArnResource::Express { .. }
        | ArnResource::Activity { .. }
        | ArnResource::MapRun { .. } => (arn.to_owned(), None),
    }
}

fn text<'a>(object: &'a Value, member: &str) -> Option<&'a str> {
    object.get(member).and_then(Value::as_str)
}

impl Access {
    /// Refuses an action that the policies do not allow, in AWS's words.
    pub(crate) fn ask(
        &self,
        action: &str,
        resource: &str,
        qualifier: Option<&str>,
        caller: &Caller,
    ) -> Result<(), Exception> {
        let context = |key: ConditionKey| match key {
            ConditionKey::CurrentTime => {
                Some(Timestamp::from_epoch_ms(crate::now_seconds() * 1000).to_rfc3339())
            }
            ConditionKey::EpochTime => Some(crate::now_seconds().to_string()),
            ConditionKey::PrincipalAccount => Some(self.principal.account.to_string()),
            ConditionKey::PrincipalArn => Some(self.principal.arn()),
            ConditionKey::RequestedRegion => Some(caller.region().to_owned()),
            ConditionKey::SecureTransport => Some(self.secure.to_string()),
            ConditionKey::SourceIp => Some(self.source_ip.to_canonical().to_string()),
            ConditionKey::Username => Some(self.principal.user.to_string()),
            ConditionKey::StateMachineQualifier => qualifier.map(str::to_owned),
        };
        let reason = match decide(&self.principal.policies, &Question { action, resource, context: &context })
        {
            Decision::Allowed => return Ok(()),
            Decision::NotAllowed => format!("because no identity-based policy allows the {action} action"),
            Decision::Denied => "with an explicit deny in an identity-based policy".to_owned(),
        };
        let message = format!(
            "User: {} is not authorized to perform: {action} on resource: {resource} {reason}",
            self.principal.arn()
        );
        Err(Exception::new(ExceptionKind::AccessDenied, message))
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn caller(policy: &str) -> Caller {
        let policy = Policy::parse(policy).unwrap();
        let principal = Principal::new("123456789012", "ci", vec![policy]);
        Caller::verified(Arc::new(principal), "eu-west-1", Ipv4Addr::LOCALHOST.into(), false)
    }

    fn about_of(operation: &str, body: &str) -> (String, Option<String>) {
        let everything = r#"{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}"#;
        resource(operation, &caller(everything), &Request::parse(body.as_bytes()).unwrap())
    }

    fn refused(policy: &str, operation: &str, body: &str) -> Option<String> {
        let request = Request::parse(body.as_bytes()).unwrap();
        check(operation, &caller(policy), &request).err().map(|exception| exception.message)
    }

    #[test]
    fn an_operation_is_about_what_its_member_names() {
        let arn = |rest: &str| format!("arn:aws:states:eu-west-1:123456789012:{rest}");
        for (operation, body, expected, qualifier) in [
            (
                "StartExecution",
                r#"{"stateMachineArn":"ARN:stateMachine:m:PROD"}"#,
                "stateMachine:m",
                Some("PROD"),
            ),
            ("StartExecution", r#"{"stateMachineArn":"ARN:stateMachine:m"}"#, "stateMachine:m", None),
            ("ListExecutions", r#"{"stateMachineArn":"ARN:stateMachine:m/L"}"#, "stateMachine:m", None),
            ("ListExecutions", r#"{"mapRunArn":"ARN:mapRun:m/L:1"}"#, "mapRun:m/L:1", None),
            ("StopExecution", r#"{"executionArn":"ARN:execution:m:e"}"#, "execution:m:e", None),
            ("TagResource", r#"{"resourceArn":"ARN:activity:a"}"#, "activity:a", None),
            ("TagResource", r#"{"resourceArn":"ARN:stateMachine:m:2"}"#, "stateMachine:m", Some("2")),
            (
                "DeleteStateMachineVersion",
                r#"{"stateMachineVersionArn":"ARN:stateMachine:m:2"}"#,
                "stateMachine:m",
                Some("2"),
            ),
            (
                "CreateStateMachineAlias",
                r#"{"routingConfiguration":[{"stateMachineVersionArn":"ARN:stateMachine:m:2","weight":100}]}"#,
                "stateMachine:m",
                Some("2"),
            ),
            ("CreateStateMachine", r#"{"name":"m"}"#, "stateMachine:m", None),
            ("CreateActivity", r#"{"name":"a"}"#, "activity:a", None),
            ("ListStateMachines", "{}", "stateMachine:*", None),
            ("ListActivities", "{}", "activity:*", None),
            ("SendTaskSuccess", r#"{"taskToken":"t"}"#, "stateMachine:*", None),
            ("StartExecution", "{}", "stateMachine:*", None),
        ] {
            let body = body.replace("ARN", "arn:aws:states:eu-west-1:123456789012");
            assert_eq!(
                about_of(operation, &body),
                (arn(expected), qualifier.map(str::to_owned)),
                "{operation}"
            );
        }
        assert_eq!(about_of("StopExecution", r#"{"executionArn":"x"}"#), ("x".to_owned(), None));
    }

    #[test]
    fn what_is_not_allowed_is_refused_in_awss_words() {
        let policy = r#"{"Statement": [
            {"Effect": "Allow", "Action": "states:*", "Resource": "arn:aws:states:*:*:stateMachine:a*"},
            {"Effect": "Deny", "Action": "states:DeleteStateMachine", "Resource": "*"}]}"#;
        let body = |name: &str| {
            format!(r#"{{"stateMachineArn":"arn:aws:states:eu-west-1:123456789012:stateMachine:{name}"}}"#)
        };
        assert_eq!(refused(policy, "StartExecution", &body("ab")), None);
        assert_eq!(
            refused(policy, "StartExecution", &body("b")).unwrap(),
            "User: arn:aws:iam::123456789012:user/ci is not authorized to perform: states:StartExecution on resource: \
             arn:aws:states:eu-west-1:123456789012:stateMachine:b because no identity-based policy allows the \
             states:StartExecution action"
        );
        assert_eq!(
            refused(policy, "DeleteStateMachine", &body("ab")).unwrap(),
            "User: arn:aws:iam::123456789012:user/ci is not authorized to perform: states:DeleteStateMachine on resource: \
             arn:aws:states:eu-west-1:123456789012:stateMachine:ab with an explicit deny in an identity-based policy"
        );
    }

    #[test]
    fn a_qualifier_is_a_condition_and_no_way_around_a_resource() {
        let deny = r#"{"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"},
            {"Effect": "Deny", "Action": "*", "Resource": "arn:aws:states:*:*:stateMachine:m"}]}"#;
        let but = r#"{"Statement": {"Effect": "Allow", "Action": "*", "NotResource": "arn:aws:states:*:*:stateMachine:m"}}"#;
        let prod = r#"{"Statement": {"Effect": "Allow", "Action": "states:StartExecution", "Resource": "*",
            "Condition": {"ForAnyValue:StringEquals": {"states:StateMachineQualifier": ["PROD"]}}}}"#;
        let start = |policy: &str, rest: &str| {
            let arn = format!("arn:aws:states:eu-west-1:123456789012:stateMachine:m{rest}");
            refused(policy, "StartExecution", &format!(r#"{{"stateMachineArn":"{arn}"}}"#)).is_none()
        };
        for qualifier in ["", ":1", ":PROD", "/L"] {
            assert!(!start(deny, qualifier) && !start(but, qualifier), "{qualifier}");
        }
        assert!(start(prod, ":PROD"));
        assert!(!start(prod, "") && !start(prod, ":1"));
    }

    #[test]
    fn tags_and_versions_need_their_own_permissions() {
        let policy = r#"{"Statement": {"Effect": "Allow", "Action": ["states:Create*", "states:UpdateStateMachine"], "Resource": "*"}}"#;
        assert_eq!(refused(policy, "CreateActivity", r#"{"name":"a","tags":[]}"#), None);
        let tagged = refused(policy, "CreateActivity", r#"{"name":"a","tags":[{"key":"k"}]}"#).unwrap();
        assert!(
            tagged
                .contains("states:TagResource on resource: arn:aws:states:eu-west-1:123456789012:activity:a")
        );
        let published = refused(policy, "CreateStateMachine", r#"{"name":"m","publish":true}"#).unwrap();
        assert!(published.contains("states:PublishStateMachineVersion"));
        assert_eq!(refused(policy, "CreateStateMachine", r#"{"name":"m","publish":false}"#), None);
    }

    #[test]
    fn circumstances_are_told_to_conditions() {
        let check = |condition: &str| {
            let policy = format!(
                r#"{{"Statement": {{"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {condition}}}}}"#
            );
            refused(&policy, "ListActivities", "{}").is_none()
        };
        for (condition, expected) in [
            (r#"{"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}}"#, true),
            (r#"{"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}"#, false),
            (r#"{"Bool": {"aws:SecureTransport": "true"}}"#, false),
            (r#"{"StringEquals": {"aws:username": "ci", "aws:RequestedRegion": "eu-west-1"}}"#, true),
            (r#"{"StringEquals": {"aws:PrincipalAccount": "123456789012"}}"#, true),
            (r#"{"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:user/c*"}}"#, true),
            (r#"{"DateGreaterThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}}"#, true),
            (r#"{"NumericLessThan": {"aws:EpochTime": 1000000}}"#, false),
            (r#"{"Null": {"states:StateMachineQualifier": true}}"#, true),
        ] {
            assert_eq!(check(condition), expected, "{condition}");
        }
    }

    #[test]
    fn without_a_policy_no_operation_is_let_through() {
        let principal = Arc::new(Principal::new("123456789012", "ci", Vec::new()));
        let caller = Caller::verified(principal, "eu-west-1", Ipv4Addr::LOCALHOST.into(), false);
        for operation in crate::operations::ALL {
            let request = Request::parse(b"{}").unwrap();
            let exception = check(operation.name, &caller, &request).unwrap_err();
            let asked =
                format!("states:{} on resource: arn:aws:states:eu-west-1:123456789012:", operation.name);
            assert!(exception.message.contains(&asked), "{}", exception.message);
        }
    }

    #[test]
    fn only_operations_that_change_nothing_only_read() {
        let reads: Vec<&str> = crate::operations::ALL
            .iter()
            .map(|operation| operation.name)
            .filter(|name| only_reads(name))
            .collect();
        assert!(reads.contains(&"DescribeExecution") && reads.contains(&"GetExecutionHistory"));
        for changes in ["StartExecution", "GetActivityTask", "SendTaskSuccess", "StopExecution", "TestState"]
        {
            assert!(!reads.contains(&changes), "{changes}");
        }
    }
}
