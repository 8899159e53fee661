//! Which names AWS accepts for state machines, executions and activities.

/// How many characters a name may have.
pub const NAME_CHARACTERS_MAX: usize = 80;

/// Whether `name` is one: 1 to 80 characters, none of them white space, a bracket, a wildcard, a
/// control character or one of `"#%\^|~` `` ` `` `$&,;:/`. Source: the API reference of CreateStateMachine.
pub fn is_name(name: &str) -> bool {
    let mut count = 0;
    let all_fit = name.chars().inspect(|_| count += 1).all(is_name_character);
    all_fit && (1..=NAME_CHARACTERS_MAX).contains(&count)
}

fn is_name_character(character: char) -> bool {
    match character {
        // Most are.
        'a'..='z' | 'A'..='Z' | '0'..='9' | '-' | '_' | '.' => true,
        '<' | '>' | '{' | '}' | '[' | ']' | '?' | '*' => false,
        '"' | '#' | '%' | '\\' | '^' | '|' | '~' | '`' | '$' | '&' | ',' | ';' | ':' | '/' => false,
        '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}' | '\u{10ffff}' => false,
        other => !other.is_whitespace(),
    }
}

#[cfg(test)]
mod tests {
    use super::is_name;

    #[test]
    fn names_are_what_aws_calls_names() {
        for good in ["a", "Order-1_x.y+z@!()='", "größe", &"x".repeat(80)] {
            assert!(is_name(good), "{good}");
        }
        for bad in ["", "a b", "a:b", "a/b", "a\u{7f}", &"x".repeat(81)] {
            assert!(!is_name(bad), "{bad}");
        }
    }
}
