//! Where a service is, in which region, and with what calls of it are signed.
//!
//! | endpoint, the first that is said wins                          |
//! |----------------------------------------------------------------|
//! | `[aws.SERVICE] endpoint` of our configuration file             |
//! | `AWS_ENDPOINT_URL_SERVICE`                                     |
//! | `AWS_ENDPOINT_URL`                                             |
//! | `endpoint_url` of the service in the profile's `services` section |
//! | `endpoint_url` of the profile                                  |
//! | AWS, if there are credentials that may be AWS's                |
//!
//! `AWS_IGNORE_CONFIGURED_ENDPOINT_URLS` switches off all but the first and the last. An
//! `AWS_ENDPOINT_URL` that is our own address means us, not the services behind us, and is passed over.
//!
//! The region of a call is that of the ARN it names; else `[aws.SERVICE] region`; else that of the
//! state machine; else `AWS_REGION`, `AWS_DEFAULT_REGION`, the profile's.
//!
//! Source: AWS SDKs and Tools Reference Guide, "Service-specific endpoints".

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use hyper::Uri;

use crate::credentials::{Credentials, HINT, Keys};
use crate::profile::Profile;
use crate::services::{self, Service};

/// A setting that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingsError {
    /// What is wrong, as a person reads it.
    pub what: String,
    /// What it is wrong with.
    pub subject: String,
    /// What to do about it; may be empty.
    pub hint: String,
}

impl SettingsError {
    pub(crate) fn new(what: &str, subject: impl Into<String>) -> SettingsError {
        SettingsError { what: what.to_owned(), subject: subject.into(), hint: String::new() }
    }

    pub(crate) fn hint(self, hint: impl Into<String>) -> SettingsError {
        SettingsError { hint: hint.into(), ..self }
    }
}

impl fmt::Display for SettingsError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.what, self.subject)
    }
}

impl std::error::Error for SettingsError {}

/// What our configuration file says of one service.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServiceSettings {
    /// Where it is: a URL.
    pub endpoint: Option<String>,
    /// In which region, if a call names none.
    pub region: Option<String>,
}

/// Everything there is to know about reaching services.
#[derive(Debug, Clone)]
pub struct Settings {
    endpoints: BTreeMap<&'static str, Endpoint>,
    regions: BTreeMap<&'static str, Arc<str>>,
    region: Option<Arc<str>>,
    credentials: Credentials,
}

/// Where a service is reached, for a person to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// Not at all.
    Nowhere,
    /// At this endpoint, or at AWS.
    At(String),
    /// It would be, but for the credentials, of which this is said.
    Blocked(String),
}

/// The scheme, host, port and first part of the path of an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Endpoint {
    /// Without a slash at the end.
    pub base: String,
    host: String,
    port: Option<u16>,
}

/// Where one call goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// The endpoint without a slash at the end.
    pub base: String,
    pub region: Arc<str>,
    pub keys: Keys,
}

impl Settings {
    /// What `configured` (by service), the variables that `variable` knows, and the files they lead to
    /// say together. `own_address` is where we listen ourselves.
    ///
    /// # Errors
    ///
    /// The first setting that cannot be used.
    pub fn read(
        configured: &BTreeMap<String, ServiceSettings>,
        variable: &dyn Fn(&str) -> Option<OsString>,
        own_address: Option<SocketAddr>,
    ) -> Result<Settings, SettingsError> {
        let profile = Profile::read(variable)?;
        let credentials = Credentials::read(variable, &profile)?;
        let ignores = match text(variable, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")? {
            Some(said) => said.eq_ignore_ascii_case("true"),
            None => profile
                .get("ignore_configured_endpoint_urls")
                .is_some_and(|said| said.eq_ignore_ascii_case("true")),
        };
        let mut endpoints = BTreeMap::new();
        let mut regions = BTreeMap::new();
        for service in services::ALL {
            let ours = configured.get(service.id);
            let region = ours.and_then(|ours| ours.region.as_deref());
            if let Some(region) =
                region.map(|region| read_region(region, &format!("[aws.{}] region", service.id)))
            {
                regions.insert(service.id, region?);
            }
            if let Some(endpoint) = ours.and_then(|ours| ours.endpoint.as_deref()) {
                endpoints.insert(
                    service.id,
                    Endpoint::parse(endpoint, &format!("[aws.{}] endpoint", service.id))?,
                );
                continue;
            }
            if ignores {
                continue;
            }
            let name = format!("AWS_ENDPOINT_URL_{}", service.id.to_uppercase());
            let of_profile = format!("profile {:?}: endpoint_url", profile.name);
            // The general ones last: they may mean ourselves.
            let candidates = [
                (text(variable, &name)?, name, true),
                (text(variable, "AWS_ENDPOINT_URL")?, "AWS_ENDPOINT_URL".to_owned(), false),
                (
                    profile.for_service(service.id, "endpoint_url").map(str::to_owned),
                    of_profile.clone(),
                    true,
                ),
                (profile.get("endpoint_url").map(str::to_owned), of_profile, false),
            ];
            for (said, place, is_meant) in candidates {
                let Some(said) = said else { continue };
                let endpoint = Endpoint::parse(&said, &place)?;
                if is_meant || !own_address.is_some_and(|own| endpoint.is_at(own)) {
                    endpoints.insert(service.id, endpoint);
                    break;
                }
            }
        }
        let mut region = None;
        for name in ["AWS_REGION", "AWS_DEFAULT_REGION"] {
            if region.is_none() {
                region = text(variable, name)?.map(|said| read_region(&said, name)).transpose()?;
            }
        }
        let of_profile =
            profile.get("region").map(|said| read_region(said, "region of the profile")).transpose()?;
        Ok(Settings { endpoints, regions, region: region.or(of_profile), credentials })
    }

