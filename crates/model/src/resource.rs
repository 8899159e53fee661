//! What a `Task` state's `Resource` names.

use std::sync::Arc;

use crate::EntityId;

/// How a task waits for its target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Pattern {
    /// Goes on after the response.
    RequestResponse,
    /// Waits until the job that was started has ended; `.sync:2` also parses a child's output.
    Sync {
        /// 1 for `.sync`, 2 for `.sync:2`.
        version: u8,
    },
    /// Waits until somebody returns the task token.
    WaitForTaskToken,
}

/// The `Resource` of a `Task`, taken apart.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Resource {
    /// An activity, by its ARN.
    Activity {
        /// The whole ARN.
        arn: Arc<str>,
    },
    /// A Lambda function, by its ARN (unqualified, or with a version or an alias).
    LambdaFunction {
        /// The whole ARN.
        arn: Arc<str>,
    },
    /// `arn:aws:states:::lambda:invoke` and its kin.
    Service {
        /// What history events call `resourceType`, such as `lambda` or `aws-sdk:s3`.
        service: Arc<str>,
        /// The API action, such as `invoke`.
        action: Arc<str>,
        /// How the task waits.
        pattern: Pattern,
    },
}

impl Resource {
    /// Reads the `Resource` field. `None` if it is nothing that AWS knows the form of.
    pub fn parse(text: &str) -> Option<Resource> {
        let mut parts = text.splitn(6, ':');
        if parts.next() != Some("arn") {
            return None;
        }
        let _partition = parts.next().filter(|partition| !partition.is_empty())?;
        let (service, region, account, rest) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        match (service, region, account) {
            ("states", "", "") => Resource::parse_service(rest),
            ("states", _, _) => {
                let name = rest.strip_prefix("activity:")?;
                crate::is_name(name).then(|| Resource::Activity { arn: text.into() })
            }
            ("lambda", _, _) => {
                rest.strip_prefix("function:").filter(|name| !name.is_empty())?;
                Some(Resource::LambdaFunction { arn: text.into() })
            }
            _ => None,
        }
    }

    fn parse_service(rest: &str) -> Option<Resource> {
        let (rest, pattern) = if let Some(rest) = rest.strip_suffix(".waitForTaskToken") {
            (rest, Pattern::WaitForTaskToken)
        } else if let Some(rest) = rest.strip_suffix(".sync:2") {
            (rest, Pattern::Sync { version: 2 })
        } else if let Some(rest) = rest.strip_suffix(".sync") {
            (rest, Pattern::Sync { version: 1 })
        } else {
            (rest, Pattern::RequestResponse)
        };
        let (service, action) = rest.rsplit_once(':')?;
        let plain =
            |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        let service_plain = service.strip_prefix("aws-sdk:").unwrap_or(service);
        (plain(service_plain) && plain(action)).then(|| Resource::Service {
            service: service.into(),
            action: action.into(),
            pattern,
        })
    }

    /// What history events call `resource`: the action with its pattern, or the ARN.
    pub fn event_resource(&self) -> String {
        match self {
            Resource::Activity { arn } | Resource::LambdaFunction { arn } => arn.to_string(),
            Resource::Service { action, pattern, .. } => match pattern {
                Pattern::RequestResponse => action.to_string(),
                Pattern::Sync { version: 2 } => format!("{action}.sync:2"),
                Pattern::Sync { .. } => format!("{action}.sync"),
                Pattern::WaitForTaskToken => format!("{action}.waitForTaskToken"),
            },
        }
    }

    /// Whether the task ends only when its token comes back.
    pub fn waits_for_token(&self) -> bool {
        match self {
            Resource::Activity { .. } => true,
            Resource::LambdaFunction { .. } => false,
            Resource::Service { pattern, .. } => *pattern == Pattern::WaitForTaskToken,
        }
    }
}

/// The durable identity of a step attempt: its execution and the event that scheduled it. Each
/// attempt has a `…Scheduled` event of its own, and event ids never repeat within an execution,
/// redrives included, so the pair stands for execution, redrive count, entry event and attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TaskRef {
    /// The execution.
    pub execution: EntityId,
    /// The id of the `…Scheduled` event of this attempt.
    pub scheduled_event_id: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resources_are_told_apart() {
        let service = |text| match Resource::parse(text) {
            Some(Resource::Service { service, action, pattern }) => format!("{service} {action} {pattern:?}"),
            other => format!("{other:?}"),
        };
        assert_eq!(service("arn:aws:states:::lambda:invoke"), "lambda invoke RequestResponse");
        assert_eq!(
            service("arn:aws:states:::sqs:sendMessage.waitForTaskToken"),
            "sqs sendMessage WaitForTaskToken"
        );
        assert_eq!(
            service("arn:aws:states:::states:startExecution.sync:2"),
            "states startExecution Sync { version: 2 }"
        );
        assert_eq!(service("arn:aws:states:::aws-sdk:s3:getObject"), "aws-sdk:s3 getObject RequestResponse");
        assert!(matches!(
            Resource::parse("arn:aws:states:us-east-1:123456789012:activity:approve"),
            Some(Resource::Activity { .. })
        ));
        assert!(matches!(
            Resource::parse("arn:aws:lambda:us-east-1:123456789012:function:charge:PROD"),
            Some(Resource::LambdaFunction { .. })
        ));
        for bad in ["", "charge", "arn:aws:states:::", "arn:aws:states:::lambda", "arn:aws:s3:::bucket"] {
            assert_eq!(Resource::parse(bad), None, "{bad}");
        }
    }
}
