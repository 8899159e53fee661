//! The configuration objects of a state machine or an activity.
//!
//! `loggingConfiguration` and `tracingConfiguration` are checked, brought into one form (so that
//! equal ones compare equal) and kept for `Describe…`, as `encryptionConfiguration` is. Tags and what
//! is to be published are read here too.

use std::sync::Arc;

use stepwell_engine::{Encryption, Published, TAGS_MAX, Tags};

use crate::exception::{Exception, ExceptionKind};
use crate::reply::Reply;
use crate::request::{Members, Text};

/// What AWS shows when nothing was configured.
pub(crate) const LOGGING_DEFAULT: &str = r#"{"level":"OFF","includeExecutionData":false}"#;
/// What AWS shows when nothing was configured.
pub(crate) const TRACING_DEFAULT: &str = r#"{"enabled":false}"#;

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
        let arns = arns.ok_or_else(|| invalid(NO_LOG_GROUP))?;
        if let Some(what) = arns.iter().find_map(|arn| wrong_log_group(arn)) {
            return Err(invalid(what));
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

/// Of a destination without an ARN, or with something else in its place.
const NO_LOG_GROUP: &str = "Must set valid CloudWatch Log Group ARN.";

/// What AWS says of an ARN that is not `arn:PARTITION:logs:REGION:ACCOUNT:log-group:NAME:*`; `None` of
/// one that is. That the texts of the first and the last are met in this order was seen from outside
/// (deployments that AWS refused); which of them a name with forbidden characters meets is not
/// recorded.
fn wrong_log_group(arn: &str) -> Option<&'static str> {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let ["arn", partition, service, region, account, resource] = parts[..] else { return Some(NO_LOG_GROUP) };
    let plain = |text: &str| {
        !text.is_empty()
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
    if service != "logs" || !resource.starts_with("log-group:") {
        return Some("Provided ARN is not CloudWatch Logs Log Group ARN.");
    }
    let Some(name) = resource["log-group:".len()..].strip_suffix(":*") else {
        return Some("Log Group ARN must be provided with '*' qualifier.");
    };
    // Source: the API reference of CloudWatch Logs, CreateLogGroup.
    let is_name = (1..=512).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_/#".contains(&byte));
    (!plain(partition) || !plain(region) || !is_account || !is_name).then_some(NO_LOG_GROUP)
}

/// Reads `tracingConfiguration`, as JSON text.
pub(crate) fn tracing(members: &mut Members<'_>) -> Option<String> {
    let enabled = members.nested("tracingConfiguration", |tracing| tracing.flag("enabled"))?;
    Some(format!(r#"{{"enabled":{}}}"#, enabled.unwrap_or(false)))
}

/// How long a data key is used again when the caller does not say, in seconds.
const REUSE_SECONDS: u32 = 300;

/// Reads `encryptionConfiguration`; the answer is for after the check of all members.
///
/// That the key exists is not checked, because there is none here to ask. The texts are not recorded.
pub(crate) fn encryption(members: &mut Members<'_>) -> Result<Option<Encryption>, Exception> {
    let read = members.nested("encryptionConfiguration", |encryption| {
        encryption.require("type");
        let key = encryption.text("kmsKeyId", &Text::KMS_KEY_ID).cloned();
        let reuse = encryption.integer("kmsDataKeyReusePeriodSeconds", 60..=900);
        let kind = encryption.choice("type", &["AWS_OWNED_KEY", "CUSTOMER_MANAGED_KMS_KEY"]);
        (kind, key, reuse)
    });
    let invalid = |what: &str| {
        let message = format!("Invalid Encryption Configuration: {what}");
        Err(Exception::new(ExceptionKind::InvalidEncryptionConfiguration, message))
    };
    let Some((kind, key, reuse)) = read else { return Ok(None) };
    match (kind, key) {
        (Some("CUSTOMER_MANAGED_KMS_KEY"), Some(kms_key_id)) => {
            let reuse_seconds = reuse.and_then(|reuse| u32::try_from(reuse).ok()).unwrap_or(REUSE_SECONDS);
            Ok(Some(Encryption::CustomerManagedKey { kms_key_id, reuse_seconds }))
        }
        (Some("CUSTOMER_MANAGED_KMS_KEY"), None) => {
            invalid("kmsKeyId must be specified when type is CUSTOMER_MANAGED_KMS_KEY")
        }
        (_, Some(_)) => invalid("kmsKeyId can only be specified when type is CUSTOMER_MANAGED_KMS_KEY"),
        (_, None) if reuse.is_some() => invalid(
            "kmsDataKeyReusePeriodSeconds can only be specified when type is CUSTOMER_MANAGED_KMS_KEY",
        ),
        (_, None) => Ok(Some(Encryption::AwsOwnedKey)),
    }
}

/// Writes `encryptionConfiguration`, as AWS shows it also when nothing was configured.
pub(crate) fn tell_encryption(encryption: &Encryption, reply: &mut Reply) {
    reply.nested("encryptionConfiguration", |out| match encryption {
        Encryption::AwsOwnedKey => out.text("type", "AWS_OWNED_KEY"),
        Encryption::CustomerManagedKey { kms_key_id, reuse_seconds } => {
            out.text("kmsKeyId", kms_key_id);
            out.number("kmsDataKeyReusePeriodSeconds", (*reuse_seconds).into());
            out.text("type", "CUSTOMER_MANAGED_KMS_KEY");
        }
    });
}

/// Reads `tags`, to be put together by [`Given::into_tags`] after the check of all members.
pub(crate) fn tags(members: &mut Members<'_>) -> Given {
    let tags = members.list("tags", |tag| {
        let key = tag.required("key", &Text::TAG_KEY);
        (key, tag.text("value", &Text::TAG_VALUE).cloned().unwrap_or_default())
    });
    Given(tags.unwrap_or_default())
}

/// Tags as a caller gave them.
pub(crate) struct Given(Vec<(Arc<str>, Arc<str>)>);

impl Given {
    /// The tags of the thing that `arn` names. A key that is given twice has its last value.
    ///
    /// The rules for characters are from the API reference of TagResource; the texts are not recorded.
    pub(crate) fn into_tags(self, arn: &str) -> Result<Tags, Exception> {
        let mut tags = Tags::default();
        for (key, value) in self.0 {
            if key.get(..4).is_some_and(|prefix| prefix.eq_ignore_ascii_case("aws:")) {
                let message = "aws: prefixed tag key names are not allowed for external use.";
                return Err(Exception::validation(message));
            }
            for text in [&key, &value] {
                if !text.chars().all(is_tag_character) {
                    let message = format!("The tag '{key}' contains characters that are not allowed in tags");
                    return Err(Exception::validation(message));
                }
            }
            tags.put(key, value);
        }
        if tags.len() > TAGS_MAX { Err(Exception::too_many_tags(arn)) } else { Ok(tags) }
    }
}

fn is_tag_character(character: char) -> bool {
    character.is_alphanumeric() || character.is_whitespace() || "_.:/=+-@".contains(character)
}

/// Reads `publish` and `versionDescription`; the answer is for after the check of all members.
pub(crate) fn publishing(members: &mut Members<'_>) -> Result<Option<Published>, Exception> {
    let publish = members.flag("publish").unwrap_or(false);
    let description = members.text("versionDescription", &Text::VERSION_DESCRIPTION).cloned();
    match (publish, description) {
        (true, description) => Ok(Some(Published { description })),
        // Recorded.
        (false, Some(_)) => {
            Err(Exception::validation("Version description can only be set when publish is true"))
        }
        (false, None) => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn logging(level: &'static str, destinations: &[Option<&str>]) -> Result<String, String> {
        let destinations = destinations.iter().map(|arn| arn.map(str::to_owned)).collect();
        let text = Logging { level, with_data: false, destinations }.into_json();
        text.map_err(|exception| exception.message)
    }

    #[test]
    fn a_well_formed_log_group_is_enough() {
        for name in ["g", "/aws/vendedlogs/states/Orders-Logs_1.a#b", "a/../b", &"n".repeat(512)] {
            let arn = format!("arn:aws-cn:logs:cn-north-1:123456789012:log-group:{name}:*");
            let json = logging("ERROR", &[Some(&arn)]).unwrap();
            let kept = stepwell_model::Logging::parse(&json).expect("what is kept can be read again");
            assert_eq!(&*kept.log_group_arn, arn);
        }
    }

    #[test]
    fn each_mistake_has_the_words_of_aws() {
        const NOT_VALID: &str = "Must set valid CloudWatch Log Group ARN.";
        const NOT_LOGS: &str = "Provided ARN is not CloudWatch Logs Log Group ARN.";
        const NO_STAR: &str = "Log Group ARN must be provided with '*' qualifier.";
        let long = format!("arn:aws:logs:r:123456789012:log-group:{}:*", "n".repeat(513));
        for (arn, expected) in [
            ("", NOT_VALID),
            ("orders", NOT_VALID),
            ("arn:aws:logs", NOT_VALID),
            ("arn:aws:s3:::bucket", NOT_LOGS),
            ("arn:aws:logs:r:123456789012:destination:d", NOT_LOGS),
            ("arn:aws:logs:r:123456789012:log-group:g", NO_STAR),
            ("arn:aws:logs:r:123456789012:log-group:g:log-stream:s", NO_STAR),
            ("arn:aws:logs:r:123456789012:log-group::*", NOT_VALID),
            ("arn:aws:logs:r:1234:log-group:g:*", NOT_VALID),
            ("arn:aws:logs:../r:123456789012:log-group:g:*", NOT_VALID),
            ("arn:aws:logs::123456789012:log-group:g:*", NOT_VALID),
            ("arn:aws:logs:r:123456789012:log-group:a b:*", NOT_VALID),
            ("arn:aws:logs:r:123456789012:log-group:a\0b:*", NOT_VALID),
            (&long, NOT_VALID),
        ] {
            let expected = Err(format!("Invalid Logging Configuration: {expected}"));
            assert_eq!(logging("ALL", &[Some(arn)]), expected, "{arn}");
        }
        let one = "Invalid Logging Configuration: Must specify exactly one Log Destination.";
        assert_eq!(logging("FATAL", &[]), Err(one.to_owned()));
        assert_eq!(logging("ALL", &[Some("a"), Some("b")]), Err(one.to_owned()));
        assert_eq!(logging("ALL", &[None]), Err(format!("Invalid Logging Configuration: {NOT_VALID}")));
        assert!(logging("OFF", &[]).is_ok());
    }
}
