//! One layer of the configuration, whatever it was written in.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use stepwell_integrations::ServiceSettings;
use stepwell_model::Limits;

use super::access::{self, Access};
use super::logs::{self, Logs};
use super::nearest::nearest;
use super::{Flags, aws, limits};
use crate::complaint::{Complaint, quoted};
use crate::log::{Format, Level};

/// What one layer says; `None` leaves a setting to the layers behind it.
#[derive(Debug, Default)]
pub struct Layer {
    pub listen: Option<SocketAddr>,
    pub data: Option<Data>,
    pub functions: Option<PathBuf>,
    pub access: Access,
    pub hosts: Option<Vec<String>>,
    pub log: Option<Level>,
    pub log_format: Option<Format>,
    pub limits: Option<Limits>,
    pub logs: Option<Logs>,
    pub aws: Option<BTreeMap<String, ServiceSettings>>,
    pub own_calls_allowed: Option<bool>,
}

/// What a layer says of the place of the data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Data {
    /// In this folder.
    Folder(PathBuf),
    /// In a temporary folder.
    Temporary,
    /// In a folder that stays; which one is left to the layers behind.
    NotTemporary,
}

/// The keys of the configuration file.
const KEYS: &[&str] = &[
    "listen",
    "data",
    "ephemeral",
    "functions",
    "credentials",
    "tls_cert",
    "tls_key",
    "tls_client_ca",
    "insecure_plaintext",
    "public_metrics",
    "refuse_replays",
    "host",
    "log",
    "log_format",
    "limits",
    "logs",
    "aws",
];

/// Where a value was said, and hence how its name is spelled in a complaint.
pub enum Source<'a> {
    Flags,
    Environment,
    File(&'a Path),
}

impl Source<'_> {
    fn spell(&self, key: &str) -> String {
        match self {
            Source::Flags => format!("--{}", key.replace('_', "-")),
            Source::Environment => variable_name(key),
            Source::File(path) => format!("{}: {key}", path.display()),
        }
    }

    pub fn bad(&self, what: &str, key: &str, value: &str, hint: impl Into<String>) -> Complaint {
        Complaint::usage(what, format!("{} {}", self.spell(key), quoted(value))).hint(hint)
    }
}

fn variable_name(key: &str) -> String {
    format!("STEPWELL_{}", key.to_uppercase())
}

/// The values of a layer as they were written.
#[derive(Default)]
struct Written {
    listen: Option<String>,
    data: Option<PathBuf>,
    ephemeral: Option<bool>,
    functions: Option<PathBuf>,
    access: Access,
    hosts: Option<Vec<String>>,
    log: Option<String>,
    log_format: Option<String>,
    limits: Option<Limits>,
    logs: Option<Logs>,
    aws: Option<BTreeMap<String, ServiceSettings>>,
    own_calls_allowed: Option<bool>,
}

impl Layer {
    /// What the flags say.
    pub fn of_flags(flags: &Flags) -> Result<Layer, Complaint> {
        let written = Written {
            listen: flags.listen.clone(),
            data: flags.data.clone(),
            ephemeral: flags.ephemeral.then_some(true),
            functions: flags.functions.clone(),
            access: Access::of_flags(flags)?,
            hosts: (!flags.host.is_empty()).then(|| flags.host.clone()),
            log: flags.log.clone(),
            log_format: flags.log_format.clone(),
            limits: None,
            logs: None,
            aws: None,
            own_calls_allowed: None,
        };
        written.read(&Source::Flags)
    }

