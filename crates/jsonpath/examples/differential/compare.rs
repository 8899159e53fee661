//! Whether both say the same, and what of their differences is known.

use stepwell_jsonpath::{EvaluationError, Path, Root, Scope};
use stepwell_value::Value;

/// How a case came out.
pub enum Verdict {
    Same,
    /// A difference that the documentation of the crate lists.
    Known(&'static str),
    Different(String),
}

/// `broken` tells that a mistake has been put into the text.
pub fn compare(text: &str, broken: bool, document: &Value, answer: &Value) -> Verdict {
    let scope = Scope { input: document, context: &|| Value::Null, variable: &|_| None, random: &|| 0 };
    let refused = answer.get("c").is_some();
    let path = match Path::parse(text) {
        Ok(path) => path,
        Err(_) if refused => return Verdict::Same,
        Err(_) if broken => return Verdict::Known("text that Jayway skips is refused"),
        Err(_) if text.contains("'[a'") => {
            return Verdict::Known(
                "a bracket in a name before the end of the path, where Jayway ignores the rest",
            );
        }
        Err(_) if text.contains("/b/q") => return Verdict::Known("=~ without a pattern is refused at once"),
        Err(error) => return Verdict::Different(format!("refused: {error}\n  but {answer}")),
    };
    let in_words = [" in ", " nin ", " contains ", " subsetof ", " anyof ", " noneof ", " size ", " empty "];
    if refused && in_words.iter().any(|word| text.contains(word)) {
        return Verdict::Known("words in filters are of later releases");
    }
    if refused {
        return if *path.root() != Root::Input || reads_other_roots(text) {
            Verdict::Known("the context object and variables are AWS's")
        } else {
            Verdict::Different(format!("accepted\n  but {answer}"))
        };
    }
    let message = answer.get("m").and_then(Value::as_str);
    let class = answer.get("e").and_then(Value::as_str);
    if let Some("ClassCastException" | "NullPointerException" | "StackOverflowError" | "AssertionError") =
        class
    {
        return Verdict::Known("Java fails by accident");
    }
    let definite = answer.get("d").and_then(Value::as_bool);
    if definite != Some(path.is_definite()) {
        return Verdict::Different(format!("definite: {}\n  but {answer}", path.is_definite()));
    }
    let before_context = |text: &str| match text.split_once("Current context is: ") {
        // Java's containers print themselves in the manner of the JSON library.
        Some((before, _)) => before.to_owned(),
        None => text.to_owned(),
    };
    let own = path.evaluate(&scope);
    match &own {
        Ok(value) if answer.get("r") == Some(value) => Verdict::Same,
        Ok(_) if text.ends_with("()") => Verdict::Known("functions are of later releases"),
        Err(EvaluationError::Path { reason, .. })
            if class == Some("NumberFormatException") && reason.to_string().ends_with("is not a number") =>
        {
            Verdict::Same
        }
        Err(EvaluationError::Path { reason, .. })
            if message.map(before_context) == Some(before_context(&reason.to_string())) =>
        {
            Verdict::Same
        }
        Ok(_) | Err(_) if text.contains("=~") => Verdict::Known("regular expressions are Rust's"),
        Ok(value) => Verdict::Different(format!("{value}\n  but {answer}")),
        Err(error) => Verdict::Different(format!("{}\n  but {answer}", error.invalid_path_cause())),
    }
}

/// Whether a filter reads the context object or a variable.
fn reads_other_roots(text: &str) -> bool {
    text.match_indices('$').any(|(at, _)| {
        text[at + 1..].starts_with(|next: char| next == '$' || next == '_' || next.is_alphabetic())
    })
}
