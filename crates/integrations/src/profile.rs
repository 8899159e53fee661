//! The files that the AWS SDKs share: `~/.aws/config` and `~/.aws/credentials`.
//!
//! ```ini
//! [default]
//! region = eu-central-1
//!
//! [profile dev]
//! services = local
//! endpoint_url = http://127.0.0.1:4566
//!
//! [services local]
//! lambda =
//!   endpoint_url = http://127.0.0.1:3001
//! ```
//!
//! In `credentials` a section is the bare name of a profile. A key that is in both files counts as it
//! is in `credentials`. A file that is not there says nothing, nor does one at its usual place that
//! cannot be read: whoever wants it read names it.
//!
//! Source: AWS SDKs and Tools Reference Guide, "Using shared config and credentials files",
//! "Service-specific endpoints".

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use crate::settings::SettingsError;

/// A section of a file.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Section {
    values: BTreeMap<String, String>,
    /// The indented lines below a key without a value.
    nested: BTreeMap<String, BTreeMap<String, String>>,
}

/// The profile in use.
#[derive(Debug, Default)]
pub(crate) struct Profile {
    /// Its name.
    pub name: String,
    /// Whether it was asked for by `AWS_PROFILE`.
    pub is_chosen: bool,
    values: BTreeMap<String, String>,
    /// What its `services` section says, by service.
    services: BTreeMap<String, BTreeMap<String, String>>,
}

impl Profile {
    /// The profile that the variables choose.
    ///
    /// # Errors
    ///
    /// A file that cannot be understood, and a chosen profile that is in neither file.
    pub fn read(variable: &dyn Fn(&str) -> Option<OsString>) -> Result<Profile, SettingsError> {
        let config = read_file(variable, "AWS_CONFIG_FILE", "config")?;
        let credentials = read_file(variable, "AWS_SHARED_CREDENTIALS_FILE", "credentials")?;
        let chosen = crate::settings::text(variable, "AWS_PROFILE")?;
        let is_chosen = chosen.is_some();
        let name = chosen.unwrap_or_else(|| "default".to_owned());
        let in_config = [format!("profile {name}"), name.clone()]
            .into_iter()
            // Only the default may be without the word.
            .filter(|section| section.starts_with("profile ") || name == "default")
            .find_map(|section| config.get(&section));
        let in_credentials = credentials.get(&name);
        if is_chosen && in_config.is_none() && in_credentials.is_none() {
            return Err(SettingsError::new("no such profile", format!("AWS_PROFILE {name:?}"))
                .hint("it is a section of ~/.aws/config or ~/.aws/credentials, or of the files that AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE name"));
        }
        let mut values = in_config.map(|section| section.values.clone()).unwrap_or_default();
        values.extend(in_credentials.map(|section| section.values.clone()).unwrap_or_default());
        let services = match values.get("services") {
            None => BTreeMap::new(),
            Some(name) => match config.get(&format!("services {name}")) {
                Some(section) => section.nested.clone(),
                None => {
                    let subject = format!("services = {name}");
                    return Err(SettingsError::new("no such section in the AWS configuration", subject)
                        .hint(format!("write [services {name}] into the config file")));
                }
            },
        };
        Ok(Profile { name, is_chosen, values, services })
    }

    /// What the profile says under this key.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// What the profile says for one service.
    pub fn for_service(&self, service: &str, key: &str) -> Option<&str> {
        self.services.get(service)?.get(key).map(String::as_str).filter(|value| !value.is_empty())
    }
}

fn read_file(
    variable: &dyn Fn(&str) -> Option<OsString>,
    name: &str,
    usual: &str,
) -> Result<BTreeMap<String, Section>, SettingsError> {
    let home = variable("HOME").filter(|home| !home.is_empty()).map(PathBuf::from);
    let named = variable(name).filter(|path| !path.is_empty()).map(PathBuf::from);
    let is_named = named.is_some();
    let path = match (named, &home) {
        (Some(path), Some(home)) => match path.strip_prefix("~") {
            Ok(rest) => home.join(rest),
            Err(_) => path,
        },
        (Some(path), None) => path,
        (None, Some(home)) => home.join(".aws").join(usual),
        (None, None) => return Ok(BTreeMap::new()),
    };
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if is_named && error.kind() != std::io::ErrorKind::NotFound => {
            let subject = format!("{name} {}: {error}", path.display());
            return Err(SettingsError::new("cannot read the AWS configuration", subject));
        }
        Err(_) => return Ok(BTreeMap::new()),
    };
    parse(&text).map_err(|line| {
        let subject = format!("{}: line {line}", path.display());
        SettingsError::new("cannot understand the AWS configuration", subject)
            .hint("a line is [section], key = value, or a comment that begins with #")
    })
}