    /// Settings with which nothing is reached.
    pub fn nowhere() -> Settings {
        Settings {
            endpoints: BTreeMap::new(),
            regions: BTreeMap::new(),
            region: None,
            credentials: Credentials::None,
        }
    }

    /// The region that the variables or the profile name.
    pub fn region(&self) -> Option<&str> {
        self.region.as_deref()
    }

    /// Where a service is reached, by its id, such as `lambda`.
    pub fn reach(&self, service: &str) -> Reach {
        match (self.endpoints.get(service), &self.credentials) {
            (_, Credentials::Unsupported(told)) => Reach::Blocked(told.clone()),
            (Some(endpoint), Credentials::Keys(_) | Credentials::None) => Reach::At(endpoint.base.clone()),
            (None, Credentials::Keys(keys)) if keys.may_be_of_aws() => Reach::At("AWS".to_owned()),
            (None, Credentials::Keys(_) | Credentials::None) => Reach::Nowhere,
        }
    }

    /// Where a call goes that names this region or none. `None` if the service is reached nowhere.
    ///
    /// # Errors
    ///
    /// Why it cannot be sent.
    pub(crate) fn place(
        &self,
        service: &Service,
        named_region: Option<&str>,
        machine_region: &str,
    ) -> Option<Result<Place, String>> {
        let endpoint = self.endpoints.get(service.id);
        let keys = match (&self.credentials, endpoint) {
            (Credentials::Keys(keys), Some(_)) => keys.clone(),
            (Credentials::Keys(keys), None) if keys.may_be_of_aws() => keys.clone(),
            (Credentials::Keys(_), None) => return None,
            // Endpoints of one's own take any signature; that it is there many of them want.
            (Credentials::None, Some(_)) => Keys::placeholder(),
            (Credentials::None, None) => return None,
            (Credentials::Unsupported(told), _) => {
                return Some(Err(format!(
                    "Unable to load AWS credentials: {told}, which is not supported; {HINT}."
                )));
            }
        };
        let said = |text: &str| (!text.is_empty()).then(|| Arc::from(text));
        let region = named_region
            .and_then(said)
            .or_else(|| self.regions.get(service.id).cloned())
            .or_else(|| said(machine_region))
            .or_else(|| self.region.clone());
        let Some(region) = region else {
            return Some(Err("Unable to find a region; set AWS_REGION.".to_owned()));
        };
        // It becomes a part of a host name.
        if !is_region(&region) {
            return Some(Err(format!("Unable to use the region {region:?}.")));
        }
        let base = match endpoint {
            Some(endpoint) => endpoint.base.clone(),
            None => format!("https://{}.{region}.{}", service.host, suffix(&region)),
        };
        Some(Ok(Place { base, region, keys }))
    }
}

impl Endpoint {
    fn parse(url: &str, place: &str) -> Result<Endpoint, SettingsError> {
        let bad = || {
            SettingsError::new("not an endpoint", format!("{place} {url:?}"))
                .hint("give a URL such as http://127.0.0.1:4566")
        };
        let uri: Uri = url.trim().parse().map_err(|_| bad())?;
        let scheme = uri.scheme_str().filter(|scheme| ["http", "https"].contains(scheme)).ok_or_else(bad)?;
        let authority = uri.authority().ok_or_else(bad)?;
        // Credentials in a URL would end up in logs.
        if authority.as_str().contains('@') || uri.query().is_some() || authority.host().is_empty() {
            return Err(bad());
        }
        let path = uri.path().trim_end_matches('/');
        Ok(Endpoint {
            base: format!("{scheme}://{authority}{path}"),
            host: authority.host().to_owned(),
            port: authority.port_u16(),
        })
    }

