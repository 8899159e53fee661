//! State machines by chance: all types of states in both query languages, and everything that can go
//! wrong with them.
//!
//! Every machine ends, provided that those who were told of a task answer or the task has a
//! deadline.

use stepwell_model::MachineType;

use crate::random::Random;

/// A function that may be called again with the same key.
pub const IDEMPOTENT: &str = "arn:aws:lambda:us-east-1:123456789012:function:idempotent";
/// A function that may not.
pub const PLAIN: &str = "arn:aws:lambda:us-east-1:123456789012:function:plain";
/// A function that nobody knows.
pub const UNKNOWN: &str = "arn:aws:states:::aws-sdk:nowhere:go";
/// A message with a token in it.
pub const TOKEN: &str = "arn:aws:states:::sqs:sendMessage.waitForTaskToken";
/// What starts an execution and waits for its end.
const SYNC: [&str; 2] = ["states:startExecution.sync", "states:startExecution.sync:2"];
/// What runs an Express execution and waits for its end.
const SYNC_EXPRESS: &str = "aws-sdk:sfn:startSyncExecution";
/// What the variable of each machine is.
pub const OUTER: u64 = 7;
/// The activities there are.
pub const ACTIVITIES: [&str; 2] = ["first", "second"];

/// The input that every machine can do something with.
pub fn input(random: &mut Random) -> String {
    let items = *random.pick(&[3, 3, 3, 3, 3, 0, 1, 12]);
    let items: Vec<String> = (1..=items).map(|item: u64| item.to_string()).collect();
    format!(r#"{{"n": {}, "items": [{}]}}"#, random.below(10), items.join(","))
}

/// A machine that tasks may start an execution of.
#[derive(Debug, Clone)]
pub struct Child {
    /// Its ARN.
    pub arn: String,
    /// Its type.
    pub machine_type: MachineType,
}

/// The names that tasks give to the executions they start, if they give one: other tasks may give the
/// same, and other callers.
pub const CHILD_NAMES: [&str; 3] = ["child-0", "child-1", "child-2"];

/// A definition of this type whose tasks may start executions of these machines.
pub fn definition(random: &mut Random, machine_type: MachineType, children: &[Child]) -> String {
    let language = if random.percent(35) { Language::Jsonata } else { Language::JsonPath };
    let mut writer = Writer { random, machine_type, language, children, states: 0, beside: Vec::new() };
    let scope = writer.scope(0, Scope::Top);
    let spoken = match language {
        Language::JsonPath => "",
        Language::Jsonata => r#""QueryLanguage":"JSONata","#,
    };
    let timeout = match writer.random.percent(15) {
        true => format!(r#","TimeoutSeconds":{}"#, writer.random.within(5..=120)),
        false => String::new(),
    };
    format!("{{{spoken}{scope}{timeout}}}")
}

/// The query language of a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Language {
    JsonPath,
    Jsonata,
}

/// What the states of a scope belong to.
enum Scope {
    /// The whole machine.
    Top,
    /// An iteration, whose index is in its input.
    Iteration,
    /// The branch of this index.
    Branch(u64),
}

struct Writer<'a> {
    random: &'a mut Random,
    machine_type: MachineType,
    /// What states speak that do not say otherwise.
    language: Language,
    children: &'a [Child],
    states: u64,
    /// What belongs to the state that was written last, and stands beside it.
    beside: Vec<String>,
}

