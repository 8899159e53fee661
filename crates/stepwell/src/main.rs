//! The binary of Stepwell: command line, configuration, wiring. It decides nothing.

mod cli;
mod client;
mod complaint;
mod config;
mod credentials;
mod env;
mod log;
mod own_calls;
mod run;
#[cfg(feature = "sabotage")]
mod sabotage;
mod serve;
mod sockets;
mod source;
mod validate;
mod wiring;

use std::ffi::OsString;
use std::process::ExitCode;

use cli::{Command, Parsed};
use complaint::{Complaint, Exit};

/// Executions are many small pieces that come and go on many threads.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    match cli::parse(&arguments) {
        Ok(Parsed::Text(text)) => {
            print!("{text}");
            ExitCode::from(Exit::Success.code())
        }
        Ok(Parsed::Command(command)) => {
            let as_json = command.wants_json();
            exit(perform(*command), as_json)
        }
        // What the person wants is not understood yet, but this much is.
        Err(complaint) => exit(Err(complaint), arguments.iter().any(|argument| argument == "--json")),
    }
}

fn perform(command: Command) -> Result<Exit, Complaint> {
    match command {
        Command::Serve(flags) => serve::serve(&flags),
        Command::Env(env) => env::env(&env),
        Command::Run(run) => run::run(&run),
        Command::Validate(validate) => validate::validate(&validate),
    }
}

fn exit(result: Result<Exit, Complaint>, as_json: bool) -> ExitCode {
    let exit = result.unwrap_or_else(|complaint| {
        complaint.tell(as_json);
        complaint.exit
    });
    ExitCode::from(exit.code())
}