    /// Whether it is certainly this address.
    fn is_at(&self, address: SocketAddr) -> bool {
        let bare = self.host.trim_start_matches('[').trim_end_matches(']');
        let is_host = match bare.parse::<IpAddr>() {
            Ok(ip) => ip == address.ip(),
            Err(_) => bare.eq_ignore_ascii_case("localhost") && address.ip().is_loopback(),
        };
        is_host && self.port.unwrap_or(80) == address.port()
    }
}

/// The value of a variable; an empty one says nothing.
pub(crate) fn text(
    variable: &dyn Fn(&str) -> Option<OsString>,
    name: &str,
) -> Result<Option<String>, SettingsError> {
    match variable(name).filter(|value| !value.is_empty()).map(OsString::into_string) {
        None => Ok(None),
        Some(Ok(text)) => Ok(Some(text)),
        Some(Err(_)) => Err(SettingsError::new("not UTF-8", name)),
    }
}

fn read_region(text: &str, place: &str) -> Result<Arc<str>, SettingsError> {
    if is_region(text) {
        return Ok(text.into());
    }
    Err(SettingsError::new("not a region", format!("{place} {text:?}")).hint("such as eu-central-1"))
}

/// Letters, digits and dashes, as in the label of a host.
fn is_region(text: &str) -> bool {
    let is_label = |c: char| c.is_ascii_alphanumeric() || c == '-';
    (1..=63).contains(&text.len()) && text.chars().all(is_label)
}

