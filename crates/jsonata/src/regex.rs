//! Regular expressions as JavaScript writes them, matched in linear time.
//!
//! A pattern is rewritten for the `regex` crate. What needs backtracking, that is, looking ahead or
//! behind and references to groups, is refused when the expression is compiled. Known differences:
//! a group in a repetition keeps what it last matched, where JavaScript forgets it at each turn;
//! letters are compared without case as Unicode does; `\B` knows all letters; and a character outside
//! the basic plane counts as one.

use regex::{Regex, RegexBuilder};

/// How large patterns may be in their compiled form, in bytes. The least that will do is looked for,
/// since neither the time of a search nor the memory can be asked for afterwards.
const SIZES: [usize; 3] = [4 * 1024, 16 * 1024, 64 * 1024];
/// How large all patterns of an expression may be together.
pub(crate) const ALL_MAX: usize = 2 * 1024 * 1024;
/// The longest `{n,m}`, in characters.
const QUANTIFIER_MAX: usize = 40;
/// The longest pattern, in bytes.
const SOURCE_MAX: usize = 16 * 1024;

/// How many ranges of many characters a pattern that ignores case may have: each character of them is
/// looked up.
const WIDE_RANGES_MAX: usize = 16;

/// A compiled pattern.
#[derive(Debug)]
pub(crate) struct Pattern {
    pub regex: Regex,
    /// As it was written, without slashes and flags.
    pub source: String,
    /// What it takes in its compiled form, in bytes, rounded up to one of [`SIZES`].
    pub bytes: usize,
}

impl Pattern {
    /// Compiles a pattern with its flags, `i` and `m`, into at most so many bytes. The error says what
    /// cannot be had.
    pub fn compile(source: &str, flags: &str, room: usize) -> Result<Pattern, String> {
        if source.len() > SOURCE_MAX {
            return Err(format!("The regular expression is longer than {SOURCE_MAX} bytes"));
        }
        let multiline = flags.contains('m');
        let mut translator = Translator::new(source, multiline);
        translator.run()?;
        let ignores_case = flags.contains('i');
        if ignores_case && translator.wide_ranges > WIDE_RANGES_MAX {
            return Err("The regular expression is too large".to_owned());
        }
        let translated = translator.out;
        for bytes in SIZES.into_iter().filter(|bytes| *bytes <= room) {
            let built = RegexBuilder::new(&translated)
                .case_insensitive(ignores_case)
                .multi_line(multiline)
                .size_limit(bytes)
                .dfa_size_limit(bytes.max(64 * 1024))
                .nest_limit(100)
                .build();
            match built {
                Ok(regex) => return Ok(Pattern { regex, source: source.to_owned(), bytes }),
                Err(regex::Error::CompiledTooBig(_)) => {}
                Err(_) => return Err("The regular expression is not valid".to_owned()),
            }
        }
        Err("The regular expression is too large".to_owned())
    }

    /// How many steps a search of so many bytes may be worth: at worst it is in every state of the
    /// pattern at every byte, which large patterns have to pay for and small ones need not fear.
    pub fn cost(&self, bytes: usize) -> u64 {
        let size = (self.bytes / SIZES[0]) as u64;
        (bytes as u64).saturating_mul(size * size) / 8
    }
}

const SPACES: &str =
    r"\t\n\x0B\x0C\r \x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}\x{feff}";
const LINE_ENDS: &str = r"\n\r\x{2028}\x{2029}";

struct Translator {
    source: Vec<char>,
    at: usize,
    out: String,
    groups: usize,
    /// Ranges of more than two thousand characters, perhaps.
    wide_ranges: usize,
    names: bool,
    multiline: bool,
}

impl Translator {
    fn new(source: &str, multiline: bool) -> Translator {
        let source: Vec<char> = source.chars().collect();
        let mut groups = 0;
        let mut names = false;
        let mut in_class = false;
        let mut at = 0;
        while at < source.len() {
            match source[at] {
                '\\' => at += 1,
                '[' => in_class = true,
                ']' => in_class = false,
                '(' if !in_class => {
                    let named = source[at..].starts_with(&['(', '?', '<'])
                        && !matches!(source.get(at + 3), Some('=' | '!'));
                    names |= named;
                    groups += usize::from(source.get(at + 1) != Some(&'?') || named);
                }
                _ => {}
            }
            at += 1;
        }
        Translator { source, at: 0, out: String::new(), groups, wide_ranges: 0, names, multiline }
    }

    fn peek(&self, ahead: usize) -> Option<char> {
        self.source.get(self.at + ahead).copied()
    }

    fn run(&mut self) -> Result<(), String> {
        while let Some(character) = self.peek(0) {
            self.at += 1;
            match character {
                '\\' => self.escape(false)?,
                '[' => self.class()?,
                '.' => self.push_set(&format!("[^{LINE_ENDS}]")),
                '(' => self.open()?,
                '{' => {
                    if self.is_quantifier() {
                        self.out.push('{');
                    } else {
                        self.out.push_str("\\{");
                    }
                }
                '}' if !self.closes_quantifier() => self.out.push_str("\\}"),
                ']' => self.out.push_str("\\]"),
                '^' | '$' if self.multiline => {
                    self.out.push(character);
                }
                // The crate knows a flag by `#` and blanks only in a mode that is off.
                other => self.out.push(other),
            }
        }
        Ok(())
    }

