//! Whose the things are that callers name: ARNs in requests, ARNs in replies.
//!
//! The account of a caller comes from the credential, never from an ARN, and what belongs to
//! another account is refused alike whether it exists or not. Another region of the same account
//! is another world, where the thing does not exist.

use std::net::IpAddr;
use std::sync::Arc;

use stepwell_engine::{ActivityKey, ExecutionKey, ExpressKey, MachineKey, Place, TaggedKey, version_number};
pub(crate) use stepwell_engine::{execution_arn, machine_arn, qualified_arn};
use stepwell_model::{Arn, ArnResource, is_name};

use crate::Exception;
use crate::access::{Access, Principal};

/// The partition of AWS that all ARNs of ours are in, as the engine writes them.
const PARTITION: &str = "aws";

/// The longest trace header, in bytes.
const TRACE_HEADER_BYTES_MAX: usize = 256;

/// Who calls, and in which region.
#[derive(Debug, Clone, PartialEq)]
pub struct Caller {
    pub(crate) place: Place,
    /// Who it is and may do what; nobody in particular with an open server.
    pub(crate) access: Option<Access>,
    /// The trace that the call is part of.
    pub(crate) trace_header: Option<Arc<str>>,
}

impl Caller {
    /// A caller of `account` (twelve digits) in `region` (such as `us-east-1`).
    pub fn new(account: impl Into<Arc<str>>, region: impl Into<Arc<str>>) -> Caller {
        let place = Place { account: account.into(), region: region.into() };
        Caller { place, access: None, trace_header: None }
    }

    /// A caller who has proved to be `principal`, whose call came from `source_ip`, over TLS if
    /// `secure`. Only what the principal's policies allow is done.
    pub fn verified(
        principal: Arc<Principal>,
        region: impl Into<Arc<str>>,
        source_ip: IpAddr,
        secure: bool,
    ) -> Caller {
        let place = Place { account: principal.account().clone(), region: region.into() };
        Caller { place, access: Some(Access { principal, source_ip, secure }), trace_header: None }
    }

    /// The caller's ARN: the user's, or that of the account's root with an open server.
    pub fn arn(&self) -> String {
        match &self.access {
            Some(access) => access.principal.arn(),
            None => format!("arn:aws:iam::{}:root", self.place.account),
        }
    }

    /// The name of the user, if one has been proved.
    pub fn user(&self) -> Option<&str> {
        self.access.as_ref().map(|access| access.principal.user())
    }

    /// The same caller in the midst of a trace: what stood in `X-Amzn-Trace-Id`, which wins over the
    /// member `traceHeader`. What is not of that member's form is passed over.
    pub fn traced(self, trace_header: Option<&str>) -> Caller {
        let trace_header =
            trace_header.filter(|header| header.is_ascii() && header.len() <= TRACE_HEADER_BYTES_MAX);
        Caller { trace_header: trace_header.map(Arc::from), ..self }
    }

    /// The caller's account.
    pub fn account(&self) -> &str {
        &self.place.account
    }

    /// The region that the caller addressed.
    pub fn region(&self) -> &str {
        &self.place.region
    }
}

/// A state machine as a caller named it.
#[derive(Debug)]
pub(crate) struct NamedMachine {
    pub(crate) key: MachineKey,
    /// The label of a distributed Map.
    pub(crate) label: Option<String>,
    /// A version or an alias.
    pub(crate) qualifier: Option<Arc<str>>,
}

impl NamedMachine {
    /// The machine itself, for an operation that is not for versions and aliases: to it they are
    /// machines that do not exist (recorded for UpdateStateMachine). The label of a distributed Map
    /// is refused.
    pub(crate) fn unqualified(self, arn: &str, action: &str) -> Result<MachineKey, Exception> {
        match self.unlabeled(action)? {
            (key, None) => Ok(key),
            (_, Some(_)) => Err(Exception::no_such_machine(arn)),
        }
    }

    /// The machine, and the version or the alias that was named, for an operation that is not for
    /// distributed Maps.
    pub(crate) fn unlabeled(self, action: &str) -> Result<(MachineKey, Option<Arc<str>>), Exception> {
        match self.label {
            None => Ok((self.key, self.qualifier)),
            Some(_) => Err(Exception::labeled_arn(action)),
        }
    }

    /// The machine and the number of the version that was named.
    pub(crate) fn version(self, arn: &str, action: &str) -> Result<(MachineKey, u64), Exception> {
        let (key, qualifier) = self.unlabeled(action)?;
        match qualifier.and_then(|qualifier| version_number(&qualifier)) {
            Some(number) => Ok((key, number)),
            // Not recorded.
            None => Err(Exception::invalid_arn(&format!("Not a state machine version ARN: {arn}"))),
        }
    }

