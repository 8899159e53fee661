//! The credentials file: who may call, and what each may do.
//!
//! ```toml
//! [[key]]
//! access_key_id = "AKIAEXAMPLE"
//! secret_access_key = "..."       # or secret_file = "path"
//! account = "123456789012"
//! user = "ci"
//! policies = ["policies/ci.json"] # IAM JSON; none means deny
//! ```
//!
//! Paths are relative to the file. Nothing of a secret ever gets into a complaint or a log.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use stepwell_api::Principal;
use stepwell_policy::Policy;
use stepwell_server::{Credentials, Secret};

use crate::complaint::{Complaint, quoted};
use crate::config::nearest;

/// The shortest secret, in characters. Whoever captures a signed call can try secrets at leisure;
/// AWS's have 40.
const SECRET_CHARACTERS_MIN: usize = 16;

/// What a credentials file says.
#[derive(Debug)]
pub struct CredentialsFile {
    /// The keys.
    pub credentials: Credentials,
    /// How many keys there are.
    pub keys: usize,
    /// Files with secrets that every user of the machine can read.
    pub exposed: Vec<PathBuf>,
}

/// The keys of `[[key]]`.
const KEYS: [&str; 6] = ["access_key_id", "secret_access_key", "secret_file", "account", "user", "policies"];

/// Reads a credentials file and the files that it names.
///
/// # Errors
///
/// A [`Complaint`] about the first thing that cannot be used, with its place.
pub fn read(file: &Path) -> Result<CredentialsFile, Complaint> {
    let mut exposed = Vec::new();
    let text = read_file(file, "cannot read the credentials", &mut exposed, true)?;
    let shown = file.display().to_string();
    // The reader's own message would show the line, and with it perhaps a secret.
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
        let line =
            error.span().map_or(1, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
        Complaint::usage("the credentials are not TOML", format!("{shown}: line {line}"))
    })?;
    if let Some(unknown) = table.keys().find(|key| *key != "key") {
        return Err(Complaint::usage("unknown key in the credentials", format!("{shown}: {unknown}"))
            .hint("credentials are written below [[key]]"));
    }
    let list = table.get("key").and_then(toml::Value::as_array);
    let entries = list.filter(|list| !list.is_empty()).ok_or_else(|| {
        Complaint::usage("no credentials", shown.as_str()).hint("write at least one [[key]]")
    })?;

    let mut credentials = Credentials::default();
    let folder = file.parent().unwrap_or(Path::new(""));
    for (index, entry) in entries.iter().enumerate() {
        let entry = Entry { table: entry.as_table(), place: format!("{shown}: key {}", index + 1) };
        let (id, secret, principal) = entry.read(folder, &mut exposed)?;
        if !credentials.add(&id, secret, principal) {
            return Err(Complaint::usage("the same access_key_id twice", format!("{}: {id}", entry.place)));
        }
    }
    Ok(CredentialsFile { credentials, keys: entries.len(), exposed })
}

/// One `[[key]]`.
struct Entry<'a> {
    table: Option<&'a toml::Table>,
    place: String,
}

