//! Replies, written as they are thought of: no tree of values in between.

use std::sync::Arc;

use stepwell_model::Timestamp;
use stepwell_value::quote;

/// How many bytes most replies have at most.
const USUAL_BYTES: usize = 256;

/// A JSON object in the making. Keys are ours, so they need no escaping.
pub(crate) struct Reply {
    out: String,
}

impl Reply {
    /// An object without members yet.
    pub(crate) fn object() -> Reply {
        let mut out = String::with_capacity(USUAL_BYTES);
        out.push('{');
        Reply { out }
    }

    /// How many bytes have been written.
    pub(crate) fn len(&self) -> usize {
        self.out.len()
    }

    fn separate(&mut self) {
        if !matches!(self.out.as_bytes().last(), Some(b'{' | b'[')) {
            self.out.push(',');
        }
    }

    fn key(&mut self, key: &str) {
        self.separate();
        self.out.push('"');
        self.out.push_str(key);
        self.out.push_str("\":");
    }

    /// A string.
    pub(crate) fn text(&mut self, key: &str, text: &str) {
        self.key(key);
        quote(text, &mut self.out);
    }

    /// A string, if there is one.
    pub(crate) fn maybe_text(&mut self, key: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.text(key, text);
        }
    }

    /// A member of an object that a user's variable names.
    pub(crate) fn text_under_any_key(&mut self, key: &str, text: &str) {
        self.separate();
        quote(key, &mut self.out);
        self.out.push(':');
        quote(text, &mut self.out);
    }

    /// A list of strings, under a key that a user has named.
    pub(crate) fn texts_under_any_key(&mut self, key: &str, texts: &[Arc<str>]) {
        self.separate();
        quote(key, &mut self.out);
        self.out.push_str(":[");
        for text in texts {
            self.separate();
            quote(text, &mut self.out);
        }
        self.out.push(']');
    }

    /// A whole number.
    pub(crate) fn number(&mut self, key: &str, number: u64) {
        self.raw(key, &number.to_string());
    }

    /// `true` or `false`.
    pub(crate) fn flag(&mut self, key: &str, flag: bool) {
        self.raw(key, if flag { "true" } else { "false" });
    }

    /// A moment, as AWS JSON has it: seconds since the epoch with milliseconds as a fraction.
    pub(crate) fn moment(&mut self, key: &str, moment: Timestamp) {
        self.key(key);
        // The last digit comes first; at least one stands before the point.
        let (mut digits, mut rest, mut at) = ([b'0'; 24], moment.epoch_ms, 24);
        while rest > 0 || at > 19 {
            at -= 1;
            if at == 20 {
                digits[at] = b'.';
                continue;
            }
            digits[at] = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        self.out.push_str(std::str::from_utf8(&digits[at..]).expect("digits and a point are UTF-8"));
    }

    /// A moment, if there is one.
    pub(crate) fn maybe_moment(&mut self, key: &str, moment: Option<Timestamp>) {
        if let Some(moment) = moment {
            self.moment(key, moment);
        }
    }

    /// JSON text as it is.
    pub(crate) fn raw(&mut self, key: &str, json: &str) {
        self.key(key);
        self.out.push_str(json);
    }

    /// A member that is an object, which `fill` fills.
    pub(crate) fn nested(&mut self, key: &str, fill: impl FnOnce(&mut Reply)) {
        self.key(key);
        self.out.push('{');
        fill(self);
        self.out.push('}');
    }

    /// A member that is an array, which `fill` fills with [`Reply::item`].
    pub(crate) fn list(&mut self, key: &str, fill: impl FnOnce(&mut Reply)) {
        self.key(key);
        self.out.push('[');
        fill(self);
        self.out.push(']');
    }

    /// An object in an array.
    pub(crate) fn item(&mut self, fill: impl FnOnce(&mut Reply)) {
        self.separate();
        self.out.push('{');
        fill(self);
        self.out.push('}');
    }

    /// The text.
    pub(crate) fn finish(mut self) -> String {
        self.out.push('}');
        self.out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_separated_and_nothing_else() {
        let mut reply = Reply::object();
        reply.text("a", "{");
        reply.moment("at", Timestamp::from_epoch_ms(1_700_000_000_007));
        reply.nested("empty", |_| {});
        reply.list("items", |items| {
            items.item(|item| item.number("n", 1));
            items.item(|item| item.flag("yes", true));
        });
        assert_eq!(
            reply.finish(),
            r#"{"a":"{","at":1700000000.007,"empty":{},"items":[{"n":1},{"yes":true}]}"#
        );
        assert_eq!(Reply::object().finish(), "{}");
    }

    #[test]
    fn a_moment_has_three_digits_behind_the_point_and_one_before_it() {
        for (epoch_ms, text) in [
            (0, "0.000"),
            (7, "0.007"),
            (1_000, "1.000"),
            (12_345, "12.345"),
            (u64::MAX, "18446744073709551.615"),
        ] {
            let mut reply = Reply::object();
            reply.moment("at", Timestamp::from_epoch_ms(epoch_ms));
            assert_eq!(reply.finish(), format!(r#"{{"at":{text}}}"#));
        }
    }
}
