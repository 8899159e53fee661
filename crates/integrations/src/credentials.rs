//! With what calls are signed: a key, and where it comes from.
//!
//! | source, the first that is there wins                        |                                 |
//! |-------------------------------------------------------------|---------------------------------|
//! | `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN` | used                      |
//! | a profile with `role_arn`, or with an SSO or console login  | not supported, and said so      |
//! | `AWS_WEB_IDENTITY_TOKEN_FILE`                               | not supported, and said so      |
//! | a profile with `aws_access_key_id`, `aws_secret_access_key`, `aws_session_token` | used       |
//! | a profile with `credential_process`                         | not supported, and said so      |
//! | `AWS_CONTAINER_CREDENTIALS_RELATIVE_URI`, `..._FULL_URI`    | not supported, and said so      |
//! | the metadata service of an EC2 instance                     | never asked                     |
//!
//! They are read once: keys that end after a while need a restart. Source: AWS SDKs and Tools
//! Reference Guide, "Standardized credential providers"; the order is that of botocore.

use std::ffi::OsString;
use std::fmt;

use crate::profile::Profile;
use crate::settings::{SettingsError, text};

/// A key of AWS.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Keys {
    pub id: String,
    pub secret: String,
    pub session_token: Option<String>,
}

impl Keys {
    /// Whether AWS could have given these. The keys `any` or `test` that people set for a server of
    /// their own must not send a mistyped function's input to AWS. Source: the API reference of IAM,
    /// `accessKeyIdType`, 16 to 128 characters.
    pub fn may_be_of_aws(&self) -> bool {
        (16..=128).contains(&self.id.len())
    }
}

/// Without the secret.
impl fmt::Debug for Keys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Keys").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Keys {
    /// For endpoints that take any signature. They are the words of the documentation of such
    /// endpoints; nothing about them is secret.
    pub fn placeholder() -> Keys {
        Keys { id: "test".to_owned(), secret: "test".to_owned(), session_token: None }
    }
}

/// What is known of credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Credentials {
    /// These.
    Keys(Keys),
    /// None are configured.
    None,
    /// Some are configured, in a way that is not supported: which one.
    Unsupported(String),
}

/// What a person can do about it.
pub(crate) const HINT: &str = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and AWS_SESSION_TOKEN)";

impl Credentials {
    /// The credentials of these variables and this profile.
    ///
    /// # Errors
    ///
    /// Half a key, and a profile that was chosen by name and signs in in a way that is not supported.
    pub fn read(
        variable: &dyn Fn(&str) -> Option<OsString>,
        profile: &Profile,
    ) -> Result<Credentials, SettingsError> {
        let said = |name: &str| text(variable, name);
        let names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY");
        let token = said("AWS_SESSION_TOKEN")?;
        if let Some(keys) = keys(said(names.0)?, said(names.1)?, token, names, "the environment")? {
            return Ok(Credentials::Keys(keys));
        }
        let of_profile = |what: &str| {
            let told = format!("profile {:?} {what}", profile.name);
            if profile.is_chosen {
                Err(SettingsError::new("credentials of this kind are not supported", told).hint(HINT))
            } else {
                Ok(Credentials::Unsupported(told))
            }
        };
        let has = |key: &str| profile.get(key).is_some();
        if has("role_arn") {
            return of_profile("assumes a role (role_arn)");
        }
        if has("sso_session") || has("sso_start_url") {
            return of_profile("signs in through SSO (IAM Identity Center)");
        }
        if has("login_session") {
            return of_profile("signs in through the console (login_session)");
        }
        if said("AWS_WEB_IDENTITY_TOKEN_FILE")?.is_some() {
            return Ok(Credentials::Unsupported("AWS_WEB_IDENTITY_TOKEN_FILE assumes a role".to_owned()));
        }
        let of = |key: &str| profile.get(key).map(str::to_owned);
        let names = ("aws_access_key_id", "aws_secret_access_key");
        let where_ = format!("profile {:?}", profile.name);
        if let Some(keys) = keys(of(names.0), of(names.1), of("aws_session_token"), names, &where_)? {
            return Ok(Credentials::Keys(keys));
        }
        if has("credential_process") {
            return of_profile("asks a program (credential_process)");
        }
        for name in ["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"] {
            if said(name)?.is_some() {
                return Ok(Credentials::Unsupported(format!("{name} asks the container's host")));
            }
        }
        Ok(Credentials::None)
    }
}

