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
use layer::{Data, Layer};
pub use logs::Logs;

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
    /// Where to listen: a loopback address. By default `127.0.0.1:8083`, the port that local users
    /// of Step Functions know.
    pub listen: SocketAddr,
    /// Where the data is. By default `./stepwell-data`.
    pub data: DataPlace,
    /// The functions file. By default none.
    pub functions: Option<PathBuf>,
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
        let settings = Settings {
            listen: said.listen.unwrap_or(LISTEN),
            data: match said.data {
                Some(Data::Folder(folder)) => DataPlace::Folder(folder),
                Some(Data::Temporary) => DataPlace::Temporary,
                Some(Data::NotTemporary) | None => DataPlace::Folder(DATA.into()),
            },
            functions: said.functions,
            hosts: said.hosts.unwrap_or_default(),
            log: said.log.unwrap_or(Level::Info),
            log_format: said.log_format,
            limits: said.limits.unwrap_or_default(),
            logs: said.logs.unwrap_or_default(),
            aws: said.aws.unwrap_or_default(),
        };
        // The server is open: whoever reaches it may do anything.
        if !settings.listen.ip().is_loopback() {
            return Err(Complaint::usage(
                "refusing to listen where others could reach an open server",
                settings.listen.to_string(),
            )
            .hint("this release has neither credentials nor TLS and serves loopback alone: use --listen 127.0.0.1:8083"));
        }
        Ok(settings)
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
    fn only_loopback_is_listened_on() {
        for listen in ["0.0.0.0:8083", "[::]:8083", "192.0.2.1:80"] {
            let flags = Flags { listen: Some(listen.into()), ..Flags::default() };
            let line = refusal(flags, &[], None);
            assert!(line.starts_with("error: refusing to listen"), "{line}");
            assert!(line.contains(listen) && line.contains("credentials") && line.contains("TLS"), "{line}");
        }
        for listen in ["127.0.0.1:0", "127.1.2.3:80", "[::1]:0", "localhost:8083"] {
            let flags = Flags { listen: Some(listen.into()), ..Flags::default() };
            assert!(check(flags, &[], None).is_ok(), "{listen}");
        }
    }
}
