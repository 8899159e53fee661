//! The configuration objects of a state machine, and what of them this release can honour.
//!
//! `loggingConfiguration` and `tracingConfiguration` are checked, brought into one form (so that
//! equal ones compare equal) and kept for `Describe…`. What cannot be honoured and would be missed
//! is refused: tags, versions, keys of one's own.

use crate::exception::{Exception, ExceptionKind};
use crate::reply::Reply;
use crate::request::{Members, Text};

/// What AWS shows when nothing was configured.
pub(crate) const LOGGING_DEFAULT: &str = r#"{"level":"OFF","includeExecutionData":false}"#;
/// What AWS shows when nothing was configured.
pub(crate) const TRACING_DEFAULT: &str = r#"{"enabled":false}"#;
/// What AWS shows for everything that has no key of its own.
pub(crate) const ENCRYPTION_DEFAULT: &str = r#"{"type":"AWS_OWNED_KEY"}"#;

/// Where logs go, as a caller asked for it.
pub(crate) struct Logging {
    level: &'static str,
    with_data: bool,
    destinations: Vec<Option<String>>,
}

/// Reads `loggingConfiguration`.
pub(crate) fn logging(members: &mut Members<'_>) -> Option<Logging> {
    members.nested("loggingConfiguration", |logging| Logging {
        level: logging.choice("level", &["ALL", "ERROR", "FATAL", "OFF"]).unwrap_or("OFF"),
        with_data: logging.flag("includeExecutionData").unwrap_or(false),
        destinations: logging
            .list("destinations", |destination| {
                destination
                    .nested("cloudWatchLogsLogGroup", |group| {
                        group.text("logGroupArn", &Text::ARN).map(|arn| arn.to_string())
                    })
                    .flatten()
            })
            .unwrap_or_default(),
    })
}

impl Logging {
    /// The one form of this configuration, as JSON text.
    ///
    /// Recorded: any level but `OFF` wants exactly one destination; that the log group exists is
    /// not checked, because there is none here to ask.
    pub(crate) fn into_json(self) -> Result<String, Exception> {
        let invalid = |what: &str| {
            Exception::new(
                ExceptionKind::InvalidLoggingConfiguration,
                format!("Invalid Logging Configuration: {what}"),
            )
        };
        if self.level != "OFF" && self.destinations.len() != 1 {
            return Err(invalid("Must specify exactly one Log Destination."));
        }
        let arns: Option<Vec<String>> = self.destinations.into_iter().collect();
        let arns = arns.ok_or_else(|| invalid("A Log Destination must name a CloudWatch log group."))?;
        if let Some(arn) = arns.iter().find(|arn| !is_log_group(arn)) {
            return Err(invalid(&format!("'{arn}' is not the ARN of a log group that ends with ':*'.")));
        }
        let mut json = Reply::object();
        json.text("level", self.level);
        json.flag("includeExecutionData", self.with_data);
        if !arns.is_empty() {
            json.list("destinations", |list| {
                for arn in &arns {
                    list.item(|item| {
                        item.nested("cloudWatchLogsLogGroup", |group| group.text("logGroupArn", arn));
                    });
                }
            });
        }
        Ok(json.finish())
    }
}

fn is_log_group(arn: &str) -> bool {
    let mut parts = arn.splitn(6, ':');
    parts.next() == Some("arn")
        && parts.nth(1) == Some("logs")
        && parts.nth(2).is_some_and(|rest| rest.starts_with("log-group:") && rest.ends_with(":*"))
}

/// Reads `tracingConfiguration`, as JSON text.
pub(crate) fn tracing(members: &mut Members<'_>) -> Option<String> {
    let enabled = members.nested("tracingConfiguration", |tracing| tracing.flag("enabled"))?;
    Some(format!(r#"{{"enabled":{}}}"#, enabled.unwrap_or(false)))
}

/// Reads `encryptionConfiguration`; the answer is for after the check of all members. Only the key
/// of AWS, that is of ours, can be had.
pub(crate) fn encryption(members: &mut Members<'_>) -> Result<(), Exception> {
    let read = members.nested("encryptionConfiguration", |encryption| {
        encryption.require("type");
        encryption.text("kmsKeyId", &Text::KMS_KEY_ID);
        encryption.integer("kmsDataKeyReusePeriodSeconds", 60..=900);
        encryption.choice("type", &["AWS_OWNED_KEY", "CUSTOMER_MANAGED_KMS_KEY"])
    });
    match read.flatten() {
        Some("CUSTOMER_MANAGED_KMS_KEY") => Err(Exception::new(
            ExceptionKind::InvalidEncryptionConfiguration,
            "Invalid Encryption Configuration: CUSTOMER_MANAGED_KMS_KEY is not supported by this release of Stepwell",
        )),
        _ => Ok(()),
    }
}

/// Reads `tags`; the answer is for after the check of all members. Tags are not kept yet, so they
/// are refused.
pub(crate) fn tags(members: &mut Members<'_>) -> Result<(), Exception> {
    let tags = members.list("tags", |tag| {
        tag.text("key", &Text::TAG_KEY);
        tag.text("value", &Text::TAG_VALUE);
    });
    match tags {
        Some(tags) if !tags.is_empty() => Err(Exception::not_yet("The member 'tags'")),
        Some(_) | None => Ok(()),
    }
}

/// Reads `publish` and `versionDescription`; the answer is for after the check of all members.
pub(crate) fn publishing(members: &mut Members<'_>) -> Result<(), Exception> {
    let publish = members.flag("publish").unwrap_or(false);
    let description = members.text("versionDescription", &Text::VERSION_DESCRIPTION);
    if publish {
        return Err(Exception::not_yet("Publishing a version"));
    }
    match description {
        // Recorded.
        Some(_) => Err(Exception::validation("Version description can only be set when publish is true")),
        None => Ok(()),
    }
}
