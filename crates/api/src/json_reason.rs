//! Why a payload is not JSON, in the words of Jackson, which AWS passes on.
//!
//! Recorded are the first two forms below; the others are written from memory of Jackson's texts.
//! AWS leaves the place out.
//!
//! | mistake | text |
//! |---|---|
//! | a bare word | `Unrecognized token 'not': was expecting (JSON String, Number, ...)` |
//! | a key without double quotes | `Unexpected character (''' (code 39)): was expecting double-quote to start field name` |
//! | something else where a value should be | `Unexpected character ('}' (code 125)): expected a valid value (JSON String, ...)` |
//! | a text that ends too soon | `Unexpected end-of-input` |

use stepwell_value::ParseError;

const VALUES: &str = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')";

/// So much of a bare word is shown, in characters, as by Jackson.
const WORD_CHARACTERS_MAX: usize = 256;

/// The reason for `error`, which reading `text` gave.
pub(crate) fn json_reason(text: &str, error: &ParseError) -> String {
    let rest = text.get(error.offset..).unwrap_or("");
    let Some(found) = rest.chars().next() else {
        return "Unexpected end-of-input".to_owned();
    };
    let character = format!("Unexpected character ('{found}' (code {}))", found as u32);
    let message = error.message.as_str();
    if message.starts_with("expected a key") {
        format!("{character}: was expecting double-quote to start field name")
    } else if message.starts_with("expected ':'") {
        format!("{character}: was expecting a colon to separate field name and value")
    } else if message.starts_with("expected ',' or '}'") {
        format!("{character}: was expecting comma to separate Object entries")
    } else if message.starts_with("expected ',' or ']'") {
        format!("{character}: was expecting comma to separate Array entries")
    } else if message.starts_with("unexpected") && is_word(found) {
        let mut word: String = rest.chars().take_while(|character| is_word(*character)).collect();
        if let Some((end, _)) = word.char_indices().nth(WORD_CHARACTERS_MAX) {
            word.truncate(end);
            word.push_str("...");
        }
        format!("Unrecognized token '{word}': was expecting {VALUES}")
    } else if message.starts_with("unexpected") {
        format!("{character}: expected a valid value {VALUES}")
    } else {
        let mut message = message.to_owned();
        message[..1].make_ascii_uppercase();
        message
    }
}

/// What Jackson takes into a token: the parts of a Java identifier.
fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_' || character == '$'
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};
    use stepwell_value::Payload;

    fn check(text: &str, expected: Expect) {
        expected.assert_eq(&json_reason(text, &Payload::parse(text).unwrap_err()));
    }

    #[test]
    fn mistakes_are_told_in_jacksons_words() {
        check(
            "not some json",
            expect![
                "Unrecognized token 'not': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')"
            ],
        );
        check(
            "{'not': 'json'",
            expect!["Unexpected character (''' (code 39)): was expecting double-quote to start field name"],
        );
        check(
            "[tru]",
            expect![
                "Unrecognized token 'tru': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')"
            ],
        );
        check(
            "[1 2]",
            expect!["Unexpected character ('2' (code 50)): was expecting comma to separate Array entries"],
        );
        check(
            "{\"a\" 1}",
            expect![
                "Unexpected character ('1' (code 49)): was expecting a colon to separate field name and value"
            ],
        );
        check(
            "{\"a\":1 \"b\"}",
            expect![[
                r#"Unexpected character ('"' (code 34)): was expecting comma to separate Object entries"#
            ]],
        );
        check(
            "{\"a\":}",
            expect![
                "Unexpected character ('}' (code 125)): expected a valid value (JSON String, Number, Array, Object or token 'null', 'true' or 'false')"
            ],
        );
        check("{\"a\":", expect!["Unexpected end-of-input"]);
        check("\"abc", expect!["Unexpected end-of-input"]);
        check("01", expect!["A number with a leading zero"]);
    }
}
