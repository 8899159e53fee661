//! Patterns of actions, resources and texts: `*` is any text, `?` any one character.

/// A pattern of actions, kept in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ActionPattern(String);

/// A pattern of resources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ResourcePattern {
    /// `*`
    All,
    /// An ARN with wildcards in its parts.
    Arn(String),
}

impl ActionPattern {
    /// Reads `*` or `service:Name`.
    pub(crate) fn parse(text: &str) -> Option<ActionPattern> {
        let is_word = |word: &str| {
            !word.is_empty()
                && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-*?".contains(&byte))
        };
        let fits = text == "*"
            || text.split_once(':').is_some_and(|(service, name)| is_word(service) && is_word(name));
        fits.then(|| ActionPattern(text.to_ascii_lowercase()))
    }

    pub(crate) fn matches(&self, action: &str) -> bool {
        like(&self.0, &action.to_ascii_lowercase())
    }
}

impl ResourcePattern {
    /// Reads `*` or an ARN: six parts, as IAM demands.
    pub(crate) fn parse(text: &str) -> Option<ResourcePattern> {
        if text == "*" {
            return Some(ResourcePattern::All);
        }
        is_arn(text).then(|| ResourcePattern::Arn(text.to_owned()))
    }

    pub(crate) fn matches(&self, resource: &str) -> bool {
        match self {
            ResourcePattern::All => true,
            ResourcePattern::Arn(pattern) => arn_like(pattern, resource),
        }
    }
}

/// Whether a text has the six parts of an ARN.
pub(crate) fn is_arn(text: &str) -> bool {
    text.splitn(6, ':').count() == 6 && text.starts_with("arn:")
}

/// Whether an ARN matches a pattern of ARNs. The parts are compared one by one, so that a wildcard
/// never reaches from the region into the account; the sixth is all that is left, colons included.
pub(crate) fn arn_like(pattern: &str, arn: &str) -> bool {
    is_arn(arn) && pattern.splitn(6, ':').zip(arn.splitn(6, ':')).all(|(pattern, part)| like(pattern, part))
}

/// Whether a text matches a pattern. Takes at most the product of both lengths.
pub(crate) fn like(pattern: &str, text: &str) -> bool {
    let (pattern, bytes) = (pattern.as_bytes(), text.as_bytes());
    let (mut at, mut to) = (0, 0);
    // Where to go on if what follows the last star does not fit: the star takes one more byte.
    let mut retry: Option<(usize, usize)> = None;
    loop {
        match pattern.get(at) {
            Some(b'*') => {
                retry = Some((at + 1, to));
                at += 1;
                continue;
            }
            Some(b'?') if to < bytes.len() && text.is_char_boundary(to) => {
                at += 1;
                to += 1;
                while !text.is_char_boundary(to) {
                    to += 1;
                }
                continue;
            }
            Some(byte) if *byte != b'?' && bytes.get(to) == Some(byte) => {
                at += 1;
                to += 1;
                continue;
            }
            None if to == bytes.len() => return true,
            Some(_) | None => {}
        }
        match retry {
            Some((after, taken)) if taken < bytes.len() => {
                retry = Some((after, taken + 1));
                (at, to) = (after, taken + 1);
            }
            Some(_) | None => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_any_text_and_a_question_mark_one_character() {
        for (pattern, text, expected) in [
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("*", "anything", true),
            ("a*c", "abbbc", true),
            ("a*c", "ac", true),
            ("a*c", "abcd", false),
            ("*a*b", "xaxbxab", true),
            ("?", "", false),
            ("?", "\u{e9}", true),
            ("??", "\u{e9}", false),
            ("*?", "\u{e9}", true),
            ("a?c", "a?c", true),
            ("a?c", "ac", false),
            ("a**b", "ab", true),
            ("abc", "ABC", false),
        ] {
            assert_eq!(like(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn many_stars_take_no_long_time() {
        let pattern = "a*".repeat(2000) + "b";
        assert!(!like(&pattern, &"a".repeat(4000)));
    }

    #[test]
    fn actions_do_not_mind_case() {
        let matches = |pattern: &str, action: &str| ActionPattern::parse(pattern).unwrap().matches(action);
        assert!(matches("*", "states:StartExecution"));
        assert!(matches("STATES:start*", "states:StartExecution"));
        assert!(matches("states:???pExecution", "states:StopExecution"));
        assert!(!matches("states:Start", "states:StartExecution"));
        for bad in ["", "states", "states:", ":x", "states:a b", "**:", "a:b:c"] {
            assert_eq!(ActionPattern::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_parts_of_an_arn_are_matched_one_by_one() {
        let matches = |pattern: &str, arn: &str| ResourcePattern::parse(pattern).unwrap().matches(arn);
        let machine = "arn:aws:states:eu-west-1:123456789012:stateMachine:Orders";
        assert!(matches("*", machine) && matches("*", "*"));
        assert!(matches("arn:aws:states:*:123456789012:stateMachine:*", machine));
        assert!(matches("arn:aws:states:eu-*:*:*", machine));
        assert!(!matches("arn:aws:states:*:stateMachine:Orders:", machine));
        assert!(!matches("arn:aws:states:*:*:execution:*", machine));
        assert!(!matches("arn:aws:states:*:*:statemachine:*", machine), "case matters");
        assert!(!matches("arn:aws:states:*:*:*", "*"), "what is about no particular thing has no ARN");
        for bad in ["", "arn", "arn:aws:states:*", "stateMachine:Orders"] {
            assert_eq!(ResourcePattern::parse(bad), None, "{bad}");
        }
    }
}
