//! The built console, embedded: the files of `console/dist` as they were when this crate was compiled.
//!
//! The build of the console writes beside each text its compressed form, `NAME.gz`, and puts what has a
//! hash of its content in its name below `assets/`. `cargo xtask console` makes that build. Without
//! one this crate compiles all the same, and [`Assets::embedded`] is empty.
//!
//! This is a leaf: it knows no HTTP but the names of content types.

use std::borrow::Cow;
use std::collections::BTreeMap;

use rust_embed::RustEmbed;
use sha2::{Digest, Sha256};

/// The page that the console begins with. It is the same for every view.
pub const INDEX: &str = "index.html";

/// Where the files are whose names change with their content.
const HASHED: &str = "assets/";

/// What the name of a compressed form ends with.
const COMPRESSED: &str = ".gz";

#[derive(RustEmbed)]
#[folder = "../../console/dist"]
#[allow_missing = true]
struct Built;

/// One file of the console.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asset {
    /// What is in it.
    pub bytes: &'static [u8],
    /// The same, compressed with gzip, if the build has made that.
    pub gzip: Option<&'static [u8]>,
    /// What to say in `Content-Type`.
    pub content_type: &'static str,
    /// Whether another content would have another name, so that this one never changes.
    pub hashed: bool,
    /// Stands for the content: 16 hexadecimal digits of its SHA-256.
    pub tag: String,
}

/// The files of a console, by their names: paths below `/console/`, without a slash at the beginning.
#[derive(Debug, Clone, Default)]
pub struct Assets {
    files: BTreeMap<Cow<'static, str>, Asset>,
}

impl Assets {
    /// The console that was built before this program was; empty if none was.
    pub fn embedded() -> Assets {
        Assets::new(Built::iter().filter_map(|name| {
            let bytes = match Built::get(&name)?.data {
                Cow::Borrowed(bytes) => bytes,
                // Not where files are embedded in every profile, as here. Once per process at most.
                Cow::Owned(bytes) => bytes.leak(),
            };
            Some((name, bytes))
        }))
    }

    /// A console of these files, compressed forms among them.
    pub fn new(files: impl IntoIterator<Item = (Cow<'static, str>, &'static [u8])>) -> Assets {
        let mut all: BTreeMap<_, _> = files.into_iter().collect();
        let names: Vec<_> = all.keys().filter(|name| !is_compressed(name, &all)).cloned().collect();
        let files = names.into_iter().filter_map(|name| {
            let bytes = all.remove(&name)?;
            let gzip = all.get(format!("{name}{COMPRESSED}").as_str()).copied();
            let (content_type, hashed) = (content_type(&name), name.starts_with(HASHED));
            Some((name, Asset { bytes, gzip, content_type, hashed, tag: tag(bytes) }))
        });
        Assets { files: files.collect() }
    }

    /// The file of this name. Compressed forms have none of their own.
    pub fn find(&self, name: &str) -> Option<&Asset> {
        self.files.get(name)
    }

    /// Whether there is a console at all.
    pub fn is_built(&self) -> bool {
        self.files.contains_key(INDEX)
    }
}

/// Whether a file is only another form of one that is there too.
fn is_compressed(name: &str, all: &BTreeMap<Cow<'static, str>, &'static [u8]>) -> bool {
    name.strip_suffix(COMPRESSED).is_some_and(|name| all.contains_key(name))
}

/// The content type that goes with the end of a name. Browsers are told not to guess another.
fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map_or("", |(_, end)| end) {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "wasm" => "application/wasm",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

fn tag(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assets(files: &[(&'static str, &'static str)]) -> Assets {
        Assets::new(files.iter().map(|(name, text)| (Cow::Borrowed(*name), text.as_bytes())))
    }

    #[test]
    fn a_file_has_its_compressed_form_its_type_and_whether_it_ever_changes() {
        let assets = assets(&[
            ("index.html", "<html>"),
            ("assets/index-x1.js", "code"),
            ("assets/index-x1.js.gz", "small"),
            ("archive.gz", "a file of its own"),
        ]);
        assert!(assets.is_built());
        let code = assets.find("assets/index-x1.js").unwrap();
        assert_eq!((code.bytes, code.gzip), (&b"code"[..], Some(&b"small"[..])));
        assert_eq!(code.content_type, "text/javascript; charset=utf-8");
        assert!(code.hashed);
        let index = assets.find(INDEX).unwrap();
        assert_eq!((index.gzip, index.hashed, index.tag.len()), (None, false, 16));
        assert_ne!(index.tag, code.tag);
        assert!(assets.find("assets/index-x1.js.gz").is_none());
        assert_eq!(assets.find("archive.gz").unwrap().content_type, "application/octet-stream");
        assert!(assets.find("").is_none());
    }

    #[test]
    fn without_a_build_there_is_nothing() {
        assert!(!assets(&[]).is_built());
        assert!(assets(&[]).find(INDEX).is_none());
    }

    #[test]
    fn what_is_embedded_is_a_whole_console_or_none() {
        let embedded = Assets::embedded();
        assert_eq!(embedded.is_built(), !embedded.files.is_empty());
    }
}
