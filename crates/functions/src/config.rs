//! The functions file: which functions there are, and how each is run.
//!
//! | key               | meaning                                                         | default |
//! |-------------------|-----------------------------------------------------------------|---------|
//! | `name`            | any function ARN or name with this last part reaches it         | needed  |
//! | `runtime`         | `python3.x`, `nodejs20.x` and its kin, `provided`, `provided.al2`, `provided.al2023` | needed without `endpoint` |
//! | `handler`         | `file.function` or `folder/file.function`                       | needed by Python and Node.js |
//! | `code`            | the function's folder, relative to this file                    | needed without `endpoint` |
//! | `endpoint`        | an `http://` address that takes the payload instead of a process | –      |
//! | `timeout_seconds` | how long an invocation may take, 1 to 900                       | 3       |
//! | `concurrency`     | worker processes, or calls of the endpoint, at most; 1 to 10,000 | 10     |
//! | `idempotent`      | re-sent after a crash, with the same request id                 | false   |
//! | `environment`     | variables for the processes                                     | none    |
//!
//! A mistake is told with its file, line and key, and with what was probably meant.
//!
//! Source: `contracts.md`, "Functions file"; names and ranges are those of Lambda's CreateFunction.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;

/// How long an invocation may take when the file does not say, in seconds; Lambda's default.
const TIMEOUT_SECONDS_DEFAULT: i64 = 3;
/// The longest an invocation may take, in seconds; Lambda's limit.
const TIMEOUT_SECONDS_MAX: i64 = 900;
/// How many processes a function may have when the file does not say.
const CONCURRENCY_DEFAULT: i64 = 10;
/// The most processes one function may have.
const CONCURRENCY_MAX: i64 = 10_000;
/// The longest name of a function, in characters.
const NAME_CHARACTERS_MAX: usize = 64;
/// Variables that the runner sets itself.
const RESERVED_VARIABLES: [&str; 4] =
    ["_HANDLER", "LAMBDA_TASK_ROOT", "AWS_LAMBDA_RUNTIME_API", "AWS_LAMBDA_FUNCTION_NAME"];

/// Every function of a functions file, by name.
#[derive(Debug, Clone, Default)]
pub struct Functions {
    pub(crate) by_name: BTreeMap<Arc<str>, Arc<Function>>,
}

/// One function.
#[derive(Debug, Clone, PartialEq)]
pub struct Function {
    /// The last part of the ARNs that reach it.
    pub name: Arc<str>,
    /// What an invocation goes to.
    pub host: Host,
    /// How long an invocation may take.
    pub timeout: Duration,
    /// How many invocations may be under way at once.
    pub concurrency: usize,
    /// Whether the same attempt may be sent again, with the same request id, after a crash.
    pub idempotent: bool,
    /// What the processes find in their environment beside what Lambda puts there.
    pub environment: BTreeMap<String, String>,
}

/// What an invocation goes to.
#[derive(Debug, Clone, PartialEq)]
pub enum Host {
    /// Processes of this machine.
    Process {
        /// What runs the handler.
        runtime: Runtime,
        /// `file.function`; empty for an executable of its own.
        handler: String,
        /// The absolute, canonical path of the function's folder.
        code: PathBuf,
    },
    /// An address that takes the payload in a POST.
    Endpoint {
        /// The `http://` address.
        uri: hyper::Uri,
    },
}

/// What runs a handler.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Runtime {
    /// `python3.x`
    Python {
        /// The x.
        minor: u16,
    },
    /// `nodejsNN.x`
    Node {
        /// The NN.
        major: u16,
    },
    /// An executable named `bootstrap` that speaks the Lambda Runtime API itself.
    Provided,
}

impl Runtime {
    /// Reads AWS's identifier of a runtime.
    fn parse(identifier: &str) -> Option<Runtime> {
        if let Some(minor) = identifier.strip_prefix("python3.") {
            return minor.parse().ok().map(|minor| Runtime::Python { minor });
        }
        if let Some(major) = identifier.strip_prefix("nodejs").and_then(|rest| rest.strip_suffix(".x")) {
            return major.parse().ok().map(|major| Runtime::Node { major });
        }
        matches!(identifier, "provided" | "provided.al2" | "provided.al2023").then_some(Runtime::Provided)
    }
}

