//! Why a text is not JSON, in the words of Jackson, which AWS passes on.
//!
//! Recorded are the first two forms below; the others are Jackson's own texts of releases 2.10 to 2.12,
//! of which AWS's is one by the form of its places.
//!
//! | mistake | text |
//! |---|---|
//! | a bare word | `Unrecognized token 'not': was expecting (JSON String, Number, ...)` |
//! | a key without double quotes | `Unexpected character (''' (code 39)): was expecting double-quote to start field name` |
//! | something else where a value should be | `Unexpected character ('}' (code 125)): expected a valid value (JSON String, ...)` |
//! | the wrong closing bracket | `Unexpected close marker ']': expected '}' (for Object starting at [Source: ...])` |
//! | a text that ends too soon | `Unexpected end-of-input: expected close marker for Object (start marker at [Source: ...])` |
//! | a line end in a string | `Illegal unquoted character ((CTRL-CHAR, code 10)): has to be escaped using backslash ...` |

use stepwell_value::{ParseError, Position};

const VALUES: &str = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')";

/// So much of a bare word is shown, in characters, as by Jackson.
const WORD_CHARACTERS_MAX: usize = 256;

/// So much of the text is shown in a place, in UTF-16 units, as by Jackson.
const SOURCE_UNITS_MAX: usize = 500;