fn keys(
    id: Option<String>,
    secret: Option<String>,
    session_token: Option<String>,
    names: (&str, &str),
    place: &str,
) -> Result<Option<Keys>, SettingsError> {
    let half = |there: &str, missing: &str| {
        SettingsError::new("half a key", format!("{there} without {missing} in {place}"))
            .hint("give both or neither")
    };
    match (id, secret) {
        (Some(id), Some(secret)) => Ok(Some(Keys { id, secret, session_token })),
        (None, None) => Ok(None),
        (Some(_), None) => Err(half(names.0, names.1)),
        (None, Some(_)) => Err(half(names.1, names.0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(variables: &[(&str, &str)], config: &str) -> Result<Credentials, String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config");
        std::fs::write(&file, config).unwrap();
        let variable = |name: &str| match name {
            "AWS_CONFIG_FILE" => Some(file.clone().into_os_string()),
            name => variables.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into()),
        };
        let profile = Profile::read(&variable).map_err(|error| error.to_string())?;
        Credentials::read(&variable, &profile).map_err(|error| error.to_string())
    }

    fn keys(id: &str, secret: &str, token: Option<&str>) -> Result<Credentials, String> {
        let session_token = token.map(str::to_owned);
        Ok(Credentials::Keys(Keys { id: id.into(), secret: secret.into(), session_token }))
    }

    #[test]
    fn the_environment_wins_over_the_profile() {
        let config = "[default]\naws_access_key_id = a\naws_secret_access_key = b\naws_session_token = c";
        assert_eq!(check(&[], config), keys("a", "b", Some("c")));
        let variables = [("AWS_ACCESS_KEY_ID", "x"), ("AWS_SECRET_ACCESS_KEY", "y")];
        assert_eq!(check(&variables, config), keys("x", "y", None));
        assert_eq!(check(&[], ""), Ok(Credentials::None));
    }

    #[test]
    fn half_a_key_is_told() {
        assert_eq!(
            check(&[("AWS_ACCESS_KEY_ID", "x")], "").unwrap_err(),
            "half a key: AWS_ACCESS_KEY_ID without AWS_SECRET_ACCESS_KEY in the environment"
        );
        assert_eq!(
            check(&[], "[default]\naws_secret_access_key = y").unwrap_err(),
            "half a key: aws_secret_access_key without aws_access_key_id in profile \"default\""
        );
    }

    #[test]
    fn what_is_not_supported_is_named() {
        for (config, what) in [
            (
                "role_arn = r\nsource_profile = p\naws_access_key_id = a\naws_secret_access_key = b",
                "role_arn",
            ),
            ("sso_session = s", "SSO"),
            ("sso_start_url = s", "SSO"),
            ("login_session = s", "login_session"),
            ("credential_process = s", "credential_process"),
        ] {
            let told = check(&[], &format!("[default]\n{config}")).unwrap();
            assert!(matches!(&told, Credentials::Unsupported(told) if told.contains(what)), "{told:?}");
            // Whoever chooses the profile hears of it at the start.
            let chosen = check(&[("AWS_PROFILE", "dev")], &format!("[profile dev]\n{config}")).unwrap_err();
            let begins = "credentials of this kind are not supported: profile \"dev\" ";
            assert!(chosen.starts_with(begins) && chosen.contains(what), "{chosen}");
        }
        for name in ["AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_FULL_URI"] {
            let told = check(&[(name, "x")], "").unwrap();
            assert!(matches!(&told, Credentials::Unsupported(told) if told.contains(name)), "{told:?}");
        }
    }

    #[test]
    fn a_secret_is_never_shown() {
        let shown = format!("{:?}", keys("AKID", "hush", Some("token")));
        assert!(shown.contains("AKID") && !shown.contains("hush") && !shown.contains("token"), "{shown}");
    }
}