/// What is wrong with a functions file, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// The file.
    pub file: PathBuf,
    /// From 1; `None` if it is about the file as a whole.
    pub line: Option<usize>,
    /// The key it is about, if it is about one.
    pub field: Option<String>,
    /// What is wrong, in lower case.
    pub problem: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// `FILE:LINE: KEY: problem`, without the hint.
impl std::fmt::Display for ConfigError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if let Some(field) = &self.field {
            write!(f, ": {field}")?;
        }
        write!(f, ": {}", self.problem)
    }
}

impl std::error::Error for ConfigError {}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileText {
    #[serde(default)]
    function: Vec<Spanned<Entry>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: Spanned<String>,
    runtime: Option<Spanned<String>>,
    handler: Option<Spanned<String>>,
    code: Option<Spanned<String>>,
    endpoint: Option<Spanned<String>>,
    timeout_seconds: Option<Spanned<i64>>,
    concurrency: Option<Spanned<i64>>,
    #[serde(default)]
    idempotent: bool,
    environment: Option<Spanned<BTreeMap<String, String>>>,
}

/// The keys of a function, in the order of the documentation.
const KEYS: [&str; 9] = [
    "name",
    "runtime",
    "handler",
    "code",
    "endpoint",
    "timeout_seconds",
    "concurrency",
    "idempotent",
    "environment",
];

impl Functions {
    /// Reads a functions file and looks whether the folders and handlers that it names are there.
    pub fn load(file: &Path) -> Result<Functions, ConfigError> {
        let text = std::fs::read_to_string(file).map_err(|error| ConfigError {
            file: file.to_owned(),
            line: None,
            field: None,
            problem: format!("cannot be read: {error}"),
            hint: Some("give the path of a TOML file with --functions".to_owned()),
        })?;
        Functions::parse(&text, file)
    }

    /// The functions that `text`, the content of `file`, lists. Relative paths start at `file`.
    pub fn parse(text: &str, file: &Path) -> Result<Functions, ConfigError> {
        let reader = Reader { text, file };
        let parsed: FileText = toml::from_str(text).map_err(|error| reader.syntax(&error))?;
        let mut functions = Functions::default();
        for entry in parsed.function {
            let whole = entry.span();
            let name_at = entry.get_ref().name.span();
            let function = reader.function(entry.into_inner(), whole)?;
            let name = function.name.clone();
            if functions.by_name.insert(name.clone(), Arc::new(function)).is_some() {
                let problem = format!("the name {name:?} is given to two functions");
                return Err(reader.error(name_at, "name", problem, "give each function a name of its own"));
            }
        }
        Ok(functions)
    }

    /// The function of this name (the last part of its ARN).
    pub fn get(&self, name: &str) -> Option<&Arc<Function>> {
        self.by_name.get(name)
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Function>> {
        self.by_name.values()
    }
}

struct Reader<'a> {
    text: &'a str,
    file: &'a Path,
}