/// The end of the host names of a region's partition.
fn suffix(region: &str) -> &'static str {
    // Source: partitions.json of botocore.
    for (prefix, suffix) in [
        ("cn-", "amazonaws.com.cn"),
        ("us-iso-", "c2s.ic.gov"),
        ("us-isob-", "sc2s.sgov.gov"),
        ("us-isof-", "csp.hci.ic.gov"),
        ("eu-isoe-", "cloud.adc-e.uk"),
        ("eusc-", "amazonaws.eu"),
    ] {
        if region.starts_with(prefix) {
            return suffix;
        }
    }
    "amazonaws.com"
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: [(&str, &str); 2] =
        [("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"), ("AWS_SECRET_ACCESS_KEY", "SK")];

    fn settings(ours: Option<ServiceSettings>, variables: &[(&str, &str)]) -> Result<Settings, String> {
        let configured = ours.map(|ours| ("lambda".to_owned(), ours)).into_iter().collect();
        let variable =
            |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into());
        let own = Some("127.0.0.1:8083".parse().unwrap());
        Settings::read(&configured, &variable, own).map_err(|error| error.to_string())
    }

    /// Where a call goes, as `base region key`.
    fn check(settings: &Settings, named: Option<&str>) -> String {
        match settings.place(&services::lambda::SERVICE, named, "eu-west-1") {
            None => "nowhere".to_owned(),
            Some(Err(why)) => why,
            Some(Ok(place)) => format!("{} {} {}", place.base, place.region, place.keys.id),
        }
    }

    #[test]
    fn without_endpoint_and_credentials_nothing_is_reached() {
        let settings = settings(None, &[("AWS_REGION", "us-west-2")]).unwrap();
        assert_eq!((check(&settings, None).as_str(), settings.reach("lambda")), ("nowhere", Reach::Nowhere));
        assert_eq!(check(&Settings::nowhere(), None), "nowhere");
    }

    #[test]
    fn with_credentials_aws_is_reached_in_the_region_of_the_call() {
        let settings = settings(None, &KEYS).unwrap();
        assert_eq!(
            check(&settings, None),
            "https://lambda.eu-west-1.amazonaws.com eu-west-1 AKIAIOSFODNN7EXAMPLE"
        );
        assert_eq!(
            check(&settings, Some("cn-north-1")),
            "https://lambda.cn-north-1.amazonaws.com.cn cn-north-1 AKIAIOSFODNN7EXAMPLE"
        );
        assert_eq!(settings.reach("lambda"), Reach::At("AWS".to_owned()));
        // A region comes from a definition, and must not lead elsewhere.
        assert_eq!(check(&settings, Some("evil.example/#")), "Unable to use the region \"evil.example/#\".");
    }

    #[test]
    fn keys_that_are_not_from_aws_reach_only_endpoints_of_ones_own() {
        let any = [("AWS_ACCESS_KEY_ID", "any"), ("AWS_SECRET_ACCESS_KEY", "any")];
        let alone = settings(None, &any).unwrap();
        assert_eq!((check(&alone, None).as_str(), alone.reach("lambda")), ("nowhere", Reach::Nowhere));
        let beside = [any[0], any[1], ("AWS_ENDPOINT_URL_LAMBDA", "http://special:2")];
        assert_eq!(check(&settings(None, &beside).unwrap(), None), "http://special:2 eu-west-1 any");
    }

    #[test]
    fn the_nearest_endpoint_wins() {
        let ours = ServiceSettings { endpoint: Some("http://ours:1/prefix/".into()), region: None };
        let both = [("AWS_ENDPOINT_URL_LAMBDA", "http://special:2"), ("AWS_ENDPOINT_URL", "https://general")];
        let of = |ours: Option<&ServiceSettings>, variables: &[(&str, &str)]| {
            check(&settings(ours.cloned(), variables).unwrap(), None)
        };
        assert_eq!(of(Some(&ours), &both), "http://ours:1/prefix eu-west-1 test");
        assert_eq!(of(None, &both), "http://special:2 eu-west-1 test");
        assert_eq!(of(None, &both[1..]), "https://general eu-west-1 test");
        let ignoring = [both[0], both[1], ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")];
        assert_eq!(of(None, &ignoring), "nowhere");
        assert_eq!(of(Some(&ours), &ignoring), "http://ours:1/prefix eu-west-1 test");
        let with_keys = [both[0], KEYS[0], KEYS[1]];
        assert_eq!(of(None, &with_keys), "http://special:2 eu-west-1 AKIAIOSFODNN7EXAMPLE");
    }

    #[test]
    fn the_endpoint_of_a_profile_counts_last() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config");
        let config = "[default]\nservices = s\nendpoint_url = http://general\nregion = ap-south-1\n\
                      [services s]\nlambda =\n  endpoint_url = http://special\n";
        std::fs::write(&file, config).unwrap();
        let file = file.to_str().unwrap();
        let alone = settings(None, &[("AWS_CONFIG_FILE", file)]).unwrap();
        assert_eq!(check(&alone, None), "http://special eu-west-1 test");
        assert_eq!(alone.region(), Some("ap-south-1"));
        let beside = settings(None, &[("AWS_CONFIG_FILE", file), ("AWS_ENDPOINT_URL", "http://v")]).unwrap();
        assert_eq!(check(&beside, None), "http://v eu-west-1 test");
        let beside = settings(None, &[("AWS_CONFIG_FILE", file), ("AWS_REGION", "sa-east-1")]).unwrap();
        assert_eq!(beside.region(), Some("sa-east-1"));
    }

    #[test]
    fn the_configured_region_stands_between_the_arn_and_the_machine() {
        let ours = ServiceSettings { endpoint: None, region: Some("us-west-2".into()) };
        let settings = settings(Some(ours), &KEYS).unwrap();
        assert_eq!(
            check(&settings, None),
            "https://lambda.us-west-2.amazonaws.com us-west-2 AKIAIOSFODNN7EXAMPLE"
        );
        assert_eq!(
            check(&settings, Some("eu-north-1")),
            "https://lambda.eu-north-1.amazonaws.com eu-north-1 AKIAIOSFODNN7EXAMPLE"
        );
    }

    #[test]
    fn our_own_address_is_no_endpoint_of_a_service() {
        for own in ["http://127.0.0.1:8083", "http://localhost:8083/"] {
            assert_eq!(check(&settings(None, &[("AWS_ENDPOINT_URL", own)]).unwrap(), None), "nowhere");
            // Whoever says it of Lambda has something there that answers.
            let meant = settings(None, &[("AWS_ENDPOINT_URL_LAMBDA", own)]).unwrap();
            assert_ne!(check(&meant, None), "nowhere");
        }
        let other = settings(None, &[("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")]).unwrap();
        assert_eq!(check(&other, None), "http://127.0.0.1:4566 eu-west-1 test");
    }

    #[test]
    fn credentials_that_are_not_supported_stop_a_call_with_their_name() {
        let variables = [("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://x")];
        let settings = settings(None, &variables).unwrap();
        assert_eq!(
            check(&settings, None),
            "Unable to load AWS credentials: AWS_CONTAINER_CREDENTIALS_FULL_URI asks the container's host, \
             which is not supported; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and AWS_SESSION_TOKEN)."
        );
        assert!(matches!(settings.reach("lambda"), Reach::Blocked(_)));
    }

    #[test]
    fn what_is_no_endpoint_and_no_region_is_told_at_the_start() {
        for bad in ["localhost:4566", "ftp://a", "http://", "http://u:p@a", "http://a/?b", "a b"] {
            let told = settings(None, &[("AWS_ENDPOINT_URL", bad)]).unwrap_err();
            assert_eq!(told, format!("not an endpoint: AWS_ENDPOINT_URL {bad:?}"));
        }
        let told = settings(None, &[("AWS_REGION", "a/b")]).unwrap_err();
        assert_eq!(told, "not a region: AWS_REGION \"a/b\"");
    }
}
