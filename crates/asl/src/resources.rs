//! Which services a `Task` may call, and how.
//!
//! The optimized integrations are a fixed list of actions; other names are refused when a machine is
//! made (recorded: `dynamodb:query`). Calls by way of the AWS SDK (`aws-sdk:s3:getObject`) are taken by
//! their form, as there are thousands.
//!
//! Source: Developer Guide, "Integrating optimized services with Step Functions"; the required members
//! are measured with ValidateStateMachineDefinition.

use stepwell_model::{Pattern, Resource};

/// How an action can be waited for, beside its response.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Waits {
    No,
    /// `.sync`
    Sync,
    /// `.sync` and `.sync:2`
    Sync2AndToken,
    /// `.waitForTaskToken`
    Token,
    /// `.sync` and `.waitForTaskToken`
    SyncAndToken,
}

use Waits::{No, Sync, Sync2AndToken, SyncAndToken, Token};

/// Each optimized service with its actions.
const OPTIMIZED: &[(&str, &[(&str, Waits)])] = &[
    ("apigateway", &[("invoke", Token)]),
    (
        "athena",
        &[
            ("startQueryExecution", Sync),
            ("stopQueryExecution", No),
            ("getQueryExecution", No),
            ("getQueryResults", No),
        ],
    ),
    ("batch", &[("submitJob", Sync)]),
    ("bedrock", &[("invokeModel", Token), ("createModelCustomizationJob", SyncAndToken)]),
    (
        "codebuild",
        &[
            ("startBuild", Sync),
            ("stopBuild", No),
            ("batchDeleteBuilds", No),
            ("batchGetReports", No),
            ("startBuildBatch", Sync),
            ("stopBuildBatch", No),
            ("retryBuildBatch", Sync),
            ("deleteBuildBatch", No),
        ],
    ),
    ("databrew", &[("startJobRun", Sync)]),
    ("dynamodb", &[("getItem", No), ("putItem", No), ("deleteItem", No), ("updateItem", No)]),
    ("ecs", &[("runTask", SyncAndToken)]),
    (
        "eks",
        &[
            ("createCluster", Sync),
            ("deleteCluster", Sync),
            ("createNodegroup", Sync),
            ("deleteNodegroup", Sync),
            ("createFargateProfile", Sync),
            ("deleteFargateProfile", Sync),
            ("runJob", SyncAndToken),
            ("call", Token),
        ],
    ),
    (
        "elasticmapreduce",
        &[
            ("createCluster", Sync),
            ("terminateCluster", Sync),
            ("addStep", Sync),
            ("cancelStep", No),
            ("setClusterTerminationProtection", No),
            ("modifyInstanceFleetByName", No),
            ("modifyInstanceGroupByName", No),
        ],
    ),
    (
        "emr-containers",
        &[("createVirtualCluster", No), ("deleteVirtualCluster", Sync), ("startJobRun", Sync)],
    ),
    (
        "emr-serverless",
        &[
            ("createApplication", Sync),
            ("startApplication", Sync),
            ("stopApplication", Sync),
            ("deleteApplication", Sync),
            ("startJobRun", Sync),
            ("cancelJobRun", Sync),
        ],
    ),
    ("events", &[("putEvents", Token)]),
    ("glue", &[("startJobRun", Sync)]),
    ("http", &[("invoke", No)]),
    ("lambda", &[("invoke", Token)]),
    ("mediaconvert", &[("createJob", Sync)]),
    (
        "sagemaker",
        &[
            ("createTrainingJob", Sync),
            ("createTransformJob", Sync),
            ("createHyperParameterTuningJob", Sync),
            ("createLabelingJob", Sync),
            ("createProcessingJob", Sync),
            ("createModel", No),
            ("createEndpointConfig", No),
            ("createEndpoint", No),
            ("updateEndpoint", No),
        ],
    ),
    ("sns", &[("publish", Token)]),
    ("sqs", &[("sendMessage", Token)]),
    ("states", &[("startExecution", Sync2AndToken)]),
];

/// Services of which no list of actions is known here: only how they wait is checked.
const UNLISTED: &[&str] = &["bedrock-agentcore"];

/// Members that a request must have, by service and action.
const REQUIRED: &[(&str, &str, &[&str])] = &[
    ("lambda", "invoke", &["FunctionName"]),
    ("sqs", "sendMessage", &["QueueUrl", "MessageBody"]),
    ("sns", "publish", &["Message"]),
    ("dynamodb", "putItem", &["TableName", "Item"]),
    ("dynamodb", "getItem", &["TableName", "Key"]),
    ("states", "startExecution", &["StateMachineArn"]),
    ("events", "putEvents", &["Entries"]),
    ("ecs", "runTask", &["TaskDefinition"]),
    ("glue", "startJobRun", &["JobName"]),
];

/// All members that a request may have, by service and action, where they are known here: those of the
/// Developer Guide's pages on Lambda and Step Functions.
const SUPPORTED: &[(&str, &str, &[&str])] = &[
    (
        "lambda",
        "invoke",
        &["ClientContext", "FunctionName", "InvocationType", "LogType", "Payload", "Qualifier"],
    ),
    ("states", "startExecution", &["Input", "Name", "StateMachineArn", "TraceHeader"]),
];

/// Whether there is such a thing to call.
pub(crate) fn is_known(resource: &Resource) -> bool {
    let Resource::Service { service, action, pattern } = resource else { return true };
    let waits = match OPTIMIZED.iter().find(|(name, _)| *name == &**service) {
        Some((_, actions)) => match actions.iter().find(|(name, _)| *name == &**action) {
            Some((_, waits)) => *waits,
            None => return false,
        },
        None if service.starts_with("aws-sdk:") => Token,
        None if UNLISTED.contains(&&**service) => No,
        None => return false,
    };
    match pattern {
        Pattern::RequestResponse => true,
        Pattern::WaitForTaskToken => matches!(waits, Token | SyncAndToken | Sync2AndToken),
        Pattern::Sync { version: 2 } => waits == Sync2AndToken,
        Pattern::Sync { .. } => matches!(waits, Sync | SyncAndToken | Sync2AndToken),
    }
}

/// Whether a request to this resource may have the member, as far as that is known here.
pub(crate) fn supports(resource: &Resource, member: &str) -> bool {
    let Resource::Service { service, action, .. } = resource else { return true };
    let found = SUPPORTED.iter().find(|(name, of, _)| *name == &**service && *of == &**action);
    found.is_none_or(|(_, _, members)| members.contains(&member))
}

/// The members that a request to this resource must have.
pub(crate) fn required_members(resource: &Resource) -> &'static [&'static str] {
    let Resource::Service { service, action, .. } = resource else { return &[] };
    let found = REQUIRED.iter().find(|(name, of, _)| *name == &**service && *of == &**action);
    found.map_or(&[], |(_, _, members)| members)
}