    fn push_set(&mut self, set: &str) {
        self.out.push_str(set);
    }

    fn open(&mut self) -> Result<(), String> {
        self.out.push('(');
        if self.peek(0) != Some('?') {
            return Ok(());
        }
        match (self.peek(1), self.peek(2)) {
            (Some(':'), _) => {
                self.out.push_str("?:");
                self.at += 2;
                Ok(())
            }
            (Some('=' | '!'), _) => Err("Looking ahead in a regular expression is not supported".to_owned()),
            (Some('<'), Some('=' | '!')) => {
                Err("Looking behind in a regular expression is not supported".to_owned())
            }
            (Some('<'), Some(_)) => {
                self.out.push_str("?<");
                self.at += 2;
                Ok(())
            }
            _ => Err("The regular expression is not valid".to_owned()),
        }
    }

    /// Whether `{n}`, `{n,}` or `{n,m}` begins before the present place.
    fn is_quantifier(&self) -> bool {
        let mut at = self.at;
        let digits = |from: usize| self.source[from..].iter().take_while(|c| c.is_ascii_digit()).count();
        let first = digits(at);
        if first == 0 {
            return false;
        }
        at += first;
        if self.source.get(at) == Some(&',') {
            at += 1;
            at += digits(at);
        }
        self.source.get(at) == Some(&'}')
    }

    /// Whether the `}` before the present place ends a quantifier.
    fn closes_quantifier(&self) -> bool {
        let before = &self.source[..self.at - 1];
        // No quantifier is longer, and a search of the whole for every brace would be slow.
        let near = before.len().saturating_sub(QUANTIFIER_MAX);
        let Some(open) = before[near..].iter().rposition(|c| *c == '{').map(|at| at + near) else {
            return false;
        };
        let inner = &before[open + 1..];
        let valid = inner.first().is_some_and(char::is_ascii_digit)
            && inner.iter().all(|c| c.is_ascii_digit() || *c == ',')
            && inner.iter().filter(|c| **c == ',').count() <= 1;
        let escaped = before[..open].iter().rev().take_while(|c| **c == '\\').count() % 2 == 1;
        valid && !escaped
    }

    fn literal(&mut self, character: char) {
        if character.is_ascii() && !character.is_ascii_alphanumeric() && character != '_' {
            self.out.push_str(&format!("\\x{:02x}", character as u32));
        } else {
            self.out.push(character);
        }
    }

    fn hex(&mut self, digits: usize) -> Option<u32> {
        let text: String = self.source.get(self.at..self.at + digits)?.iter().collect();
        if !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        self.at += digits;
        u32::from_str_radix(&text, 16).ok()
    }

    fn code(&mut self, code: u32) -> Result<(), String> {
        let mut code = code;
        if (0xD800..0xDC00).contains(&code) && self.peek(0) == Some('\\') && self.peek(1) == Some('u') {
            self.at += 2;
            if let Some(second @ 0xDC00..0xE000) = self.hex(4) {
                code = 0x10000 + ((code - 0xD800) << 10) + (second - 0xDC00);
            }
        }
        let character = char::from_u32(code).ok_or("A regular expression cannot match half a character")?;
        self.literal(character);
        Ok(())
    }

    /// What follows a backslash.
    fn escape(&mut self, in_class: bool) -> Result<(), String> {
        let Some(character) = self.peek(0) else {
            return Err("The regular expression is not valid".to_owned());
        };
        self.at += 1;
        match character {
            'd' => self.out.push_str(if in_class { "0-9" } else { "[0-9]" }),
            'D' => self.out.push_str("[^0-9]"),
            'w' => self.out.push_str(if in_class { "0-9A-Za-z_" } else { "[0-9A-Za-z_]" }),
            'W' => self.out.push_str("[^0-9A-Za-z_]"),
            's' if in_class => self.out.push_str(SPACES),
            's' => self.push_set(&format!("[{SPACES}]")),
            'S' => self.push_set(&format!("[^{SPACES}]")),
            'b' if in_class => self.out.push_str("\\x08"),
            'b' => self.out.push_str("(?-u:\\b)"),
            'B' if !in_class => self.out.push_str("\\B"),
            't' | 'n' | 'r' => {
                self.out.push('\\');
                self.out.push(character);
            }
            'v' => self.out.push_str("\\x0b"),
            'f' => self.out.push_str("\\x0c"),
            'c' => match self.peek(0).filter(char::is_ascii_alphabetic) {
                Some(letter) => {
                    self.at += 1;
                    self.out.push_str(&format!("\\x{:02x}", letter as u32 % 32));
                }
                None => self.out.push_str("\\\\c"),
            },
            'x' => match self.hex(2) {
                Some(code) => self.code(code)?,
                None => self.out.push('x'),
            },
            'u' => match self.hex(4) {
                Some(code) => self.code(code)?,
                None => self.out.push('u'),
            },
            'k' if self.names => {
                return Err("References to groups in a regular expression are not supported".to_owned());
            }
            '0'..='9' => {
                let rest = &self.source[self.at - 1..];
                let digits: String = rest.iter().take_while(|c| c.is_ascii_digit()).collect();
                let number: usize = digits.parse().unwrap_or(usize::MAX);
                if character != '0' && !in_class && number <= self.groups {
                    return Err("References to groups in a regular expression are not supported".to_owned());
                }
                // Octal, as of old; 8 and 9 stand for themselves.
                let mut code = 0;
                let mut length = 0;
                while let Some(digit) = rest.get(length).and_then(|c| c.to_digit(8)) {
                    if length == 3 || code * 8 + digit > 0o377 {
                        break;
                    }
                    code = code * 8 + digit;
                    length += 1;
                }
                if length == 0 {
                    self.literal(character);
                } else {
                    self.at += length - 1;
                    self.code(code)?;
                }
            }
            other => self.literal(other),
        }
        Ok(())
    }

