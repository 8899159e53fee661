//! The configuration of `serve`: four layers, of which the first that says something wins.
//!
//! | layer       | how a setting is spelled        |
//! |-------------|---------------------------------|
//! | flags       | `--log-format json`             |
//! | environment | `STEPWELL_LOG_FORMAT=json`      |
//! | file        | `log_format = "json"` (TOML)    |
//! | default     | see [`Settings`]                |
//!
//! Paths in the file are relative to the folder of the file, all others to the working directory.
//! Every layer is checked, those that lose too: a mistake in a file should not wait for the day
//! when a flag is taken away. Source: `docs/contracts.md`, "The program".

mod access;
mod aws;
mod layer;
mod limits;
mod logs;
mod nearest;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use stepwell_integrations::ServiceSettings;
use stepwell_model::Limits;

use crate::complaint::Complaint;
use crate::log::{Format, Level};
pub use access::TlsFiles;
use layer::{Data, Layer};
pub use logs::Logs;
pub use nearest::nearest;

/// The flags of `serve`, as they were typed. What they mean is decided in one place with the other
/// layers, so that a mistake is told in the same words wherever it was made.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Flags {
    /// The address to listen on; port 0 picks a free one [default: 127.0.0.1:8083]
    /// [env: STEPWELL_LISTEN]
    #[arg(long, value_name = "ADDR:PORT")]
    pub listen: Option<String>,
    /// The folder that holds everything [default: ./stepwell-data] [env: STEPWELL_DATA]
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Use a temporary folder, gone when the server ends [env: STEPWELL_EPHEMERAL]
    #[arg(long)]
    pub ephemeral: bool,
    /// A configuration file (TOML) [env: STEPWELL_CONFIG]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The functions file (TOML): which Lambda functions run here [env: STEPWELL_FUNCTIONS]
    #[arg(long, value_name = "FILE")]
    pub functions: Option<PathBuf>,
    /// The credentials file (TOML): who may call; without it the server is open
    /// [env: STEPWELL_CREDENTIALS]
    #[arg(long, value_name = "FILE")]
    pub credentials: Option<PathBuf>,
    /// The certificate that the server shows (PEM), with those between it and its authority
    /// [env: STEPWELL_TLS_CERT]
    #[arg(long, value_name = "FILE")]
    pub tls_cert: Option<PathBuf>,
    /// The private key of the certificate (PEM) [env: STEPWELL_TLS_KEY]
    #[arg(long, value_name = "FILE")]
    pub tls_key: Option<PathBuf>,
    /// Authorities (PEM), one of which must have signed the certificate that a client shows
    /// [env: STEPWELL_TLS_CLIENT_CA]
    #[arg(long, value_name = "FILE")]
    pub tls_client_ca: Option<PathBuf>,
    /// Listen without TLS on an address that others can reach [env: STEPWELL_INSECURE_PLAINTEXT]
    #[arg(long)]
    pub insecure_plaintext: bool,
    /// With credentials: answer /metrics to everybody, not to this machine alone
    /// [env: STEPWELL_PUBLIC_METRICS]
    #[arg(long)]
    pub public_metrics: bool,
    /// With credentials: whether a call that was done is refused when it comes again, true or false
    /// [default: true] [env: STEPWELL_REFUSE_REPLAYS]
    #[arg(long, value_name = "BOOL")]
    pub refuse_replays: Option<String>,
    /// A further accepted Host name; may be repeated [env: STEPWELL_HOST, with commas]
    #[arg(long, value_name = "NAME")]
    pub host: Vec<String>,
    /// What to log: error, warn, info or debug [default: info] [env: STEPWELL_LOG]
    #[arg(long, value_name = "LEVEL")]
    pub log: Option<String>,
    /// How to log: text or json [default: text on a terminal, else json]
    /// [env: STEPWELL_LOG_FORMAT]
    #[arg(long, value_name = "FORMAT")]
    pub log_format: Option<String>,
}

/// Where the server keeps its data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DataPlace {
    /// In this folder.
    Folder(PathBuf),
    /// In a temporary folder that goes with the server.
    Temporary,
}