/// The reason for `error`, which reading `text` gave.
pub(crate) fn json_reason(text: &str, error: &ParseError) -> String {
    let (before, rest) = text.split_at_checked(error.offset).unwrap_or((text, ""));
    let message = error.message.as_str();
    let around = Around::of(before);
    let Some(found) = rest.chars().next() else { return end_of_input(text, message, &around) };
    let shown = shown(found);
    let character = format!("Unexpected character ({shown})");
    if let (Some(open), ']' | '}') = (&around.open, found)
        && open.closing() != found
        && !around.after_comma
        && !around.after_key
        && (message.starts_with("unexpected") || message.starts_with("expected"))
    {
        let (kind, wanted, place) = (open.kind(), open.closing(), source(text, open.offset));
        return format!(
            "Unexpected close marker '{found}': expected '{wanted}' (for {kind} starting at {place})"
        );
    }
    if message.starts_with("expected a key") {
        format!("{character}: was expecting double-quote to start field name")
    } else if message.starts_with("expected ':'") {
        format!("{character}: was expecting a colon to separate field name and value")
    } else if message.starts_with("expected ',' or '}'") {
        format!("{character}: was expecting comma to separate Object entries")
    } else if message.starts_with("expected ',' or ']'") {
        format!("{character}: was expecting comma to separate Array entries")
    } else if message.starts_with("expected a digit") {
        let what = if before.ends_with('.') {
            "Decimal point not followed by a digit"
        } else if before.ends_with('-') && !before.ends_with("e-") && !before.ends_with("E-") {
            "expected digit (0-9) to follow minus sign, for valid numeric value"
        } else {
            "Exponent indicator not followed by a digit"
        };
        format!("{character} in numeric value: {what}")
    } else if message.starts_with("a number with a leading zero") {
        "Invalid numeric value: Leading zeroes not allowed".to_owned()
    } else if message.starts_with("a control character") {
        let what = if around.in_key { "name" } else { "string value" };
        format!(
            "Illegal unquoted character ({shown}): has to be escaped using backslash to be included in {what}"
        )
    } else if message.starts_with("unknown escape") {
        format!("Unrecognized character escape {shown}")
    } else if message.starts_with("expected four hexadecimal") {
        format!("{character}: expected a hex-digit for character escape sequence")
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

/// Where Jackson was when it found out: behind the character or the word in question.
pub(crate) fn json_place(text: &str, error: &ParseError) -> String {
    let rest = text.get(error.offset..).unwrap_or("");
    let read = if error.message.starts_with("unexpected") && rest.starts_with(is_word) {
        rest.chars().take_while(|character| is_word(*character)).take(WORD_CHARACTERS_MAX).count()
    } else {
        rest.chars().take(1).count()
    };
    let Position { line, column } = error.position;
    place(text, line, column + read)
}

/// The place of a bracket.
fn source(text: &str, offset: usize) -> String {
    let Position { line, column } = Position::of(text, offset);
    place(text, line, column)
}

fn place(text: &str, line: usize, column: usize) -> String {
    let mut units = 0;
    let end = text.char_indices().find(|(_, character)| {
        units += character.len_utf16();
        units > SOURCE_UNITS_MAX
    });
    let Some((end, _)) = end else {
        return format!("[Source: (String)\"{text}\"; line: {line}, column: {column}]");
    };
    let (start, more) = (&text[..end], text[end..].encode_utf16().count());
    format!("[Source: (String)\"{start}\"[truncated {more} chars]; line: {line}, column: {column}]")
}

/// A character with its code, as Jackson shows it.
fn shown(character: char) -> String {
    let code = character as u32;
    match code {
        0..0x20 => format!("(CTRL-CHAR, code {code})"),
        0x20..=0xff => format!("'{character}' (code {code})"),
        _ => format!("'{character}' (code {code} / 0x{code:x})"),
    }
}

fn end_of_input(text: &str, message: &str, around: &Around) -> String {
    let why = match &around.open {
        _ if around.in_string && around.in_key => " in field name".to_owned(),
        _ if around.in_string || message.contains("inside a string") => {
            ": was expecting closing quote for a string value".to_owned()
        }
        Some(open) if around.after_comma || around.after_key => {
            format!(" within/between {} entries", open.kind())
        }
        Some(open) => {
            let place = source(text, open.offset);
            format!(": expected close marker for {} (start marker at {place})", open.kind())
        }
        None => String::new(),
    };
    format!("Unexpected end-of-input{why}")
}

/// A bracket that is not closed.
struct Bracket {
    object: bool,
    offset: usize,
}

impl Bracket {
    fn kind(&self) -> &'static str {
        if self.object { "Object" } else { "Array" }
    }

    fn closing(&self) -> char {
        if self.object { '}' } else { ']' }
    }
}

/// What is around the end of a text that is JSON as far as it goes.
struct Around {
    /// The innermost bracket that is open.
    open: Option<Bracket>,
    /// A comma stands before it.
    after_comma: bool,
    /// A key, perhaps with its colon, stands before it.
    after_key: bool,
    in_string: bool,
    /// It is in a key.
    in_key: bool,
}

impl Around {
    fn of(before: &str) -> Around {
        let mut open: Vec<Bracket> = Vec::new();
        // The last thing that is no blank: a bracket, a comma, a colon, `k` for a key, `v` for a value.
        let mut last = b' ';
        let (mut in_string, mut escaped, mut in_key) = (false, false, false);
        for (offset, byte) in before.bytes().enumerate() {
            if in_string {
                match byte {
                    _ if escaped => escaped = false,
                    b'\\' => escaped = true,
                    b'"' => {
                        in_string = false;
                        last = if in_key { b'k' } else { b'v' };
                    }
                    _ => {}
                }
                continue;
            }
            match byte {
                b'"' => {
                    in_string = true;
                    in_key = open.last().is_some_and(|open| open.object) && matches!(last, b'{' | b',');
                }
                b'{' | b'[' => {
                    open.push(Bracket { object: byte == b'{', offset });
                    last = byte;
                }
                b'}' | b']' => {
                    open.pop();
                    last = b'v';
                }
                b',' | b':' => last = byte,
                b' ' | b'\n' | b'\r' | b'\t' => {}
                _ => last = b'v',
            }
        }
        Around {
            open: open.pop(),
            after_comma: last == b',',
            after_key: matches!(last, b'k' | b':'),
            in_string,
            in_key: in_string && in_key,
        }
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
        let mut told = Vec::new();
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
        for text in [
            r#"{"a":"#,
            r#"{"a""#,
            r#"{"a":1,"#,
            r#"{"a": [1"#,
            r#"{"a"#,
            r#""abc"#,
            "[\"a\nb\"]",
            "[1}",
            r#"{"a":1]"#,
            "[1,]",
            r#"{"a":1,}"#,
            "[1.x]",
            "[-x]",
            r#"["\q"]"#,
            "01",
            "[→]",
        ] {
            told.push(json_reason(text, &Payload::parse(text).unwrap_err()));
        }
        expect![[r#"
            Unexpected end-of-input within/between Object entries
            Unexpected end-of-input within/between Object entries
            Unexpected end-of-input within/between Object entries
            Unexpected end-of-input: expected close marker for Array (start marker at [Source: (String)"{"a": [1"; line: 1, column: 7])
            Unexpected end-of-input in field name
            Unexpected end-of-input: was expecting closing quote for a string value
            Illegal unquoted character ((CTRL-CHAR, code 10)): has to be escaped using backslash to be included in string value
            Unexpected close marker '}': expected ']' (for Array starting at [Source: (String)"[1}"; line: 1, column: 1])
            Unexpected close marker ']': expected '}' (for Object starting at [Source: (String)"{"a":1]"; line: 1, column: 1])
            Unexpected character (']' (code 93)): expected a valid value (JSON String, Number, Array, Object or token 'null', 'true' or 'false')
            Unexpected character ('}' (code 125)): was expecting double-quote to start field name
            Unexpected character ('x' (code 120)) in numeric value: Decimal point not followed by a digit
            Unexpected character ('x' (code 120)) in numeric value: expected digit (0-9) to follow minus sign, for valid numeric value
            Unrecognized character escape 'q' (code 113)
            Invalid numeric value: Leading zeroes not allowed
            Unexpected character ('→' (code 8594 / 0x2192)): expected a valid value (JSON String, Number, Array, Object or token 'null', 'true' or 'false')"#]].assert_eq(&told.join("\n"));
    }

    #[test]
    fn places_are_behind_what_was_read() {
        let place = |text: &str| json_place(text, &Payload::parse(text).unwrap_err());
        expect![[r#"[Source: (String)"not a definition"; line: 1, column: 4]"#]]
            .assert_eq(&place("not a definition"));
        expect![[r#"
            [Source: (String)"{
             "a": 1,
            }"; line: 3, column: 2]"#]]
        .assert_eq(&place("{\n \"a\": 1,\n}"));
        expect![[r#"[Source: (String)"{"a":1"; line: 1, column: 7]"#]].assert_eq(&place("{\"a\":1"));
        assert!(
            place(&format!("[{}", "1,".repeat(400)))
                .contains("\"[truncated 301 chars]; line: 1, column: 802]")
        );
    }
}
