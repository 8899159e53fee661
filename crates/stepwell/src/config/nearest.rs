//! The known word that a mistyped one was probably meant to be.

/// The word of `known` with the fewest edits from `word`. `None` only if `known` is empty.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known.into_iter().min_by_key(|candidate| distance(word, candidate))
}

/// How many characters have to be put in, taken out or replaced to make one of the other
/// (Levenshtein). Dashes and underscores count as the same, for a flag is the likeliest misspelling
/// of a key.
fn distance(one: &str, other: &str) -> usize {
    let plain = |text: &str| -> Vec<char> {
        text.chars().map(|c| if c == '-' { '_' } else { c.to_ascii_lowercase() }).collect()
    };
    let (one, other) = (plain(one), plain(other));

    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (at, left) in one.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = at + 1;
        for (to, right) in other.iter().enumerate() {
            let replaced = diagonal + usize::from(left != right);
            diagonal = row[to + 1];
            row[to + 1] = replaced.min(diagonal + 1).min(row[to] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_are_counted() {
        for (one, other, edits) in
            [("", "abc", 3), ("listen", "listen", 0), ("lsten", "listen", 1), ("kitten", "sitting", 3)]
        {
            assert_eq!(distance(one, other), edits, "{one} {other}");
            assert_eq!(distance(other, one), edits, "{other} {one}");
        }
    }

    #[test]
    fn the_nearest_word_is_the_one_that_was_meant() {
        let known = ["listen", "data", "log", "log_format"];
        assert_eq!(nearest("lsiten", known), Some("listen"));
        assert_eq!(nearest("Log-Format", known), Some("log_format"));
        assert_eq!(nearest("x", []), None);
    }
}