/// What all layers together say.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Where to listen. An address that others can reach needs credentials, and TLS or the leave to
    /// do without. By default `127.0.0.1:8083`, the port that local users
    /// of Step Functions know.
    pub listen: SocketAddr,
    /// Where the data is. By default `./stepwell-data`.
    pub data: DataPlace,
    /// The functions file. By default none.
    pub functions: Option<PathBuf>,
    /// The credentials file. By default none: the server is open.
    pub credentials: Option<PathBuf>,
    /// The files of TLS. By default none.
    pub tls: Option<TlsFiles>,
    /// Whether `/metrics` is for everybody even with credentials. By default false.
    pub public_metrics: bool,
    /// Whether calls that were done are refused when they come again. By default true.
    pub refuse_replays: bool,
    /// Accepted Host names beside those of the loopback. By default none.
    pub hosts: Vec<String>,
    /// From which level on to log. By default info.
    pub log: Level,
    /// How to log; `None` decides by whether stderr is a terminal.
    pub log_format: Option<Format>,
    /// The limits in force. By default AWS's.
    pub limits: Limits,
    /// How execution logs are kept.
    pub logs: Logs,
    /// What the file says of AWS's services, by their ids. By default nothing.
    pub aws: BTreeMap<String, ServiceSettings>,
    /// Whether state machines may do everything within their account by `aws-sdk:sfn` even where callers
    /// need credentials. By default not.
    pub own_calls_allowed: bool,
}

/// The default of `listen`.
const LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8083);

/// The default of `data`.
const DATA: &str = "stepwell-data";

impl Settings {
    /// What `flags`, the variables that `variable` knows, and the configuration file say together.
    ///
    /// # Errors
    ///
    /// A [`Complaint`] about the first setting that cannot be read, is not known or is not allowed.
    pub fn read(flags: &Flags, variable: &dyn Fn(&str) -> Option<OsString>) -> Result<Settings, Complaint> {
        let from_flags = Layer::of_flags(flags)?;
        let from_environment = Layer::of_environment(variable)?;
        let file = flags.config.clone().or_else(|| variable("STEPWELL_CONFIG").map(PathBuf::from));
        let from_file = match file {
            Some(path) => Layer::of_file(&path)?,
            None => Layer::default(),
        };
        Settings::merge([from_flags, from_environment, from_file])
    }