    /// A class, its opening bracket behind us.
    fn class(&mut self) -> Result<(), String> {
        let negated = self.peek(0) == Some('^');
        if negated {
            self.at += 1;
        }
        if self.peek(0) == Some(']') {
            self.at += 1;
            // `[]` matches nothing and `[^]` everything.
            self.out.push_str(if negated { "(?s:.)" } else { "[^\\x{0}-\\x{10ffff}]" });
            return Ok(());
        }
        self.out.push_str(if negated { "[^" } else { "[" });
        let mut after_set = false;
        loop {
            let Some(character) = self.peek(0) else {
                return Err("The regular expression is not valid".to_owned());
            };
            self.at += 1;
            let was_set = std::mem::replace(&mut after_set, false);
            match character {
                ']' => break,
                '\\' => {
                    after_set = matches!(self.peek(0), Some('d' | 'D' | 'w' | 'W' | 's' | 'S'));
                    self.escape(true)?;
                }
                // A dash makes a range unless it is first, last, or beside a set.
                '-' => {
                    let next_is_set = self.peek(0) == Some('\\')
                        && matches!(self.peek(1), Some('d' | 'D' | 'w' | 'W' | 's' | 'S'));
                    let first = self.out.ends_with('[') || self.out.ends_with("[^");
                    if was_set || next_is_set || first || self.peek(0) == Some(']') {
                        self.out.push_str("\\-");
                    } else {
                        self.out.push('-');
                        let end = self.peek(0).unwrap_or_default();
                        self.wide_ranges += usize::from(end == '\\' || end > '\u{7ff}');
                        if end == '-' {
                            self.at += 1;
                            self.out.push_str("\\-");
                        }
                    }
                }
                other => self.literal(other),
            }
        }
        self.out.push(']');
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, flags: &str, text: &str, expected: Option<&str>) {
        let pattern = Pattern::compile(pattern, flags, ALL_MAX).unwrap();
        assert_eq!(pattern.regex.find(text).map(|found| found.as_str()), expected, "{}", pattern.source);
    }

    #[test]
    fn patterns_mean_what_they_mean_in_javascript() {
        check(r"^hello\$", "", "hello$", Some("hello$"));
        check(r"a{,2}", "", "a{,2}", Some("a{,2}"));
        check(r"a{2}", "", "caab", Some("aa"));
        check(r"[a-c&&b]+", "", "x&bac", Some("&bac"));
        check(r"[^]", "", "\n", Some("\n"));
        check(r"[]", "", "a", None);
        check(r"\d+", "", "x٣4", Some("4"));
        check(r".+", "", "a\u{2028}b", Some("a"));
        check(r"[\w-]+", "", "a-b c", Some("a-b"));
        check(r"[[]+", "", "a[[", Some("[["));
        check(r"HAT", "i", "a hat", Some("hat"));
        check(r"^b$", "m", "a\nb\nc", Some("b"));
        check(r"\u0041\x42", "", "AB", Some("AB"));
        check(r"a#b c", "", "a#b c", Some("a#b c"));
    }

    #[test]
    fn what_needs_backtracking_is_refused() {
        for pattern in [r"(?=a)", r"(?<!a)", r"(a)\1", r"(?<n>a)\k<n>"] {
            assert!(Pattern::compile(pattern, "", ALL_MAX).unwrap_err().contains("not supported"));
        }
        assert!(Pattern::compile("(a{1000}){1000}", "", ALL_MAX).unwrap_err().contains("too large"));
        let wide = "[:-\u{fffd}]".repeat(100);
        assert!(Pattern::compile(&wide, "i", ALL_MAX).unwrap_err().contains("too large"));
        assert!(Pattern::compile("[a-z0-9-\u{e9}]+[\\u0400-\\u04ff]", "i", ALL_MAX).is_ok());
        assert!(Pattern::compile("(", "", ALL_MAX).unwrap_err().contains("not valid"));
    }
}
