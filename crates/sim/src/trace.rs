//! What a run did, step by step, in words: the same seed gives the same bytes.

/// The steps of a run, if somebody wants them.
#[derive(Debug, Default)]
pub struct Trace {
    lines: Option<String>,
}

impl Trace {
    /// One that keeps what it is told, or not.
    pub fn new(is_kept: bool) -> Trace {
        Trace { lines: is_kept.then(String::new) }
    }

    /// Something happened at this time.
    pub fn note(&mut self, time: u64, text: impl FnOnce() -> String) {
        if let Some(lines) = &mut self.lines {
            lines.push_str(&format!("{time:>10} {}\n", text()));
        }
    }

    /// What was kept.
    pub fn into_text(self) -> String {
        self.lines.unwrap_or_default()
    }
}
