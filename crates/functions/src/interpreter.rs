//! Where Python and Node.js are.
//!
//! The name of the runtime is looked for first (`python3.11`), then the plain one (`python3`), on the
//! `PATH` of the server. What is found may be a launcher that needs the server's environment, as
//! version managers install them; so it is asked once for the executable behind it, and that one is
//! started from then on, with the bare environment of a function.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::sync::Mutex;

use crate::config::Runtime;

/// How long a launcher may take to tell what is behind it.
const PATIENCE: Duration = Duration::from_secs(10);

/// Finds interpreters and remembers the ones it found.
pub(crate) struct Interpreters {
    python: Option<PathBuf>,
    node: Option<PathBuf>,
    found: Mutex<HashMap<String, PathBuf>>,
}

impl Interpreters {
    pub fn new(python: Option<PathBuf>, node: Option<PathBuf>) -> Interpreters {
        Interpreters { python, node, found: Mutex::default() }
    }

    /// The program that runs a function whose folder is `code`; the error says what is missing.
    pub async fn program(&self, runtime: Runtime, code: &Path) -> Result<PathBuf, String> {
        let (given, names, question) = match runtime {
            Runtime::Provided => return Ok(code.join("bootstrap")),
            Runtime::Python { minor } => {
                let names = [format!("python3.{minor}"), "python3".to_owned()];
                (&self.python, names, ["-c", "import sys; print(sys.executable)"])
            }
            Runtime::Node { major } => {
                (&self.node, [format!("node{major}"), "node".to_owned()], ["-p", "process.execPath"])
            }
        };
        if let Some(given) = given {
            return Ok(given.clone());
        }
        // Held while asking: invocations that come at once ask once.
        let mut found = self.found.lock().await;
        for name in &names {
            if let Some(program) = found.get(name) {
                return Ok(program.clone());
            }
            if let Some(program) = ask(name, question).await {
                found.insert(name.clone(), program.clone());
                return Ok(program);
            }
        }
        Err(format!("{} was not found on the PATH of the server", names[1]))
    }
}

/// The absolute path of the executable behind `name`, told by itself.
async fn ask(name: &str, question: [&str; 2]) -> Option<PathBuf> {
    let mut command = Command::new(name);
    command.args(question).stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(PATIENCE, command.output()).await.ok()?.ok()?;
    let path = PathBuf::from(String::from_utf8(output.stdout).ok()?.trim());
    (output.status.success() && path.is_absolute()).then_some(path)
}
