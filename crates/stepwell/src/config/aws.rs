//! The `[aws.SERVICE]` tables of the configuration file: where a service is, and in which region.
//!
//! ```toml
//! [aws.lambda]
//! endpoint = "http://127.0.0.1:4566"
//! region = "eu-central-1"
//!
//! [aws.sfn]
//! allow = true
//! ```
//!
//! Step Functions is this server itself, so `[aws.sfn]` says only what state machines may do with it.

use std::collections::BTreeMap;

use stepwell_integrations::{ServiceSettings, service_ids};

use super::nearest::nearest;
use crate::complaint::{Complaint, quoted};

/// The keys of a service.
const KEYS: [&str; 3] = ["endpoint", "region", "role"];

/// The service that this server is.
const OWN: &str = "sfn";

/// Whether state machines may do everything within their account by calling this server, if `table`
/// says so. `file` is named in complaints.
///
/// # Errors
///
/// A [`Complaint`] about a key that is not known, or a value that is neither true nor false.
pub fn read_own_calls(table: &toml::Table, file: &str) -> Result<Option<bool>, Complaint> {
    let table = match table.get(OWN) {
        None => return Ok(None),
        Some(toml::Value::Table(table)) => table,
        Some(value) => {
            return Err(Complaint::usage("not a table", format!("{file}: aws.{OWN} = {value}"))
                .hint(format!("write [aws.{OWN}] and its keys below")));
        }
    };
    let mut allowed = None;
    for (key, value) in table {
        let shown = format!("{file}: aws.{OWN}.{key}");
        match (key.as_str(), value) {
            ("allow", toml::Value::Boolean(allow)) => allowed = Some(*allow),
            ("allow", other) => {
                return Err(Complaint::usage("neither yes nor no", format!("{shown} = {other}"))
                    .hint("give true or false"));
            }
            _ => {
                return Err(Complaint::usage("unknown configuration key", shown)
                    .hint(format!("did you mean aws.{OWN}.allow?")));
            }
        }
    }
    Ok(allowed)
}

/// What `table` says of each service but our own. `file` is named in complaints.
///
/// # Errors
///
/// A [`Complaint`] about a service or a key that is not known, or a value that is no text.
pub fn read(table: &toml::Table, file: &str) -> Result<BTreeMap<String, ServiceSettings>, Complaint> {
    let services = table.iter().filter(|(service, _)| *service != OWN);
    services.map(|(service, value)| Ok((service.clone(), read_service(service, value, file)?))).collect()
}

fn read_service(service: &str, value: &toml::Value, file: &str) -> Result<ServiceSettings, Complaint> {
    if !service_ids().any(|known| known == service) {
        let known = nearest(service, service_ids()).expect("there are services");
        return Err(Complaint::usage("unknown configuration key", format!("{file}: aws.{service}"))
            .hint(format!("did you mean aws.{known}?")));
    }
    let toml::Value::Table(table) = value else {
        return Err(Complaint::usage("not a table", format!("{file}: aws.{service} = {value}"))
            .hint(format!("write [aws.{service}] and its keys below")));
    };
    let mut settings = ServiceSettings::default();
    for (key, value) in table {
        let told = |what: &str| Complaint::usage(what, format!("{file}: aws.{service}.{key}"));
        let text = || match value.as_str() {
            Some(text) if !text.is_empty() => Ok(Some(text.to_owned())),
            Some(text) => Err(Complaint::usage(
                "an empty text",
                format!("{file}: aws.{service}.{key} = {}", quoted(text)),
            )
            .hint("leave the key out")),
            None => Err(Complaint::usage("not a text", format!("{file}: aws.{service}.{key} = {value}"))
                .hint("write it in quotes")),
        };
        match key.as_str() {
            "endpoint" => settings.endpoint = text()?,
            "region" => settings.region = text()?,
            "role" => {
                return Err(told("not supported yet")
                    .hint("roles are not assumed; give the keys themselves as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"));
            }
            _ => {
                let known = nearest(key, KEYS).expect("there are keys");
                return Err(
                    told("unknown configuration key").hint(format!("did you mean aws.{service}.{known}?"))
                );
            }
        }
    }
    Ok(settings)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<BTreeMap<String, ServiceSettings>, String> {
        read(&text.parse().unwrap(), "s.toml").map_err(|complaint| complaint.line())
    }

    #[test]
    fn a_service_has_an_endpoint_and_a_region() {
        let read = check("[lambda]\nendpoint = 'http://a'\nregion = 'b'").unwrap();
        let settings = ServiceSettings { endpoint: Some("http://a".into()), region: Some("b".into()) };
        assert_eq!(read, BTreeMap::from([("lambda".to_owned(), settings)]));
        assert_eq!(check(""), Ok(BTreeMap::new()));
    }

    #[test]
    fn calls_of_the_server_itself_are_allowed_or_not() {
        let own = |text: &str| read_own_calls(&text.parse().unwrap(), "s.toml").map_err(|error| error.line());
        assert_eq!(own(""), Ok(None));
        assert_eq!(own("[sfn]\nallow = true"), Ok(Some(true)));
        assert_eq!(check("[sfn]\nallow = true"), Ok(BTreeMap::new()));
        for (text, line) in [
            (
                "[sfn]\nallow = 'yes'",
                "error: neither yes nor no: s.toml: aws.sfn.allow = \"yes\". hint: give true or false.",
            ),
            (
                "[sfn]\nendpoint = 'http://a'",
                "error: unknown configuration key: s.toml: aws.sfn.endpoint. hint: did you mean aws.sfn.allow?",
            ),
            (
                "sfn = true",
                "error: not a table: s.toml: aws.sfn = true. hint: write [aws.sfn] and its keys below.",
            ),
        ] {
            assert_eq!(own(text).unwrap_err(), line);
        }
    }

    #[test]
    fn what_is_not_known_is_told() {
        for (text, line) in [
            (
                "[lamda]",
                "error: unknown configuration key: s.toml: aws.lamda. hint: did you mean aws.lambda?",
            ),
            (
                "lambda = 'http://a'",
                "error: not a table: s.toml: aws.lambda = \"http://a\". hint: write [aws.lambda] and its keys below.",
            ),
            (
                "[lambda]\nendpont = 'a'",
                "error: unknown configuration key: s.toml: aws.lambda.endpont. hint: did you mean aws.lambda.endpoint?",
            ),
            (
                "[lambda]\nregion = 3",
                "error: not a text: s.toml: aws.lambda.region = 3. hint: write it in quotes.",
            ),
            (
                "[lambda]\nregion = ''",
                "error: an empty text: s.toml: aws.lambda.region = \"\". hint: leave the key out.",
            ),
            (
                "[lambda]\nrole = 'r'",
                "error: not supported yet: s.toml: aws.lambda.role. hint: roles are not assumed; give the keys themselves as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.",
            ),
        ] {
            assert_eq!(check(text).unwrap_err(), line);
        }
    }
}