impl Reader<'_> {
    fn line(&self, at: usize) -> usize {
        self.text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
    }

    fn error(&self, at: Range<usize>, field: &str, problem: String, hint: &str) -> ConfigError {
        ConfigError {
            file: self.file.to_owned(),
            line: Some(self.line(at.start)),
            field: Some(field.to_owned()),
            problem,
            hint: (!hint.is_empty()).then(|| hint.to_owned()),
        }
    }

    /// A mistake that the TOML reader found: in the syntax, a type, an unknown or a missing key.
    fn syntax(&self, error: &toml::de::Error) -> ConfigError {
        let span = error.span().unwrap_or(0..0);
        let message = error.message().to_owned();
        let quoted = message.split('`').nth(1).map(str::to_owned);
        let (field, problem, hint) = match quoted {
            Some(key) if message.starts_with("unknown field") => {
                let known =
                    if message.contains("expected `function`") { &["function"][..] } else { &KEYS[..] };
                let hint = nearest(&key, known).map(|near| format!("did you mean `{near}`?"));
                (Some(key), "no such key".to_owned(), hint)
            }
            Some(key) if message.starts_with("missing field") => {
                (Some(key), "this key is missing".to_owned(), None)
            }
            Some(_) | None => (self.key_at(span.start), message, None),
        };
        let line = error.span().map(|span| self.line(span.start));
        ConfigError { file: self.file.to_owned(), line, field, problem, hint }
    }

    /// The key of the line in which byte `at` stands.
    fn key_at(&self, at: usize) -> Option<String> {
        let line = self.text.lines().nth(self.line(at) - 1)?;
        let (key, _) = line.split_once('=')?;
        Some(key.trim().to_owned())
    }

    fn function(&self, entry: Entry, whole: Range<usize>) -> Result<Function, ConfigError> {
        let name = entry.name.get_ref().clone();
        let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
        if name.is_empty() || name.len() > NAME_CHARACTERS_MAX || !plain {
            let problem = format!("{name:?} is not a name of a function");
            let hint = "1 to 64 letters, digits, `-` and `_`, as in the last part of its ARN";
            return Err(self.error(entry.name.span(), "name", problem, hint));
        }
        let timeout = self.number(
            entry.timeout_seconds.as_ref(),
            "timeout_seconds",
            TIMEOUT_SECONDS_DEFAULT,
            TIMEOUT_SECONDS_MAX,
        )?;
        let concurrency =
            self.number(entry.concurrency.as_ref(), "concurrency", CONCURRENCY_DEFAULT, CONCURRENCY_MAX)?;
        let host = match &entry.endpoint {
            Some(endpoint) => self.endpoint(endpoint, &entry)?,
            None => self.process(&entry, whole)?,
        };
        let environment = match entry.environment {
            None => BTreeMap::new(),
            Some(given) => self.environment(given)?,
        };
        Ok(Function {
            name: name.into(),
            host,
            timeout: Duration::from_secs(timeout.unsigned_abs()),
            concurrency: usize::try_from(concurrency).expect("at most 10,000"),
            idempotent: entry.idempotent,
            environment,
        })
    }

    /// A whole number from 1 to `max`.
    fn number(
        &self,
        given: Option<&Spanned<i64>>,
        field: &str,
        default: i64,
        max: i64,
    ) -> Result<i64, ConfigError> {
        let Some(given) = given else { return Ok(default) };
        let number = *given.get_ref();
        if (1..=max).contains(&number) {
            return Ok(number);
        }
        Err(self.error(given.span(), field, format!("{number} is not in the range 1 to {max}"), ""))
    }

    fn environment(
        &self,
        given: Spanned<BTreeMap<String, String>>,
    ) -> Result<BTreeMap<String, String>, ConfigError> {
        for (key, value) in given.get_ref() {
            let problem = if RESERVED_VARIABLES.contains(&key.as_str()) {
                format!("{key} is set by the runner")
            } else if key.is_empty() || key.contains(['=', '\0']) || value.contains('\0') {
                format!("{key:?} cannot be a variable of a process")
            } else {
                continue;
            };
            return Err(self.error(given.span(), "environment", problem, "leave it out or rename it"));
        }
        Ok(given.into_inner())
    }

    fn endpoint(&self, endpoint: &Spanned<String>, entry: &Entry) -> Result<Host, ConfigError> {
        for (field, given) in
            [("runtime", &entry.runtime), ("handler", &entry.handler), ("code", &entry.code)]
        {
            if let Some(given) = given {
                let problem = "has no meaning beside `endpoint`".to_owned();
                return Err(self.error(given.span(), field, problem, "keep one of the two"));
            }
        }
        let text = endpoint.get_ref();
        let uri = text.parse::<hyper::Uri>().ok().filter(|uri| uri.host().is_some());
        match uri {
            Some(uri) if uri.scheme_str() == Some("http") => Ok(Host::Endpoint { uri }),
            Some(_) | None => {
                let problem = format!("{text:?} is not an http:// address");
                let hint = "an address such as \"http://127.0.0.1:9001/score\"; https is not spoken";
                Err(self.error(endpoint.span(), "endpoint", problem, hint))
            }
        }
    }

    fn process(&self, entry: &Entry, whole: Range<usize>) -> Result<Host, ConfigError> {
        let missing = |field: &str| {
            let hint = "give `runtime` and `code`, or an `endpoint`";
            self.error(whole.clone(), field, "this key is missing".to_owned(), hint)
        };
        let runtime_text = entry.runtime.as_ref().ok_or_else(|| missing("runtime"))?;
        let runtime = Runtime::parse(runtime_text.get_ref()).ok_or_else(|| {
            let problem = format!("{:?} is not a runtime", runtime_text.get_ref());
            let hint = "one of python3.x such as \"python3.12\", nodejsNN.x such as \"nodejs20.x\", \"provided.al2023\"";
            self.error(runtime_text.span(), "runtime", problem, hint)
        })?;
        let code_text = entry.code.as_ref().ok_or_else(|| missing("code"))?;
        let folder = self.file.parent().unwrap_or(Path::new("")).join(code_text.get_ref());
        let code = folder.canonicalize().ok().filter(|code| code.is_dir()).ok_or_else(|| {
            let problem = format!("{} is not a folder", folder.display());
            self.error(code_text.span(), "code", problem, "the path starts at the folder of this file")
        })?;
        if runtime == Runtime::Provided {
            self.bootstrap(&code, code_text.span())?;
            let handler = entry.handler.as_ref().map(|handler| handler.get_ref().clone()).unwrap_or_default();
            return Ok(Host::Process { runtime, handler, code });
        }
        let handler = entry.handler.as_ref().ok_or_else(|| missing("handler"))?;
        if !handler_files(runtime, handler.get_ref()).iter().any(|file| code.join(file).exists()) {
            let files = handler_files(runtime, handler.get_ref());
            let problem = match files.first() {
                Some(file) => format!("there is no {file} in {}", code.display()),
                None => format!("{:?} is not of the form file.function", handler.get_ref()),
            };
            return Err(self.error(
                handler.span(),
                "handler",
                problem,
                "file.function or folder/file.function",
            ));
        }
        Ok(Host::Process { runtime, handler: handler.get_ref().clone(), code })
    }

    /// Whether a folder has an executable named `bootstrap`.
    fn bootstrap(&self, code: &Path, at: Range<usize>) -> Result<(), ConfigError> {
        use std::os::unix::fs::PermissionsExt;
        let file = code.join("bootstrap");
        let (problem, hint) = match file.metadata() {
            Ok(found) if found.is_file() && found.permissions().mode() & 0o111 != 0 => return Ok(()),
            Ok(_) => (format!("{} is not executable", file.display()), "chmod +x it"),
            Err(_) => (
                format!("there is no {}", file.display()),
                "a provided runtime is an executable of this name",
            ),
        };
        Err(self.error(at, "code", problem, hint))
    }
}

