//! The `[aws.SERVICE]` tables of the configuration file: where a service is, and in which region.
//!
//! ```toml
//! [aws.lambda]
//! endpoint = "http://127.0.0.1:4566"
//! region = "eu-central-1"
//! ```

use std::collections::BTreeMap;

use stepwell_integrations::{ServiceSettings, service_ids};

use super::nearest::nearest;
use crate::complaint::{Complaint, quoted};

/// The keys of a service.
const KEYS: [&str; 3] = ["endpoint", "region", "role"];

/// What `table` says of each service. `file` is named in complaints.
///
/// # Errors
///
/// A [`Complaint`] about a service or a key that is not known, or a value that is no text.
pub fn read(table: &toml::Table, file: &str) -> Result<BTreeMap<String, ServiceSettings>, Complaint> {
    table.iter().map(|(service, value)| Ok((service.clone(), read_service(service, value, file)?))).collect()
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