    /// The machine and the alias that was named.
    pub(crate) fn alias(self, arn: &str, action: &str) -> Result<(MachineKey, Arc<str>), Exception> {
        let (key, qualifier) = self.unlabeled(action)?;
        match qualifier.filter(|qualifier| version_number(qualifier).is_none()) {
            Some(name) => Ok((key, name)),
            // Not recorded.
            None => Err(Exception::invalid_arn(&format!("Not a state machine alias ARN: {arn}"))),
        }
    }
}

/// The ARN of a version.
pub(crate) fn version_arn(key: &MachineKey, number: u64) -> String {
    qualified_arn(key, &number.to_string())
}

/// The machine that `arn` names for `caller`, who wants to do `action` to it.
pub(crate) fn machine(caller: &Caller, arn: &str, action: &str) -> Result<NamedMachine, Exception> {
    let parsed = parse(caller, arn, action)?;
    let here = is_here(caller, &parsed);
    match parsed.resource {
        ArnResource::StateMachine { name, label, qualifier } if here => {
            let key = MachineKey { place: caller.place.clone(), name: name.into() };
            Ok(NamedMachine { key, label: label.map(str::to_owned), qualifier: qualifier.map(Arc::from) })
        }
        ArnResource::StateMachine { .. } => Err(Exception::no_such_machine(arn)),
        other => Err(wrong_resource(&other)),
    }
}

/// The execution that `arn` names. Those of Express machines are refused, as with AWS.
pub(crate) fn execution(caller: &Caller, arn: &str, action: &str) -> Result<ExecutionKey, Exception> {
    let parsed = parse(caller, arn, action)?;
    let here = is_here(caller, &parsed);
    match parsed.resource {
        ArnResource::Execution { machine, name } if here => {
            let machine = MachineKey { place: caller.place.clone(), name: machine.into() };
            Ok(ExecutionKey { machine, name: name.into() })
        }
        ArnResource::Execution { .. } => Err(Exception::no_such_execution(arn)),
        other => Err(wrong_resource(&other)),
    }
}

/// The machine that `arn` names, for an operation that calls all that is missing a resource: also a
/// machine of another region.
pub(crate) fn machine_resource(caller: &Caller, arn: &str, action: &str) -> Result<NamedMachine, Exception> {
    machine(caller, arn, action).map_err(|exception| match exception.kind {
        crate::ExceptionKind::StateMachineDoesNotExist => Exception::no_such_resource(arn),
        _ => exception,
    })
}

/// What can have tags: a machine or an activity. Versions and aliases cannot (recorded).
pub(crate) fn tagged(caller: &Caller, arn: &str, action: &str) -> Result<TaggedKey, Exception> {
    let parsed = parse(caller, arn, action)?;
    let here = is_here(caller, &parsed);
    let place = caller.place.clone();
    match parsed.resource {
        ArnResource::StateMachine { name, label: None, qualifier: None } if here => {
            Ok(TaggedKey::Machine(MachineKey { place, name: name.into() }))
        }
        ArnResource::Activity { name } if here => {
            Ok(TaggedKey::Activity(ActivityKey { place, name: name.into() }))
        }
        ArnResource::StateMachine { .. } | ArnResource::Activity { .. } => {
            Err(Exception::no_such_resource(arn))
        }
        other => Err(wrong_resource(&other)),
    }
}

/// Refuses what is no ARN of a Map Run, and then says that there is none: Map Runs are not there yet.
pub(crate) fn no_map_run(caller: &Caller, arn: &str, action: &str) -> Exception {
    match parse(caller, arn, action) {
        Err(exception) => exception,
        Ok(parsed) => match parsed.resource {
            ArnResource::MapRun { .. } => Exception::no_such_resource(arn),
            other => wrong_resource(&other),
        },
    }
}

/// The Express execution that `arn` names.
pub(crate) fn express(caller: &Caller, arn: &str, action: &str) -> Result<ExpressKey, Exception> {
    let parsed = parse(caller, arn, action)?;
    let here = is_here(caller, &parsed);
    match parsed.resource {
        ArnResource::Express { machine, name, id } if here => {
            let machine = MachineKey { place: caller.place.clone(), name: machine.into() };
            Ok(ExpressKey { machine, name: name.into(), id: id.into() })
        }
        ArnResource::Express { .. } => Err(Exception::no_such_execution(arn)),
        other => Err(wrong_resource(&other)),
    }
}

/// The name of the activity that `arn` names.
pub(crate) fn activity(caller: &Caller, arn: &str, action: &str) -> Result<Arc<str>, Exception> {
    let parsed = parse(caller, arn, action)?;
    let here = is_here(caller, &parsed);
    match parsed.resource {
        ArnResource::Activity { name } if here => Ok(name.into()),
        ArnResource::Activity { .. } => Err(Exception::no_such_activity(arn)),
        other => Err(wrong_resource(&other)),
    }
}