    /// The settings of these layers, the winning one first.
    fn merge(layers: [Layer; 3]) -> Result<Settings, Complaint> {
        let said = layers.into_iter().reduce(Layer::over).expect("there are three layers");
        let listen = said.listen.unwrap_or(LISTEN);
        let tls = said.access.tls_files()?;
        access::check_reach(listen, &said.access, tls.is_some())?;
        Ok(Settings {
            listen,
            data: match said.data {
                Some(Data::Folder(folder)) => DataPlace::Folder(folder),
                Some(Data::Temporary) => DataPlace::Temporary,
                Some(Data::NotTemporary) | None => DataPlace::Folder(DATA.into()),
            },
            functions: said.functions,
            credentials: said.access.credentials,
            tls,
            public_metrics: said.access.public_metrics.unwrap_or(false),
            refuse_replays: said.access.refuse_replays.unwrap_or(true),
            hosts: said.hosts.unwrap_or_default(),
            log: said.log.unwrap_or(Level::Info),
            log_format: said.log_format,
            limits: said.limits.unwrap_or_default(),
            logs: said.logs.unwrap_or_default(),
            aws: said.aws.unwrap_or_default(),
            own_calls_allowed: said.own_calls_allowed.unwrap_or(false),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    /// The settings of these flags, variables and file, or the line that a person would read, with
    /// the path of the file shown as `FILE`.
    fn check(flags: Flags, variables: &[(&str, &str)], file: Option<&str>) -> Result<Settings, String> {
        let mut on_disk = tempfile::NamedTempFile::new().unwrap();
        let flags = match file {
            Some(text) => {
                on_disk.write_all(text.as_bytes()).unwrap();
                Flags { config: Some(on_disk.path().to_owned()), ..flags }
            }
            None => flags,
        };
        let variable =
            |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into());
        Settings::read(&flags, &variable)
            .map_err(|complaint| complaint.line().replace(&on_disk.path().display().to_string(), "FILE"))
    }

    fn refusal(flags: Flags, variables: &[(&str, &str)], file: Option<&str>) -> String {
        check(flags, variables, file).unwrap_err()
    }

    #[test]
    fn with_nothing_said_everything_has_its_default() {
        let settings = check(Flags::default(), &[], None).unwrap();
        assert_eq!(settings.listen.to_string(), "127.0.0.1:8083");
        assert_eq!(settings.data, DataPlace::Folder("stepwell-data".into()));
        assert_eq!(settings.log, Level::Info);
        assert_eq!(settings.log_format, None);
        assert_eq!(settings.limits, Limits::default());
        assert_eq!(settings.logs, Logs::default());
        assert_eq!((settings.functions, settings.hosts), (None, vec![]));
        assert_eq!(settings.aws, BTreeMap::new());
    }

    #[test]
    fn the_flag_wins_then_the_variable_then_the_file() {
        let file = Some("log = 'error'\nlisten = '127.0.0.1:3'\nlog_format = 'json'\nhost = ['c']");
        let variables =
            [("STEPWELL_LISTEN", "127.0.0.1:2"), ("STEPWELL_LOG", "warn"), ("STEPWELL_HOST", "a,b")];
        let flags = Flags { listen: Some("[::1]:1".into()), ..Flags::default() };
        let settings = check(flags, &variables, file).unwrap();
        assert_eq!(settings.listen.to_string(), "[::1]:1");
        assert_eq!(settings.log, Level::Warn);
        assert_eq!(settings.log_format, Some(Format::Json));
        assert_eq!(settings.hosts, ["a", "b"]);
    }

    #[test]
    fn the_nearer_layer_decides_where_the_data_is() {
        let ephemeral = || Flags { ephemeral: true, ..Flags::default() };
        let folder = [("STEPWELL_DATA", "d")];
        assert_eq!(check(ephemeral(), &folder, None).unwrap().data, DataPlace::Temporary);
        assert_eq!(
            check(Flags::default(), &folder, Some("ephemeral = true")).unwrap().data,
            DataPlace::Folder("d".into())
        );
        let no = [("STEPWELL_EPHEMERAL", "false")];
        assert_eq!(
            check(Flags::default(), &no, Some("ephemeral = true")).unwrap().data,
            DataPlace::Folder("stepwell-data".into())
        );
        assert_eq!(
            check(Flags::default(), &no, Some("data = '/d'")).unwrap().data,
            DataPlace::Folder("/d".into())
        );
        assert_eq!(
            refusal(Flags { data: Some("d".into()), ..ephemeral() }, &[], None),
            "error: either a folder or a temporary one: --data with --ephemeral. hint: give one of the two."
        );
    }

    #[test]
    fn paths_in_the_file_are_relative_to_the_file() {
        let settings = check(Flags::default(), &[], Some("data = 'd'\nfunctions = '/etc/f.toml'")).unwrap();
        assert_eq!(settings.data, DataPlace::Folder(std::env::temp_dir().join("d")));
        assert_eq!(settings.functions, Some("/etc/f.toml".into()));
    }

    #[test]
    fn an_unknown_key_is_told_with_the_nearest_known_one() {
        assert_eq!(
            refusal(Flags::default(), &[], Some("log-format = 'json'")),
            "error: unknown configuration key: FILE: log-format. hint: did you mean log_format?"
        );
        assert_eq!(
            refusal(Flags::default(), &[], Some("[limit]\n")),
            "error: unknown configuration key: FILE: limit. hint: did you mean limits?"
        );
    }

    #[test]
    fn the_file_says_where_services_are() {
        let settings = check(Flags::default(), &[], Some("[aws.lambda]\nendpoint = 'http://a'")).unwrap();
        assert_eq!(settings.aws["lambda"].endpoint.as_deref(), Some("http://a"));
        assert_eq!(
            refusal(Flags::default(), &[], Some("aws = 3")),
            "error: not a table: FILE: aws = 3. hint: write [aws.lambda] and its keys below."
        );
    }

    #[test]
    fn a_value_that_cannot_be_read_is_told_with_where_it_was_said() {
        let flags = Flags { listen: Some("here".into()), ..Flags::default() };
        assert_eq!(
            refusal(flags, &[], None),
            "error: not an address: --listen \"here\". hint: give an IP address and a port, such as 127.0.0.1:8083."
        );
        assert_eq!(
            refusal(Flags::default(), &[("STEPWELL_LOG", "loud")], None),
            "error: not a level: STEPWELL_LOG \"loud\". hint: one of error, warn, info, debug."
        );
        assert_eq!(
            refusal(Flags::default(), &[], Some("log_format = 'xml'")),
            "error: not a format: FILE: log_format \"xml\". hint: one of text, json."
        );
        assert_eq!(
            refusal(Flags::default(), &[], Some("log = 3")),
            "error: not a text: FILE: log = 3. hint: write it in quotes."
        );
        assert_eq!(
            refusal(Flags::default(), &[], Some("\nlog = ")),
            "error: not TOML: FILE: line 2: string values must be quoted, expected literal string."
        );
        assert_eq!(
            refusal(Flags::default(), &[("STEPWELL_EPHEMERAL", "perhaps")], None),
            "error: neither yes nor no: STEPWELL_EPHEMERAL \"perhaps\". hint: true or false."
        );
    }

    #[test]
    fn a_host_is_a_name_without_anything_around_it() {
        let host = |name: &str| Flags { host: vec![name.into()], ..Flags::default() };
        for good in ["box.local", "my_box-2", "10.0.0.7", "[fd00::7]"] {
            assert_eq!(check(host(good), &[], None).unwrap().hosts, [good]);
        }
        for bad in ["", "http://box", "box:8083", "a b", "fd00::7", "[]"] {
            let line = refusal(host(bad), &[], None);
            assert!(line.starts_with("error: not a host name: --host "), "{line}");
        }
    }

    #[test]
    fn a_missing_file_is_told() {
        let flags = Flags { config: Some("no/such/file.toml".into()), ..Flags::default() };
        let line = refusal(flags, &[], None);
        assert!(line.starts_with("error: cannot read the configuration: no/such/file.toml: "), "{line}");
    }

    #[test]
    fn an_open_server_listens_on_loopback_alone() {
        for listen in ["0.0.0.0:8083", "[::]:8083", "192.0.2.1:80"] {
            let flags = Flags { listen: Some(listen.into()), ..Flags::default() };
            let line = refusal(flags, &[], None);
            assert_eq!(
                line,
                format!(
                    "error: refusing to listen where others could reach an open server: {listen}. hint: use --credentials \
                     FILE (and TLS), so that callers must sign, or --listen 127.0.0.1:8083, so that only this machine reaches it."
                )
            );
        }
        for listen in ["127.0.0.1:0", "127.1.2.3:80", "[::1]:0", "localhost:8083"] {
            let flags = Flags { listen: Some(listen.into()), ..Flags::default() };
            assert!(check(flags, &[], None).is_ok(), "{listen}");
        }
    }

    #[test]
    fn a_server_that_others_reach_speaks_tls_or_was_told_not_to() {
        let wide = || Flags { listen: Some("0.0.0.0:8083".into()), ..Flags::default() };
        let credentials = [("STEPWELL_CREDENTIALS", "keys.toml")];
        assert_eq!(
            refusal(wide(), &credentials, None),
            "error: refusing to listen without TLS where others could listen in: 0.0.0.0:8083. hint: use --tls-cert FILE \
             and --tls-key FILE, or --insecure-plaintext where something else encrypts."
        );
        let tls = Flags { tls_cert: Some("c".into()), tls_key: Some("k".into()), ..wide() };
        let settings = check(tls, &credentials, None).unwrap();
        assert_eq!(
            settings.tls,
            Some(TlsFiles { certificate: "c".into(), key: "k".into(), client_authorities: None })
        );
        assert!(check(Flags { insecure_plaintext: true, ..wide() }, &credentials, None).is_ok());
        // TLS does not stand in for credentials, nor does the leave to do without it.
        let tls = Flags { tls_cert: Some("c".into()), tls_key: Some("k".into()), ..wide() };
        assert!(refusal(tls, &[], None).contains("open server"));
        assert!(refusal(Flags { insecure_plaintext: true, ..wide() }, &[], None).contains("open server"));
    }

    #[test]
    fn the_files_of_tls_come_together() {
        let one = Flags { tls_cert: Some("c".into()), ..Flags::default() };
        assert_eq!(
            refusal(one, &[], None),
            "error: a certificate without its key: c. hint: give --tls-cert and --tls-key together."
        );
        let other = Flags { tls_key: Some("k".into()), ..Flags::default() };
        assert!(refusal(other, &[], None).starts_with("error: a key without its certificate: k."));
        let lone = Flags { tls_client_ca: Some("a".into()), ..Flags::default() };
        assert!(
            refusal(lone, &[], None).starts_with("error: authorities of clients without a certificate: a.")
        );
        let file = Some("tls_cert = 'c.pem'\ntls_key = '/k.pem'\ntls_client_ca = 'a.pem'");
        let tls = check(Flags::default(), &[], file).unwrap().tls.unwrap();
        let folder = std::env::temp_dir();
        assert_eq!((tls.certificate, tls.key), (folder.join("c.pem"), "/k.pem".into()));
        assert_eq!(tls.client_authorities, Some(folder.join("a.pem")));
    }

    #[test]
    fn settings_of_access_are_read_from_every_layer() {
        let file = Some("credentials = 'k.toml'\nrefuse_replays = false\npublic_metrics = true");
        let settings = check(Flags::default(), &[], file).unwrap();
        assert_eq!(settings.credentials, Some(std::env::temp_dir().join("k.toml")));
        assert!(settings.public_metrics && !settings.refuse_replays);
        let variables = [("STEPWELL_REFUSE_REPLAYS", "true"), ("STEPWELL_PUBLIC_METRICS", "no")];
        let settings = check(Flags::default(), &variables, file).unwrap();
        assert!(!settings.public_metrics && settings.refuse_replays);
        let flags = Flags { refuse_replays: Some("false".into()), ..Flags::default() };
        assert!(!check(flags, &variables, file).unwrap().refuse_replays);
        assert_eq!(
            refusal(Flags { refuse_replays: Some("maybe".into()), ..Flags::default() }, &[], None),
            "error: neither yes nor no: --refuse-replays \"maybe\". hint: true or false."
        );
        assert!(
            refusal(Flags::default(), &[], Some("insecure_plaintext = 'yes'")).contains("neither yes nor no")
        );
    }
}
