//! The canonical form of a request, which signer and verifier must write alike, byte for byte.
//!
//! ```text
//! METHOD
//! path, without dot segments and doubled slashes, encoded once more than it was sent
//! query, each name and value encoded, sorted by name and then by value
//! name:value          a line per signed header, blanks trimmed, runs of blanks made one
//!
//! names;of;signed;headers
//! hash of the body
//! ```

use crate::Request;

/// The canonical request. Bytes, because header values are not always UTF-8.
pub(crate) fn request(request: &Request<'_>, signed_headers: &str, payload_hash: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(512);
    out.extend_from_slice(request.method.as_bytes());
    out.push(b'\n');
    path(request.path, &mut out);
    out.push(b'\n');
    query(request.query, &mut out);
    out.push(b'\n');
    for name in signed_headers.split(';') {
        out.extend_from_slice(name.as_bytes());
        out.push(b':');
        for (index, value) in request.values(name).enumerate() {
            if index > 0 {
                out.push(b',');
            }
            trimmed(value, &mut out);
        }
        out.push(b'\n');
    }
    out.push(b'\n');
    out.extend_from_slice(signed_headers.as_bytes());
    out.push(b'\n');
    out.extend_from_slice(payload_hash.as_bytes());
    out
}

/// The path, normalized as RFC 3986 (section 5.2.4) says and with doubled slashes made one, then
/// encoded: every service but S3 encodes what has been encoded already, so that `%` becomes `%25`.
fn path(path: &str, out: &mut Vec<u8>) {
    let mut kept: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                kept.pop();
            }
            segment => kept.push(segment),
        }
    }
    for segment in &kept {
        out.push(b'/');
        encode(segment.as_bytes(), out);
    }
    let ends_in_folder = path.ends_with('/') || path.ends_with("/.") || path.ends_with("/..");
    if kept.is_empty() || ends_in_folder {
        out.push(b'/');
    }
}

/// The query: what arrives is encoded somehow; decoded and encoded again it is encoded AWS's way.
fn query(query: &str, out: &mut Vec<u8>) {
    let mut pairs: Vec<(Vec<u8>, Vec<u8>)> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (recoded(name), recoded(value)))
        .collect();
    pairs.sort();
    for (index, (name, value)) in pairs.iter().enumerate() {
        if index > 0 {
            out.push(b'&');
        }
        out.extend_from_slice(name);
        out.push(b'=');
        out.extend_from_slice(value);
    }
}

fn recoded(text: &str) -> Vec<u8> {
    let mut plain = Vec::with_capacity(text.len());
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let escaped = (bytes[at] == b'%').then(|| bytes.get(at + 1..at + 3).and_then(byte_of_hex)).flatten();
        match escaped {
            Some(byte) => {
                plain.push(byte);
                at += 3;
            }
            None => {
                plain.push(bytes[at]);
                at += 1;
            }
        }
    }
    let mut out = Vec::with_capacity(plain.len());
    encode(&plain, &mut out);
    out
}

/// The byte that two hexadecimal digits, in either case, name.
pub(crate) fn byte_of_hex(digits: &[u8]) -> Option<u8> {
    let nibble = |digit: u8| char::from(digit).to_digit(16);
    let [high, low] = digits else { return None };
    u8::try_from(nibble(*high)? * 16 + nibble(*low)?).ok()
}

/// Everything but the unreserved characters of RFC 3986 becomes `%XX`.
fn encode(bytes: &[u8], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for &byte in bytes {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(byte);
        } else {
            out.extend_from_slice(&[b'%', DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
        }
    }
}

/// Blanks at the ends go, runs of blanks within become one. Only the space counts as a blank.
fn trimmed(value: &[u8], out: &mut Vec<u8>) {
    let words = value.split(|byte| *byte == b' ').filter(|word| !word.is_empty());
    for (index, word) in words.enumerate() {
        if index > 0 {
            out.push(b' ');
        }
        out.extend_from_slice(word);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_path_is_normalized_and_encoded_once_more() {
        for (sent, expected) in [
            ("/", "/"),
            ("", "/"),
            ("//a//b/", "/a/b/"),
            ("/a/./b/../c", "/a/c"),
            ("/a/..", "/"),
            ("/../..", "/"),
            ("/a/.", "/a/"),
            ("/a b", "/a%20b"),
            ("/a%20b", "/a%2520b"),
            ("/\u{1234}", "/%E1%88%B4"),
        ] {
            assert_eq!(written(|out| path(sent, out)), expected, "{sent}");
        }
    }

    #[test]
    fn a_query_is_sorted_by_name_and_value_after_encoding() {
        for (sent, expected) in [
            ("", ""),
            ("&", ""),
            ("a", "a="),
            ("b=2&a=2&a=1", "a=1&a=2&b=2"),
            ("a=%7e%2F&A=x y", "A=x%20y&a=~%2F"),
            ("a=1=2", "a=1%3D2"),
            ("a=%zz&%", "%25=&a=%25zz"),
        ] {
            assert_eq!(written(|out| query(sent, out)), expected, "{sent}");
        }
    }

    #[test]
    fn blanks_of_a_header_are_trimmed_and_made_one() {
        for (sent, expected) in [("", ""), ("  ", ""), (" a  b   c ", "a b c"), ("\"a  b\"", "\"a b\"")] {
            assert_eq!(written(|out| trimmed(sent.as_bytes(), out)), expected);
        }
    }
}