/// The sections of a file, by name, blanks in it made one; or the number of the line that is nothing.
fn parse(text: &str) -> Result<BTreeMap<String, Section>, usize> {
    let mut sections: BTreeMap<String, Section> = BTreeMap::new();
    let mut section: Option<String> = None;
    let mut parent: Option<String> = None;
    for (at, line) in text.lines().enumerate() {
        let bare = line.trim();
        if bare.is_empty() || bare.starts_with(['#', ';']) {
            continue;
        }
        if let Some(header) = bare.strip_prefix('[') {
            let (name, _) = header.split_once(']').ok_or(at + 1)?;
            let words: Vec<&str> =
                name.split_whitespace().map(|word| word.trim_matches(['"', '\''])).collect();
            let name = words.join(" ");
            sections.entry(name.clone()).or_default();
            (section, parent) = (Some(name), None);
            continue;
        }
        let (key, value) = bare.split_once('=').ok_or(at + 1)?;
        let (key, value) = (key.trim().to_ascii_lowercase(), without_comment(value).trim().to_owned());
        // A key before the first section belongs to no profile.
        let Some(section) = section.as_ref().and_then(|name| sections.get_mut(name)) else { continue };
        let is_indented = line.starts_with([' ', '\t']);
        match &parent {
            Some(parent) if is_indented => {
                section.nested.entry(parent.clone()).or_default().insert(key, value);
            }
            Some(_) | None => {
                parent = value.is_empty().then(|| key.clone());
                section.values.insert(key, value);
            }
        }
    }
    Ok(sections)
}

/// A comment after a value begins with a blank and `#` or `;`.
fn without_comment(value: &str) -> &str {
    let comments = [" #", " ;", "\t#", "\t;"];
    let end = comments.iter().filter_map(|mark| value.find(mark)).min();
    &value[..end.unwrap_or(value.len())]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The profile of these files, chosen by name or not.
    fn check(config: &str, credentials: &str, chosen: Option<&str>) -> Result<Profile, String> {
        let folder = tempfile::tempdir().unwrap();
        let aws = folder.path().join(".aws");
        std::fs::create_dir(&aws).unwrap();
        std::fs::write(aws.join("config"), config).unwrap();
        std::fs::write(aws.join("credentials"), credentials).unwrap();
        let home = folder.path().as_os_str().to_owned();
        let profile = Profile::read(&|name| match name {
            "HOME" => Some(home.clone()),
            "AWS_PROFILE" => chosen.map(OsString::from),
            _ => None,
        });
        profile.map_err(|error| error.to_string().replace(&folder.path().display().to_string(), "HOME"))
    }

    #[test]
    fn a_profile_is_gathered_from_both_files() {
        let config = "[default]\nregion = eu-west-1 # home\n[profile dev]\nregion=us-west-2\n";
        let credentials = "[dev]\naws_access_key_id = AK\naws_secret_access_key = s;#k\n";
        let profile = check(config, credentials, Some("dev")).unwrap();
        assert_eq!(profile.get("region"), Some("us-west-2"));
        assert_eq!(profile.get("aws_secret_access_key"), Some("s;#k"));
        let profile = check(config, credentials, None).unwrap();
        assert_eq!((profile.get("region"), profile.get("aws_access_key_id")), (Some("eu-west-1"), None));
        assert_eq!((profile.name.as_str(), profile.is_chosen), ("default", false));
    }

    #[test]
    fn a_services_section_speaks_of_one_service() {
        let config = "[profile dev]\nservices = local\nendpoint_url = http://a\n\
                      [services local]\nlambda =\n  endpoint_url = http://b\ns3 =\n  endpoint_url = http://c\n";
        let profile = check(config, "", Some("dev")).unwrap();
        assert_eq!(profile.for_service("lambda", "endpoint_url"), Some("http://b"));
        assert_eq!(profile.for_service("sqs", "endpoint_url"), None);
        assert_eq!(profile.get("endpoint_url"), Some("http://a"));
        let error = check("[default]\nservices = nowhere", "", None).unwrap_err();
        assert!(error.starts_with("no such section in the AWS configuration: "), "{error}");
    }

    #[test]
    fn a_profile_that_is_not_there_is_told_only_if_it_was_chosen() {
        assert!(check("", "", None).is_ok());
        assert_eq!(check("", "[other]", Some("dev")).unwrap_err(), "no such profile: AWS_PROFILE \"dev\"");
        // In the config file only the default may be without the word.
        assert!(check("[dev]", "", Some("dev")).is_err());
    }

    #[test]
    fn a_line_that_is_nothing_is_told_with_its_number() {
        assert_eq!(
            check("[default]\n# fine\nregion", "", None).unwrap_err(),
            "cannot understand the AWS configuration: HOME/.aws/config: line 3"
        );
        assert!(check("[default", "", None).unwrap_err().ends_with("line 1"));
    }
}