impl Writer<'_> {
    fn name(&mut self, kind: &str) -> String {
        self.states += 1;
        format!("{kind}{}", self.states)
    }

    /// The language of the next state, and what it begins with. A machine that speaks JSONPath has states
    /// that do not.
    fn language(&mut self) -> (Language, &'static str) {
        match self.language {
            Language::Jsonata => (Language::Jsonata, ""),
            Language::JsonPath if self.random.percent(20) => {
                (Language::Jsonata, r#""QueryLanguage":"JSONata","#)
            }
            Language::JsonPath => (Language::JsonPath, ""),
        }
    }

    /// `"StartAt":…,"States":{…}`. An iteration or a branch keeps its index in a variable of its own, and
    /// its result says what it finds there in the end, and in a variable of the machine: `results.rs`
    /// reads that.
    fn scope(&mut self, depth: u64, scope: Scope) -> String {
        let length = self.random.within(1..=if depth == 0 { 5 } else { 3 });
        let (end, own) = (self.name("End"), self.name("own"));
        let index = |language| match (&scope, language) {
            (Scope::Top, _) => String::new(),
            (Scope::Iteration, Language::JsonPath) => r#".$":"$.at""#.to_owned(),
            (Scope::Iteration, Language::Jsonata) => r#"":"{% $states.input.at %}""#.to_owned(),
            (Scope::Branch(index), _) => format!(r#"":{index}"#),
        };
        let (language, spoken) = self.language();
        let last = match (self.random.percent(8), &scope, language) {
            (true, ..) => format!(r#""{end}":{{"Type":"Fail","Error":"Given up","Cause":"by chance"}}"#),
            (false, Scope::Top, _) => format!(r#""{end}":{{"Type":"Succeed"}}"#),
            (false, _, Language::JsonPath) => {
                let found = format!(r#""at{},"own.$":"${own}","outer.$":"$outer""#, index(language));
                format!(r#""{end}":{{{spoken}"Type":"Pass","Parameters":{{{found}}},"End":true}}"#)
            }
            (false, _, Language::Jsonata) => {
                let at = index(language);
                let found = format!(r#""at{at},"own":"{{% ${own} %}}","outer":"{{% $outer %}}""#);
                format!(r#""{end}":{{{spoken}"Type":"Pass","Output":{{{found}}},"End":true}}"#)
            }
        };
        let mut states = vec![last];
        let mut next = end;
        for _ in 0..length {
            let (name, state) = self.state(depth, &next);
            states.push(format!(r#""{name}":{{{state}}}"#));
            states.append(&mut self.beside);
            next = name;
        }
        let (language, spoken) = self.language();
        let assigned = match scope {
            Scope::Top => format!(r#""outer":{OUTER}"#),
            Scope::Iteration | Scope::Branch(_) => format!(r#""{own}{}"#, index(language)),
        };
        let first = self.name("Assign");
        states
            .push(format!(r#""{first}":{{{spoken}"Type":"Pass","Assign":{{{assigned}}},"Next":"{next}"}}"#));
        format!(r#""StartAt":"{first}","States":{{{}}}"#, states.join(","))
    }

    fn state(&mut self, depth: u64, next: &str) -> (String, String) {
        let nested = if depth < 2 { 2 } else { 0 };
        if depth == 0 && self.random.percent(10) {
            return self.counted_loop(next);
        }
        match self.random.below(11 + nested) {
            0 | 1 => {
                let (language, spoken) = self.language();
                let result = match language {
                    Language::JsonPath => r#""Result":{"from":"pass"},"ResultPath":"$.pass""#,
                    Language::Jsonata => {
                        r#""Output":"{% $merge([$states.input, {'pass': {'from': 'pass'}}]) %}""#
                    }
                };
                (self.name("Pass"), format!(r#"{spoken}"Type":"Pass",{result},"Next":"{next}""#))
            }
            2 => {
                let (language, spoken) = self.language();
                let condition = match language {
                    Language::JsonPath => r#""Variable":"$.n","NumericLessThan":5"#,
                    Language::Jsonata => r#""Condition":"{% $states.input.n < 5 and $outer = 7 %}""#,
                };
                let rule = format!(r#"{{{condition},"Next":"{next}"}}"#);
                let state = format!(r#"{spoken}"Type":"Choice","Choices":[{rule}],"Default":"{next}""#);
                (self.name("Choice"), state)
            }
            3 | 4 => {
                let seconds = *self.random.pick(&[0, 1, 2, 7, 30, 600]);
                let (language, spoken) = self.language();
                let written = match language {
                    Language::JsonPath => format!("{seconds}"),
                    Language::Jsonata => format!(r#""{{% {seconds} %}}""#),
                };
                // The checker reads the seconds out of the name.
                let name = self.name(&format!("Wait-{seconds}-"));
                (name, format!(r#"{spoken}"Type":"Wait","Seconds":{written},"Next":"{next}""#))
            }
            5 | 6 if depth < 2 && !self.children.is_empty() => self.child_task(next),
            5..=10 => self.task(next),
            11 => {
                let count = self.random.within(1..=3);
                let branches: Vec<String> = (0..count)
                    .map(|index| format!("{{{}}}", self.scope(depth + 1, Scope::Branch(index))))
                    .collect();
                let (language, spoken) = self.language();
                let state = format!(r#"{spoken}"Type":"Parallel","Branches":[{}]"#, branches.join(","));
                let (rest, kept) = self.rest(language, next);
                // The checker reads out of the name how many there are, and whether they are kept.
                let name = self.name(&format!("Parallel-{count}-"));
                (name + kept, format!("{state}{rest}"))
            }
            _ => {
                let concurrency = self.random.below(3);
                let inside = self.scope(depth + 1, Scope::Iteration);
                let (language, spoken) = self.language();
                let items = match language {
                    Language::JsonPath => {
                        r#""ItemsPath":"$.items","ItemSelector":{"n.$":"$$.Map.Item.Value","items":[1,2],"at.$":"$$.Map.Item.Index"}"#
                    }
                    Language::Jsonata => {
                        r#""Items":"{% $states.input.items %}","ItemSelector":{"n":"{% $states.context.Map.Item.Value %}","items":[1,2],"at":"{% $states.context.Map.Item.Index %}"}"#
                    }
                };
                let (rest, kept) = self.rest(language, next);
                let state = format!(
                    r#"{spoken}"Type":"Map",{items},"MaxConcurrency":{concurrency},"ItemProcessor":{{{inside}}}"#
                );
                (self.name("Map") + kept, format!("{state}{rest}"))
            }
        }
    }

    /// A task or a short wait, again and again, counted in a variable of its own.
    fn counted_loop(&mut self, next: &str) -> (String, String) {
        let (count, again, times) = (self.name("Count"), self.name("Again"), *self.random.pick(&[2, 6, 20]));
        let counter = self.name("counter");
        let (body, state) = match self.random.percent(50) {
            true => self.task(&count),
            false => (self.name("Wait-1-"), format!(r#""Type":"Wait","Seconds":1,"Next":"{count}""#)),
        };
        let (language, spoken) = self.language();
        let (added, fewer, counted) = match language {
            Language::JsonPath => (
                format!(r#""{counter}.$":"States.MathAdd(${counter}, 1)""#),
                format!(r#""Variable":"${counter}","NumericLessThan":{times}"#),
                format!(r#""Parameters":{{"by.$":"${counter}"}},"ResultPath":"$.counted""#),
            ),
            Language::Jsonata => (
                format!(r#""{counter}":"{{% ${counter} + 1 %}}""#),
                format!(r#""Condition":"{{% ${counter} < {times} %}}""#),
                format!(r#""Output":"{{% $merge([$states.input, {{'counted': {{'by': ${counter}}}}}]) %}}""#),
            ),
        };
        // The checker reads out of the name how far it counts.
        let shown = self.name(&format!("Counted-{times}-"));
        let rule = format!(r#"{{{fewer},"Next":"{body}"}}"#);
        self.beside = vec![
            format!(r#""{body}":{{{state}}}"#),
            format!(r#""{count}":{{{spoken}"Type":"Pass","Assign":{{{added}}},"Next":"{again}"}}"#),
            format!(r#""{again}":{{{spoken}"Type":"Choice","Choices":[{rule}],"Default":"{shown}"}}"#),
            format!(r#""{shown}":{{{spoken}"Type":"Pass",{counted},"Next":"{next}"}}"#),
        ];
        (self.name("Loop"), format!(r#""Type":"Pass","Assign":{{"{counter}":0}},"Next":"{body}""#))
    }

    fn task(&mut self, next: &str) -> (String, String) {
        let timeout = self.random.within(3..=40);
        let (language, spoken) = self.language();
        // Express executions wait for nobody outside.
        let kinds = if self.machine_type == MachineType::Express { 6 } else { 10 };
        let (resource, fields) = match self.random.below(kinds) {
            0..=2 => (PLAIN.to_owned(), self.sometimes(50, format!(r#","TimeoutSeconds":{timeout}"#))),
            3 | 4 => (IDEMPOTENT.to_owned(), self.sometimes(50, format!(r#","TimeoutSeconds":{timeout}"#))),
            5 => (UNKNOWN.to_owned(), format!(r#","{}":{{}}"#, arguments(language))),
            6 | 7 => {
                let parameters = match language {
                    Language::JsonPath => r#","Parameters":{"QueueUrl":"q","MessageBody.$":"$$.Task.Token"}"#,
                    Language::Jsonata => {
                        r#","Arguments":{"QueueUrl":"q","MessageBody":"{% $states.context.Task.Token %}"}"#
                    }
                };
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
        let (rest, _) = self.rest(language, next);
        (self.name("Task"), format!(r#"{spoken}"Type":"Task","Resource":"{resource}"{fields}{rest}"#))
    }

    /// A task that starts an execution, and waits for its beginning or its end.
    fn child_task(&mut self, next: &str) -> (String, String) {
        let Child { arn, machine_type } = self.random.pick(self.children).clone();
        let begins = "states:startExecution";
        let action = match (machine_type, self.machine_type) {
            (MachineType::Express, MachineType::Standard) => {
                // Nobody can wait for the end of an asynchronous one: the last is refused.
                *self.random.pick(&[begins, begins, SYNC_EXPRESS, SYNC_EXPRESS, SYNC_EXPRESS, SYNC[1]])
            }
            (MachineType::Express, MachineType::Express) => *self.random.pick(&[begins, SYNC_EXPRESS]),
            (MachineType::Standard, MachineType::Express) => begins,
            (MachineType::Standard, MachineType::Standard) => {
                *self.random.pick(&[begins, SYNC[0], SYNC[0], SYNC[1]])
            }
        };
        let name = *self.random.pick(&CHILD_NAMES);
        let name = self.sometimes(25, format!(r#","Name":"{name}""#));
        let (language, spoken) = self.language();
        let input = match (action, language) {
            (SYNC_EXPRESS, _) => r#""Input":"{\"n\": 3, \"items\": [1, 2]}""#,
            (_, Language::JsonPath) => r#""Input":{"n.$":"$.n","items":[1,2]}"#,
            (_, Language::Jsonata) => r#""Input":{"n":"{% $states.input.n %}","items":[1,2]}"#,
        };
        let timeout = self.random.within(1..=40);
        let deadline = self.sometimes(30, format!(r#","TimeoutSeconds":{timeout}"#));
        let given = arguments(language);
        let parameters = format!(r#","{given}":{{"StateMachineArn":"{arn}",{input}{name}}}"#);
        let (rest, _) = self.rest(language, next);
        let resource = format!("arn:aws:states:::{action}");
        let task = format!(r#"{spoken}"Type":"Task","Resource":"{resource}"{parameters}{deadline}{rest}"#);
        (self.name("Child"), task)
    }

    fn sometimes(&mut self, part: u64, text: String) -> String {
        if self.random.percent(part) { text } else { String::new() }
    }

    /// What a state that can fail has besides, and how its name ends: that says whether its results are
    /// put where they are read.
    fn rest(&mut self, language: Language, next: &str) -> (String, &'static str) {
        let is_kept = self.random.percent(30);
        let result = match (language, is_kept) {
            (Language::JsonPath, false) => r#""ResultPath":null"#,
            (Language::JsonPath, true) => r#""ResultPath":"$.result""#,
            (Language::Jsonata, false) => r#""Output":"{% $states.input %}""#,
            (Language::Jsonata, true) => {
                r#""Output":"{% $merge([$states.input, {'result': $states.result}]) %}""#
            }
        };
        let mut rest = format!(r#",{result},"Next":"{next}""#);
        if self.random.percent(30) {
            // Seen by whoever comes after in the same scope, and by nobody else.
            let variable = self.name("heard");
            rest += &match language {
                Language::JsonPath => {
                    format!(r#","Assign":{{"{variable}.$":"$","{variable}At.$":"$$.State.EnteredTime"}}"#)
                }
                Language::Jsonata => format!(r#","Assign":{{"{variable}":"{{% $states.result %}}"}}"#),
            };
        }
        if self.random.percent(40) {
            let error = *self.random.pick(&["States.ALL", "States.TaskFailed", "Oops", "States.Timeout"]);
            let (interval, attempts) = (self.random.within(1..=9), self.random.within(1..=3));
            let jitter = self.sometimes(30, r#","JitterStrategy":"FULL""#.to_owned());
            rest += &format!(
                r#","Retry":[{{"ErrorEquals":["{error}"],"IntervalSeconds":{interval},"MaxAttempts":{attempts}{jitter}}}]"#
            );
        }
        if self.random.percent(50) {
            let error = match language {
                Language::JsonPath => r#""ResultPath":"$.error""#,
                Language::Jsonata => {
                    r#""Output":"{% $merge([$states.input, {'error': $states.errorOutput}]) %}""#
                }
            };
            rest += &format!(r#","Catch":[{{"ErrorEquals":["States.ALL"],{error},"Next":"{next}"}}]"#);
        }
        (rest, if is_kept { "-kept" } else { "" })
    }
}

/// What a task's input is called in a language.
fn arguments(language: Language) -> &'static str {
    match language {
        Language::JsonPath => "Parameters",
        Language::Jsonata => "Arguments",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stepwell_asl::Definition;

    #[test]
    fn every_machine_is_a_valid_one() {
        let child = |name, machine_type| Child {
            arn: format!("arn:aws:states:us-east-1:123456789012:stateMachine:{name}"),
            machine_type,
        };
        let children = [child("standard", MachineType::Standard), child("express", MachineType::Express)];
        for machine_type in [MachineType::Standard, MachineType::Express] {
            for seed in 0..300 {
                let definition = definition(&mut Random::new(seed), machine_type, &children);
                if let Err(diagnostics) = Definition::parse_for(machine_type, &definition) {
                    panic!("seed {seed}: {diagnostics:?}\n{definition}");
                }
            }
        }
    }
}