    /// What the variables of the environment say. An empty one says nothing.
    pub fn of_environment(variable: &dyn Fn(&str) -> Option<OsString>) -> Result<Layer, Complaint> {
        let source = Source::Environment;
        let raw = |key: &str| variable(&variable_name(key)).filter(|value| !value.is_empty());
        let text = |key: &str| match raw(key).map(OsString::into_string) {
            None => Ok(None),
            Some(Ok(text)) => Ok(Some(text)),
            Some(Err(bytes)) => Err(source.bad("not UTF-8", key, &bytes.to_string_lossy(), "")),
        };
        let truth = |key: &str| match text(key)? {
            None => Ok(None),
            Some(text) => access::read_truth(&text, key, &source).map(Some),
        };
        let written = Written {
            listen: text("listen")?,
            data: raw("data").map(PathBuf::from),
            ephemeral: truth("ephemeral")?,
            functions: raw("functions").map(PathBuf::from),
            access: Access {
                credentials: raw("credentials").map(PathBuf::from),
                tls_cert: raw("tls_cert").map(PathBuf::from),
                tls_key: raw("tls_key").map(PathBuf::from),
                tls_client_ca: raw("tls_client_ca").map(PathBuf::from),
                insecure_plaintext: truth("insecure_plaintext")?,
                public_metrics: truth("public_metrics")?,
                refuse_replays: truth("refuse_replays")?,
            },
            hosts: text("host")?.map(|names| names.split(',').map(|name| name.trim().to_owned()).collect()),
            log: text("log")?,
            log_format: text("log_format")?,
            limits: None,
            logs: None,
            aws: None,
            own_calls_allowed: None,
        };
        written.read(&source)
    }

    /// What the configuration file says.
    pub fn of_file(path: &Path) -> Result<Layer, Complaint> {
        let shown = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|error| {
            Complaint::usage("cannot read the configuration", format!("{shown}: {error}"))
        })?;
        let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
            let line =
                error.span().map_or(1, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
            Complaint::usage("not TOML", format!("{shown}: line {line}: {}", error.message()))
        })?;
        if let Some(unknown) = table.keys().find(|key| !KEYS.contains(&key.as_str())) {
            let known = nearest(unknown, KEYS.iter().copied()).expect("there are keys");
            return Err(Complaint::usage("unknown configuration key", format!("{shown}: {unknown}"))
                .hint(format!("did you mean {known}?")));
        }

        let source = Source::File(path);
        let wrong = |what: &str, key: &str, value: &toml::Value, hint: &str| {
            Complaint::usage(what, format!("{} = {value}", source.spell(key))).hint(hint)
        };
        let text = |key: &str| match table.get(key) {
            None => Ok(None),
            Some(toml::Value::String(text)) => Ok(Some(text.clone())),
            Some(other) => Err(wrong("not a text", key, other, "write it in quotes")),
        };
        let beside = |key: &str| {
            let folder = path.parent().unwrap_or(Path::new(""));
            text(key).map(|path| path.map(|path| folder.join(path)))
        };
        let hosts = match table.get("host") {
            None => None,
            Some(toml::Value::String(name)) => Some(vec![name.clone()]),
            Some(value) => {
                let names = value.as_array().and_then(|names| {
                    names.iter().map(|name| name.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>()
                });
                Some(names.ok_or_else(|| wrong("not a list of names", "host", value, "write [\"NAME\"]"))?)
            }
        };
        let truth = |key: &str| match table.get(key) {
            None => Ok(None),
            Some(toml::Value::Boolean(truth)) => Ok(Some(*truth)),
            Some(other) => Err(wrong("neither yes nor no", key, other, "true or false")),
        };
        let limits = match table.get("limits") {
            None => None,
            Some(toml::Value::Table(table)) => Some(limits::read(table, &shown)?),
            Some(other) => {
                return Err(wrong("not a table", "limits", other, "write [limits] and its keys below"));
            }
        };
        let logs = match table.get("logs") {
            None => None,
            Some(toml::Value::Table(table)) => Some(logs::read(table, &shown)?),
            Some(other) => {
                return Err(wrong("not a table", "logs", other, "write [logs] and its keys below"));
            }
        };
        let (aws, own_calls_allowed) = match table.get("aws") {
            None => (None, None),
            Some(toml::Value::Table(table)) => {
                (Some(aws::read(table, &shown)?), aws::read_own_calls(table, &shown)?)
            }
            Some(other) => {
                return Err(wrong("not a table", "aws", other, "write [aws.lambda] and its keys below"));
            }
        };
        let written = Written {
            listen: text("listen")?,
            data: beside("data")?,
            ephemeral: truth("ephemeral")?,
            functions: beside("functions")?,
            access: Access {
                credentials: beside("credentials")?,
                tls_cert: beside("tls_cert")?,
                tls_key: beside("tls_key")?,
                tls_client_ca: beside("tls_client_ca")?,
                insecure_plaintext: truth("insecure_plaintext")?,
                public_metrics: truth("public_metrics")?,
                refuse_replays: truth("refuse_replays")?,
            },
            hosts,
            log: text("log")?,
            log_format: text("log_format")?,
            limits,
            logs,
            aws,
            own_calls_allowed,
        };
        written.read(&source)
    }

    /// This layer where it says something, `behind` where it does not.
    pub fn over(self, behind: Layer) -> Layer {
        Layer {
            listen: self.listen.or(behind.listen),
            data: match (self.data, behind.data) {
                (Some(Data::NotTemporary), Some(Data::Folder(folder))) => Some(Data::Folder(folder)),
                (said, behind) => said.or(behind),
            },
            functions: self.functions.or(behind.functions),
            access: self.access.over(behind.access),
            hosts: self.hosts.or(behind.hosts),
            log: self.log.or(behind.log),
            log_format: self.log_format.or(behind.log_format),
            limits: self.limits.or(behind.limits),
            logs: self.logs.or(behind.logs),
            aws: self.aws.or(behind.aws),
            own_calls_allowed: self.own_calls_allowed.or(behind.own_calls_allowed),
        }
    }
}