/// The files in which a handler may be, relative to the folder of the function, likeliest first.
fn handler_files(runtime: Runtime, handler: &str) -> Vec<String> {
    let (folder, base) = handler.rsplit_once('/').unwrap_or(("", handler));
    let join = |file: String| if folder.is_empty() { file } else { format!("{folder}/{file}") };
    match runtime {
        // A module may stand in a package: `package.module.function`.
        Runtime::Python { .. } => base.rsplit_once('.').map_or_else(Vec::new, |(module, _)| {
            let module = module.replace('.', "/");
            vec![
                join(format!("{module}.py")),
                join(format!("{module}/__init__.py")),
                join(format!("{module}.so")),
            ]
        }),
        // What follows the first dot may be nested: `file.object.function`.
        Runtime::Node { .. } => base.split_once('.').map_or_else(Vec::new, |(file, _)| {
            [".js", ".mjs", ".cjs", ""].iter().map(|extension| join(format!("{file}{extension}"))).collect()
        }),
        Runtime::Provided => Vec::new(),
    }
}

/// The known key that `key` was probably meant to be.
fn nearest<'a>(key: &str, known: &[&'a str]) -> Option<&'a str> {
    let near = known.iter().map(|known| (distance(key, known), *known)).min()?;
    (near.0 <= near.1.len().max(key.len()) / 2).then_some(near.1)
}

