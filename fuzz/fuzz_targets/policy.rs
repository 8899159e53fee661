//! Any text as a policy: read or refused with a place, and what it decides never depends on how often
//! it is given.

#![no_main]

use libfuzzer_sys::fuzz_target;
use stepwell_policy::{Policy, Question, decide};

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    match Policy::parse(&text) {
        Ok(policy) => {
            for (action, resource) in [
                ("states:StartExecution", "arn:aws:states:us-east-1:123456789012:stateMachine:m"),
                ("states:ListActivities", "*"),
            ] {
                let context = |key: stepwell_policy::ConditionKey| Some(key.as_str().to_owned());
                let question = Question { action, resource, context: &context };
                assert_eq!(decide([&policy], &question), decide([&policy, &policy], &question));
            }
        }
        Err(error) => assert!(!error.what.is_empty() && error.position.line > 0),
    }
});