impl Written {
    fn read(self, source: &Source) -> Result<Layer, Complaint> {
        let data = match (self.data, self.ephemeral) {
            (None, None) => None,
            (Some(folder), None | Some(false)) => Some(Data::Folder(folder)),
            (None, Some(true)) => Some(Data::Temporary),
            (None, Some(false)) => Some(Data::NotTemporary),
            (Some(_), Some(true)) => {
                let both = format!("{} with {}", source.spell("data"), source.spell("ephemeral"));
                return Err(
                    Complaint::usage("either a folder or a temporary one", both).hint("give one of the two")
                );
            }
        };
        for name in self.hosts.iter().flatten() {
            if !is_host(name) {
                return Err(source.bad(
                    "not a host name",
                    "host",
                    name,
                    "give a name without scheme, port and path",
                ));
            }
        }
        Ok(Layer {
            listen: self.listen.map(|text| read_listen(&text, source)).transpose()?,
            data,
            functions: self.functions,
            access: self.access,
            hosts: self.hosts,
            log: self.log.map(|text| read_level(&text, source)).transpose()?,
            log_format: self.log_format.map(|text| read_format(&text, source)).transpose()?,
            limits: self.limits,
            logs: self.logs,
            aws: self.aws,
            own_calls_allowed: self.own_calls_allowed,
        })
    }
}

/// A name, an IPv4 address, or an IPv6 address in brackets.
fn is_host(name: &str) -> bool {
    let (inner, more) = match name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(address) => (address, ':'),
        None => (name, '-'),
    };
    !inner.is_empty() && inner.chars().all(|c| c.is_ascii_alphanumeric() || c == '.' || c == '_' || c == more)
}

fn read_listen(text: &str, source: &Source) -> Result<SocketAddr, Complaint> {
    // The one name that means the same address everywhere; others would need a resolver.
    let local = text.strip_prefix("localhost:").and_then(|port| port.parse().ok());
    if let Some(port) = local {
        return Ok((Ipv4Addr::LOCALHOST, port).into());
    }
    text.parse().map_err(|_| {
        let hint = "give an IP address and a port, such as 127.0.0.1:8083";
        source.bad("not an address", "listen", text, hint)
    })
}

fn read_level(text: &str, source: &Source) -> Result<Level, Complaint> {
    let known = Level::ALL.map(Level::as_str).join(", ");
    let level = Level::ALL.into_iter().find(|level| level.as_str() == text);
    level.ok_or_else(|| source.bad("not a level", "log", text, format!("one of {known}")))
}

fn read_format(text: &str, source: &Source) -> Result<Format, Complaint> {
    let known = Format::ALL.map(Format::as_str).join(", ");
    let format = Format::ALL.into_iter().find(|format| format.as_str() == text);
    format.ok_or_else(|| source.bad("not a format", "log_format", text, format!("one of {known}")))
}