/// How many letters must be put in, taken out or replaced to make one word of the other.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder with `python/app.py`, `node/app.mjs` and a `bare/bootstrap` that cannot be executed.
    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, file) in [("python", "app.py"), ("node", "app.mjs"), ("bare", "bootstrap")] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
            std::fs::write(folder.path().join(name).join(file), "").unwrap();
        }
        folder
    }

    /// What comes of a file with this text, with the folder left out of messages.
    fn check(text: &str) -> String {
        let folder = folder();
        let file = folder.path().join("functions.toml");
        let place = folder.path().canonicalize().unwrap().display().to_string();
        let told = match Functions::parse(text, &file) {
            Ok(functions) => functions.iter().map(|f| format!("{} ", f.name)).collect::<String>() + "read",
            Err(error) => format!("{error} [{}]", error.hint.clone().unwrap_or_default()),
        };
        told.replace(&format!("{place}/"), "").replace(&format!("{}/", folder.path().display()), "")
    }

    #[test]
    fn a_whole_file_is_read() {
        let text = r#"
            [[function]]
            name = "charge-card"
            runtime = "python3.11"
            handler = "app.handler"
            code = "python"
            timeout_seconds = 900
            concurrency = 1
            idempotent = true
            environment = { STAGE = "dev" }
            [[function]]
            name = "ship"
            runtime = "nodejs20.x"
            handler = "app.nested.handler"
            code = "./node"
            [[function]]
            name = "score"
            endpoint = "http://127.0.0.1:9001/score"
        "#;
        assert_eq!(check(text), "charge-card score ship read");
        let folder = folder();
        let functions = Functions::parse(text, &folder.path().join("f.toml")).unwrap();
        let charge = functions.get("charge-card").unwrap();
        assert_eq!((charge.timeout.as_secs(), charge.concurrency, charge.idempotent), (900, 1, true));
        assert_eq!(charge.environment["STAGE"], "dev");
        let ship = functions.get("ship").unwrap();
        assert_eq!((ship.timeout.as_secs(), ship.concurrency, ship.idempotent), (3, 10, false));
        assert!(matches!(ship.host, Host::Process { runtime: Runtime::Node { major: 20 }, .. }));
        assert!(Functions::parse("", Path::new("f.toml")).unwrap().by_name.is_empty());
    }

    #[test]
    fn a_mistake_is_told_with_its_line_its_key_and_what_was_meant() {
        assert_eq!(
            check("[[function]]\nname = \"a\"\nruntim = \"python3.11\"\n"),
            "functions.toml:3: runtim: no such key [did you mean `runtime`?]"
        );
        assert_eq!(
            check("[[functions]]\n"),
            "functions.toml:1: functions: no such key [did you mean `function`?]"
        );
        assert_eq!(
            check("[[function]]\nruntime = \"x\"\n"),
            "functions.toml:1: name: this key is missing []"
        );
        assert_eq!(
            check("[[function]]\nname = \"a\"\nconcurrency = \"two\"\n"),
            "functions.toml:3: concurrency: invalid type: string \"two\", expected i64 []"
        );
        assert_eq!(
            check("[[function]]\nname = \"a\"\nendpoint = \"http://h/\"\ntimeout_seconds = 0\n"),
            "functions.toml:4: timeout_seconds: 0 is not in the range 1 to 900 []"
        );
    }

    #[test]
    fn what_is_not_there_is_missed_when_the_file_is_read() {
        let process = |runtime: &str, handler: &str, code: &str| {
            check(&format!(
                "[[function]]\nname = \"a\"\nruntime = \"{runtime}\"\nhandler = \"{handler}\"\ncode = \"{code}\"\n"
            ))
        };
        assert_eq!(
            process("python3.11", "app.f", "nowhere"),
            "functions.toml:5: code: nowhere is not a folder [the path starts at the folder of this file]"
        );
        assert!(process("python3.11", "other.f", "python").contains("4: handler: there is no other.py in"));
        assert!(process("python3.11", "handler", "python").contains("is not of the form file.function"));
        assert!(process("ruby3.2", "app.f", "python").contains("\"ruby3.2\" is not a runtime"));
        assert!(process("provided.al2023", "", "bare").contains("bootstrap is not executable"));
        assert!(process("provided.al2", "", "node").contains("there is no node/bootstrap"));
        assert!(process("nodejs22.x", "app.f", "node").ends_with("read"));
    }

    #[test]
    fn a_name_belongs_to_one_function() {
        let one = "[[function]]\nname = \"a\"\nendpoint = \"http://127.0.0.1:1/\"\n";
        assert!(check(&one.repeat(2)).starts_with("functions.toml:5: name: the name \"a\" is given to two"));
        assert!(check(&one.replace("\"a\"", "\"a b\"")).contains("is not a name of a function"));
        assert!(check(&one.replace("http:", "https:")).contains("is not an http:// address"));
        assert!(check(&(one.to_owned() + "code = \"x\"")).contains("code: has no meaning beside `endpoint`"));
        assert!(
            check(&(one.to_owned() + "environment = { _HANDLER = \"x\" }")).contains("set by the runner")
        );
    }
}
