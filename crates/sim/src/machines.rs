//! State machines by chance: all types of states, and everything that can go wrong with them.
//!
//! Every machine ends, provided that those who were told of a task answer or the task has a
//! deadline.

use crate::random::Random;

/// A function that may be called again with the same key.
pub const IDEMPOTENT: &str = "arn:aws:lambda:us-east-1:123456789012:function:idempotent";
/// A function that may not.
pub const PLAIN: &str = "arn:aws:lambda:us-east-1:123456789012:function:plain";
/// A function that nobody knows.
pub const UNKNOWN: &str = "arn:aws:states:::aws-sdk:nowhere:go";
/// A message with a token in it.
pub const TOKEN: &str = "arn:aws:states:::sqs:sendMessage.waitForTaskToken";
/// The activities there are.
pub const ACTIVITIES: [&str; 2] = ["first", "second"];

/// The input that every machine can do something with.
pub fn input(random: &mut Random) -> String {
    format!(r#"{{"n": {}, "items": [1, 2, 3]}}"#, random.below(10))
}

/// A definition.
pub fn definition(random: &mut Random) -> String {
    let mut writer = Writer { random, states: 0 };
    let scope = writer.scope(0);
    let timeout = match writer.random.percent(15) {
        true => format!(r#","TimeoutSeconds":{}"#, writer.random.within(5..=120)),
        false => String::new(),
    };
    format!("{{{scope}{timeout}}}")
}

struct Writer<'a> {
    random: &'a mut Random,
    states: u64,
}

impl Writer<'_> {
    fn name(&mut self, kind: &str) -> String {
        self.states += 1;
        format!("{kind}{}", self.states)
    }

    /// `"StartAt":…,"States":{…}`
    fn scope(&mut self, depth: u64) -> String {
        let length = self.random.within(1..=if depth == 0 { 5 } else { 3 });
        let end = self.name("End");
        let last = match self.random.percent(8) {
            true => format!(r#""{end}":{{"Type":"Fail","Error":"Given up","Cause":"by chance"}}"#),
            false => format!(r#""{end}":{{"Type":"Succeed"}}"#),
        };
        let mut states = vec![last];
        let mut next = end;
        for _ in 0..length {
            let (name, state) = self.state(depth, &next);
            states.push(format!(r#""{name}":{{{state}}}"#));
            next = name;
        }
        format!(r#""StartAt":"{next}","States":{{{}}}"#, states.join(","))
    }

    fn state(&mut self, depth: u64, next: &str) -> (String, String) {
        let nested = if depth < 2 { 2 } else { 0 };
        match self.random.below(11 + nested) {
            0 | 1 => {
                let result = r#""Type":"Pass","Result":{"from":"pass"},"ResultPath":"$.pass""#;
                (self.name("Pass"), format!(r#"{result},"Next":"{next}""#))
            }
            2 => {
                let rule = format!(r#"{{"Variable":"$.n","NumericLessThan":5,"Next":"{next}"}}"#);
                let state = format!(r#""Type":"Choice","Choices":[{rule}],"Default":"{next}""#);
                (self.name("Choice"), state)
            }
            3 | 4 => {
                let seconds = *self.random.pick(&[0, 1, 2, 7, 30, 600]);
                // The checker reads the seconds out of the name.
                let name = self.name(&format!("Wait-{seconds}-"));
                (name, format!(r#""Type":"Wait","Seconds":{seconds},"Next":"{next}""#))
            }
            5..=10 => self.task(next),
            11 => {
                let branches: Vec<String> = (0..self.random.within(1..=3))
                    .map(|_| format!("{{{}}}", self.scope(depth + 1)))
                    .collect();
                let state = format!(r#""Type":"Parallel","Branches":[{}]"#, branches.join(","));
                let rest = self.rest(next);
                (self.name("Parallel"), format!("{state}{rest}"))
            }
            _ => {
                let concurrency = self.random.below(3);
                let selector = r#""ItemSelector":{"n.$":"$$.Map.Item.Value","items":[1,2]}"#;
                let inside = self.scope(depth + 1);
                let rest = self.rest(next);
                let state = format!(
                    r#""Type":"Map","ItemsPath":"$.items","MaxConcurrency":{concurrency},{selector},"ItemProcessor":{{{inside}}}"#
                );
                (self.name("Map"), format!("{state}{rest}"))
            }
        }
    }

    fn task(&mut self, next: &str) -> (String, String) {
        let timeout = self.random.within(3..=40);
        let (resource, fields) = match self.random.below(10) {
            0..=2 => (PLAIN.to_owned(), self.sometimes(50, format!(r#","TimeoutSeconds":{timeout}"#))),
            3 | 4 => (IDEMPOTENT.to_owned(), self.sometimes(50, format!(r#","TimeoutSeconds":{timeout}"#))),
            5 => (UNKNOWN.to_owned(), r#","Parameters":{}"#.to_owned()),
            6 | 7 => {
                let parameters = r#","Parameters":{"QueueUrl":"q","MessageBody.$":"$$.Task.Token"}"#;
                let deadline = self.sometimes(60, format!(r#","TimeoutSeconds":{timeout}"#));
                (TOKEN.to_owned(), format!("{parameters}{deadline}"))
            }
            _ => {
                let activity = *self.random.pick(&ACTIVITIES);
                let arn = format!("arn:aws:states:us-east-1:123456789012:activity:{activity}");
                // A hand-out may be lost on its way, so something has to end the task.
                let heartbeat = self.sometimes(50, format!(r#","HeartbeatSeconds":{}"#, timeout / 2 + 1));
                (arn, format!(r#","TimeoutSeconds":{}{heartbeat}"#, timeout + 60))
            }
        };
        let rest = self.rest(next);
        (self.name("Task"), format!(r#""Type":"Task","Resource":"{resource}"{fields}{rest}"#))
    }

    fn sometimes(&mut self, part: u64, text: String) -> String {
        if self.random.percent(part) { text } else { String::new() }
    }

    /// What a state that can fail has besides.
    fn rest(&mut self, next: &str) -> String {
        let path = if self.random.percent(70) { "null" } else { r#""$.result""# };
        let mut rest = format!(r#","ResultPath":{path},"Next":"{next}""#);
        if self.random.percent(40) {
            let error = *self.random.pick(&["States.ALL", "States.TaskFailed", "Oops", "States.Timeout"]);
            let (interval, attempts) = (self.random.within(1..=9), self.random.within(1..=3));
            let jitter = self.sometimes(30, r#","JitterStrategy":"FULL""#.to_owned());
            rest += &format!(
                r#","Retry":[{{"ErrorEquals":["{error}"],"IntervalSeconds":{interval},"MaxAttempts":{attempts}{jitter}}}]"#
            );
        }
        if self.random.percent(50) {
            rest += &format!(
                r#","Catch":[{{"ErrorEquals":["States.ALL"],"ResultPath":"$.error","Next":"{next}"}}]"#
            );
        }
        rest
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stepwell_asl::Definition;

    #[test]
    fn every_machine_is_a_valid_one() {
        for seed in 0..300 {
            let definition = definition(&mut Random::new(seed));
            if let Err(diagnostics) = Definition::parse(&definition) {
                panic!("seed {seed}: {diagnostics:?}\n{definition}");
            }
        }
    }
}