fn parse<'a>(caller: &Caller, arn: &'a str, action: &str) -> Result<Arn<'a>, Exception> {
    let parsed = Arn::parse(arn).map_err(|error| Exception::invalid_arn(&error.to_string()))?;
    if *parsed.account != *caller.place.account {
        return Err(access_denied(caller, arn, action));
    }
    Ok(parsed)
}

fn is_here(caller: &Caller, arn: &Arn<'_>) -> bool {
    *arn.region == *caller.place.region && arn.partition == PARTITION
}

fn access_denied(caller: &Caller, arn: &str, action: &str) -> Exception {
    let user = caller.arn();
    let message = format!(
        "User: {user} is not authorized to perform: states:{action} on resource: {arn} \
         because no resource-based policy allows the states:{action} action"
    );
    Exception::new(crate::ExceptionKind::AccessDenied, message)
}

fn wrong_resource(resource: &ArnResource<'_>) -> Exception {
    let kind = match resource {
        ArnResource::StateMachine { .. } => "stateMachine",
        ArnResource::Execution { .. } => "execution",
        ArnResource::Express { .. } => "express",
        ArnResource::Activity { .. } => "activity",
        ArnResource::MapRun { .. } => "mapRun",
    };
    Exception::invalid_arn(&format!("Resource type not valid in this context: {kind}"))
}

/// The name for a new thing, if it is one.
pub(crate) fn new_name(name: &Arc<str>) -> Result<Arc<str>, Exception> {
    if is_name(name) { Ok(name.clone()) } else { Err(Exception::invalid_name(name)) }
}

/// Refuses what is no ARN of an IAM role.
pub(crate) fn check_role(arn: &str) -> Result<(), Exception> {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    match parts[..] {
        ["arn", partition, "iam", "", _, resource]
            if !partition.is_empty() && resource.starts_with("role/") =>
        {
            Ok(())
        }
        // Not recorded: written from memory of AWS's text.
        _ => Err(Exception::new(crate::ExceptionKind::InvalidArn, format!("Invalid Role Arn: '{arn}'"))),
    }
}

/// The ARN of an activity.
pub(crate) fn activity_arn(place: &Place, name: &str) -> String {
    let Place { account, region } = place;
    format!("arn:{PARTITION}:states:{region}:{account}:activity:{name}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn check(arn: &str, expected: Expect) {
        let caller = Caller::new("123456789012", "eu-west-1");
        match machine(&caller, arn, "DescribeStateMachine") {
            Ok(named) => {
                expected.assert_eq(&format!("{} {:?} {:?}", named.key.name, named.label, named.qualifier))
            }
            Err(exception) => expected.assert_eq(&exception.to_json()),
        }
    }

    #[test]
    fn a_machine_is_named_by_an_arn_of_the_callers_own() {
        check("arn:aws:states:eu-west-1:123456789012:stateMachine:a", expect!["a None None"]);
        check("arn:aws:states:eu-west-1:123456789012:stateMachine:a:3", expect![[r#"a None Some("3")"#]]);
        check("arn:aws:states:eu-west-1:123456789012:stateMachine:a/L", expect![[r#"a Some("L") None"#]]);
        check(
            "no_arn",
            expect![[r#"{"__type":"InvalidArn","message":"Invalid Arn: 'Invalid ARN prefix: no_arn'"}"#]],
        );
        check(
            "arn:aws:states:eu-west-1:123456789012:express:a:b:c",
            expect![[
                r#"{"__type":"InvalidArn","message":"Invalid Arn: 'Resource type not valid in this context: express'"}"#
            ]],
        );
        check(
            "arn:aws:states:us-east-1:123456789012:stateMachine:a",
            expect![[
                r#"{"__type":"StateMachineDoesNotExist","message":"State Machine Does Not Exist: 'arn:aws:states:us-east-1:123456789012:stateMachine:a'"}"#
            ]],
        );
        check(
            "arn:aws:states:eu-west-1:210987654321:stateMachine:a",
            expect![[
                r#"{"__type":"AccessDeniedException","message":"User: arn:aws:iam::123456789012:root is not authorized to perform: states:DescribeStateMachine on resource: arn:aws:states:eu-west-1:210987654321:stateMachine:a because no resource-based policy allows the states:DescribeStateMachine action"}"#
            ]],
        );
    }

    #[test]
    fn a_role_is_named_by_an_arn_of_iam() {
        assert!(check_role("arn:aws:iam::012345678901:role/DummyRole").is_ok());
        assert!(check_role("arn:aws:iam::012345678901:role/path/x").is_ok());
        for bad in ["role", "arn:aws:iam::012345678901:user/x", "arn:aws:states:r:1:stateMachine:x"] {
            assert_eq!(check_role(bad).unwrap_err().message, format!("Invalid Role Arn: '{bad}'"));
        }
    }
}
