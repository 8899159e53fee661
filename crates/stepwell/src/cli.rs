//! What can be typed, and what is said when it cannot be understood.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Parser;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::complaint::Complaint;
use crate::config;

/// AWS Step Functions on machines you own.
#[derive(Debug, clap::Parser)]
#[command(name = "stepwell", version, disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// A command.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Run the server until SIGTERM or SIGINT
    Serve(config::Flags),
    /// Print what to paste into a shell so that AWS's clients find the server
    Env(Env),
    /// Run one execution of a definition and print its output
    Run(Run),
    /// Tell what is wrong with definitions
    Validate(Validate),
}

/// The flags of `run`.
#[derive(Debug, clap::Args)]
pub struct Run {
    /// The definition, in the Amazon States Language
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The input: JSON, or @FILE to read it from a file
    #[arg(long, value_name = "JSON", default_value = "{}")]
    pub input: String,
    /// The name of the execution
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// The functions file (TOML): which Lambda functions run here
    #[arg(long, value_name = "FILE", conflicts_with = "endpoint")]
    pub functions: Option<PathBuf>,
    /// Tell progress, result and errors as JSON
    #[arg(long)]
    pub json: bool,
    /// Run in this server instead of a temporary one, such as http://127.0.0.1:8083
    #[arg(long, value_name = "URL")]
    pub endpoint: Option<String>,
}

/// The flags of `env`.
#[derive(Debug, clap::Args)]
pub struct Env {
    /// The server, such as https://box.local:8083
    #[arg(long, value_name = "URL", default_value = crate::env::ENDPOINT)]
    pub endpoint: String,
}

/// The flags of `validate`.
#[derive(Debug, clap::Args)]
pub struct Validate {
    /// The definitions, in the Amazon States Language
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// Print the diagnostics as a JSON array
    #[arg(long)]
    pub json: bool,
}

impl Command {
    /// Whether complaints are to be told as JSON.
    pub fn wants_json(&self) -> bool {
        match self {
            Command::Serve(_) | Command::Env(_) => false,
            Command::Run(run) => run.json,
            Command::Validate(validate) => validate.json,
        }
    }
}

/// What came of the arguments.
pub enum Parsed {
    /// This is to be done.
    Command(Box<Command>),
    /// Help or the version was asked for: this is to be printed on stdout.
    Text(String),
}

/// Reads the arguments, of which the first is the name of the program.
pub fn parse(arguments: &[OsString]) -> Result<Parsed, Complaint> {
    match Cli::try_parse_from(arguments) {
        Ok(cli) => Ok(Parsed::Command(Box::new(cli.command))),
        Err(error) => match error.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Ok(Parsed::Text(error.to_string())),
            _ => Err(complaint(&error)),
        },
    }
}

/// What is wrong, in our own form: clap's takes several lines.
fn complaint(error: &clap::Error) -> Complaint {
    let context = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        Some(ContextValue::Strings(texts)) => Some(texts.join(", ")),
        Some(_) | None => None,
    };
    let argument = || context(ContextKind::InvalidArg).unwrap_or_default();
    let (what, subject) = match error.kind() {
        ErrorKind::UnknownArgument => ("unknown argument", argument()),
        ErrorKind::InvalidSubcommand => {
            ("unknown command", context(ContextKind::InvalidSubcommand).unwrap_or_default())
        }
        ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            ("a command is missing", String::new())
        }
        ErrorKind::MissingRequiredArgument => ("something is missing", argument()),
        ErrorKind::ArgumentConflict => {
            let other = context(ContextKind::PriorArg).unwrap_or_default();
            let both = if other.is_empty() { argument() } else { format!("{} and {other}", argument()) };
            ("these do not go together", both)
        }
        ErrorKind::InvalidValue => ("a value is missing or wrong", argument()),
        // What remains cannot come from our arguments, or says itself what it is.
        _ => ("the arguments cannot be understood", argument()),
    };
    let suggested =
        [ContextKind::SuggestedArg, ContextKind::SuggestedSubcommand].into_iter().find_map(context);
    let hint = match suggested {
        // Of several the last is the likeliest.
        Some(suggested) => {
            format!("did you mean {}?", suggested.rsplit(", ").next().unwrap_or(&suggested))
        }
        None => "stepwell --help, or stepwell COMMAND --help, lists what there is".to_owned(),
    };
    Complaint::usage(what, subject).hint(hint)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn check(line: &str) -> String {
        let arguments: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        match parse(&arguments) {
            Ok(Parsed::Command(command)) => format!("{command:?}"),
            Ok(Parsed::Text(text)) => text,
            Err(complaint) => complaint.line(),
        }
    }

    #[test]
    fn the_definition_of_the_arguments_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn what_cannot_be_understood_is_told_in_one_line() {
        for (line, told) in [
            ("stepwell serve --lisen x", "error: unknown argument: --lisen. hint: did you mean --listen?"),
            ("stepwell serv", "error: unknown command: serv. hint: did you mean serve?"),
            (
                "stepwell",
                "error: a command is missing. hint: stepwell --help, or stepwell COMMAND --help, lists what there is.",
            ),
            (
                "stepwell validate",
                "error: something is missing: <FILE>... hint: stepwell --help, or stepwell COMMAND --help, lists what there is.",
            ),
            (
                "stepwell run f --functions x --endpoint y",
                "error: these do not go together: --functions <FILE> and --endpoint <URL>. hint: stepwell --help, or stepwell COMMAND --help, lists what there is.",
            ),
            (
                "stepwell serve --listen",
                "error: a value is missing or wrong: --listen <ADDR:PORT>. hint: stepwell --help, or stepwell COMMAND --help, lists what there is.",
            ),
        ] {
            assert_eq!(check(line), told);
        }
    }

    #[test]
    fn help_and_version_are_no_mistake() {
        assert!(check("stepwell --help").contains("validate"));
        assert!(check("stepwell serve --help").contains("STEPWELL_LISTEN"));
        assert_eq!(check("stepwell --version").trim(), concat!("stepwell ", env!("CARGO_PKG_VERSION")));
    }
}