impl Entry<'_> {
    fn read(
        &self,
        folder: &Path,
        exposed: &mut Vec<PathBuf>,
    ) -> Result<(String, Secret, Principal), Complaint> {
        let table = self.table.ok_or_else(|| Complaint::usage("not a table", self.place.as_str()))?;
        if let Some(unknown) = table.keys().find(|key| !KEYS.contains(&key.as_str())) {
            let known = nearest(unknown, KEYS).expect("there are keys");
            return Err(Complaint::usage(
                "unknown key in the credentials",
                format!("{}: {unknown}", self.place),
            )
            .hint(format!("did you mean {known}?")));
        }
        let id = self.needed("access_key_id")?;
        let is_id =
            (1..=128).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if !is_id {
            // Not shown: a secret that was put into the wrong line looks like this.
            let subject = format!("{}: access_key_id", self.place);
            return Err(Complaint::usage("not allowed here", subject)
                .hint("letters, digits and underscores, at most 128"));
        }
        let account = self.needed("account")?;
        let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
        self.check(is_account, "account", &account, "an account has twelve digits")?;
        let user = self.needed("user")?;
        let is_user = (1..=64).contains(&user.len())
            && user.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte));
        self.check(is_user, "user", &user, "letters, digits and any of _+=,.@-, at most 64")?;
        let secret = self.secret(folder, exposed)?;
        Ok((id, secret, Principal::new(account, user, self.policies(folder)?)))
    }

    fn secret(&self, folder: &Path, exposed: &mut Vec<PathBuf>) -> Result<Secret, Complaint> {
        let secret = match (self.text("secret_access_key")?, self.text("secret_file")?) {
            (Some(secret), None) => secret,
            (None, Some(file)) => {
                let text = read_file(&folder.join(file), "cannot read the secret", exposed, true)?;
                text.trim_ascii().to_owned()
            }
            (None, None) => {
                return Err(Complaint::usage("a key without its secret", self.place.as_str())
                    .hint("write secret_access_key or secret_file"));
            }
            (Some(_), Some(_)) => {
                return Err(Complaint::usage("secret_access_key and secret_file", self.place.as_str())
                    .hint("give one of the two"));
            }
        };
        if secret.chars().count() < SECRET_CHARACTERS_MIN {
            return Err(Complaint::usage("a secret that can be guessed", self.place.as_str())
                .hint(format!("a secret has at least {SECRET_CHARACTERS_MIN} characters; AWS's have 40")));
        }
        Ok(Secret::new(secret))
    }

    fn policies(&self, folder: &Path) -> Result<Vec<Policy>, Complaint> {
        let Some(value) = self.table.and_then(|table| table.get("policies")) else { return Ok(Vec::new()) };
        let files = value
            .as_array()
            .and_then(|files| files.iter().map(toml::Value::as_str).collect::<Option<Vec<_>>>())
            .ok_or_else(|| {
                Complaint::usage("not a list of files", format!("{}: policies", self.place))
                    .hint("write [\"FILE\"]")
            })?;
        let read = files.into_iter().map(|file| {
            let path = folder.join(file);
            let text = read_file(&path, "cannot read the policy", &mut Vec::new(), false)?;
            Policy::parse(&text).map_err(|error| {
                Complaint::usage("the policy cannot be used", format!("{}:{error}", path.display()))
                    .hint(error.hint)
            })
        });
        read.collect()
    }

    fn text(&self, key: &str) -> Result<Option<String>, Complaint> {
        match self.table.and_then(|table| table.get(key)) {
            None => Ok(None),
            Some(toml::Value::String(text)) => Ok(Some(text.clone())),
            // What it is instead is not shown: it may be a secret.
            Some(_) => {
                Err(Complaint::usage("not a text", format!("{}: {key}", self.place))
                    .hint("write it in quotes"))
            }
        }
    }

    fn needed(&self, key: &str) -> Result<String, Complaint> {
        self.text(key)?
            .ok_or_else(|| Complaint::usage("something is missing", format!("{}: {key}", self.place)))
    }

    fn check(&self, fits: bool, key: &str, value: &str, hint: &str) -> Result<(), Complaint> {
        if fits {
            return Ok(());
        }
        let subject = format!("{}: {key} {}", self.place, quoted(value));
        Err(Complaint::usage("not allowed here", subject).hint(hint))
    }
}

/// A file as text; one with secrets that all may read is noted.
fn read_file(
    path: &Path,
    what: &str,
    exposed: &mut Vec<PathBuf>,
    is_secret: bool,
) -> Result<String, Complaint> {
    let failed = |error: std::io::Error| Complaint::usage(what, format!("{}: {error}", path.display()));
    let text = std::fs::read_to_string(path).map_err(failed)?;
    if is_secret && is_exposed(path) {
        exposed.push(path.to_owned());
    }
    Ok(text)
}

/// Whether every user of the machine can read a file.
pub fn is_exposed(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o004 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "wJalrXUtnFEMI/K7MDENG";

    /// Reads a credentials file of this text, beside a policy `p.json` and a secret `s`.
    fn check(text: &str, policy: &str) -> Result<CredentialsFile, String> {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str, mode: u32| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            path
        };
        write("p.json", policy, 0o644);
        write("s", &format!("{SECRET}\n"), 0o604);
        let file = write("k.toml", text, 0o600);
        read(&file)
            .map_err(|complaint| complaint.line().replace(&format!("{}/", folder.path().display()), ""))
    }

    fn key(more: &str) -> String {
        let base = [
            ("access_key_id", "'AKID'"),
            ("secret_access_key", "'wJalrXUtnFEMI/K7MDENG'"),
            ("account", "'123456789012'"),
            ("user", "'ci'"),
        ];
        let base = base.into_iter().filter(|(name, _)| !more.contains(name));
        format!(
            "[[key]]\n{}{more}\n",
            base.map(|(name, value)| format!("{name} = {value}\n")).collect::<String>()
        )
    }

    const ALLOW: &str = r#"{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}"#;

    #[test]
    fn keys_are_read_with_their_policies() {
        let text = key("policies = ['p.json']")
            + &key("access_key_id = 'OTHER'\nsecret_file = 's' # secret_access_key");
        let read = check(&text, ALLOW).unwrap();
        assert_eq!(read.keys, 2);
        assert!(!format!("{read:?}").contains("wJalr"));
        let exposed: Vec<_> = read.exposed.iter().filter_map(|path| path.file_name()).collect();
        assert_eq!(exposed, ["s"], "the credentials file itself is not for all");
    }

    #[test]
    fn what_cannot_be_used_is_told_with_its_place_and_without_its_secret() {
        for (text, expected) in [
            ("".to_owned(), "error: no credentials: k.toml. hint: write at least one [[key]]."),
            (
                "[[keys]]".to_owned(),
                "error: unknown key in the credentials: k.toml: keys. hint: credentials are written below [[key]].",
            ),
            (
                "[[key]]\nsecret_access_key = wJalrXUtnFEMI".to_owned(),
                "error: the credentials are not TOML: k.toml: line 2.",
            ),
            (
                key("acount = '1'"),
                "error: unknown key in the credentials: k.toml: key 1: acount. hint: did you mean account?",
            ),
            (
                key("account = '1'"),
                "error: not allowed here: k.toml: key 1: account \"1\". hint: an account has twelve digits.",
            ),
            (
                key("user = 'a b'"),
                "error: not allowed here: k.toml: key 1: user \"a b\". hint: letters, digits and any of _+=,.@-, at most 64.",
            ),
            (
                key("access_key_id = 'a/b'"),
                "error: not allowed here: k.toml: key 1: access_key_id. hint: letters, digits and underscores, at most 128.",
            ),
            (
                key("secret_access_key = 'wJalrXUtnFEMI'"),
                "error: a secret that can be guessed: k.toml: key 1. hint: a secret has at least 16 characters; AWS's have 40.",
            ),
            (
                key("secret_access_key = 1234567890123456"),
                "error: not a text: k.toml: key 1: secret_access_key. hint: write it in quotes.",
            ),
            (
                key("secret_file = 's'"),
                "error: secret_access_key and secret_file: k.toml: key 1. hint: give one of the two.",
            ),
            (key("") + &key(""), "error: the same access_key_id twice: k.toml: key 2: AKID."),
            (
                key("policies = 'p.json'"),
                "error: not a list of files: k.toml: key 1: policies. hint: write [\"FILE\"].",
            ),
            (
                key("policies = ['q.json']"),
                "error: cannot read the policy: q.json: No such file or directory (os error 2).",
            ),
        ] {
            assert_eq!(check(&text, ALLOW).unwrap_err(), expected);
        }
        let line = check(&key("policies = ['p.json']"), "{\n\"Statement\": {\"Efect\": 1}}").unwrap_err();
        assert!(
            line.starts_with("error: the policy cannot be used: p.json:2:15: unknown element Efect (/Statement/Efect). hint: "),
            "{line}"
        );
    }
}
