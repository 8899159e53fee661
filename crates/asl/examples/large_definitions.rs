//! How long it takes to check definitions of about a megabyte, the largest that may be:
//! `cargo run --release -p stepwell-asl --example large_definitions`.

#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "it measures time")]

use std::time::Instant;

use stepwell_asl::Definition;

const STATES: usize = 5_000;

fn main() {
    println!("{:<44} {:>9} {:>9} {:>7} {:>7}", "", "bytes", "ms", "states", "found");
    for (name, definition) in [
        (
            "Pass states with templates",
            chain(|n, next| {
                format!(
                    r#"{{"Type": "Pass", "Parameters": {{"id.$": "$.order.id", "n": {n}, "text": "{}"}}, {next}}}"#,
                    "x".repeat(60)
                )
            }),
        ),
        (
            "Pass states with expressions",
            in_jsonata(&chain(|n, next| {
                format!(
                    r#"{{"Type": "Pass", "Output": {{"id": "{{% $states.input.order.id & '{n}' %}}", "sum": "{{% $sum($states.input.lines.(price * quantity)) %}}"}}, {next}}}"#
                )
            })),
        ),
        (
            "Tasks with retriers and catchers",
            chain(|_, next| {
                format!(
                    r#"{{"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:123456789012:function:f", {next}, "Retry": [{{"ErrorEquals": ["States.ALL"]}}], "Catch": [{{"ErrorEquals": ["E"], "Next": "S0"}}]}}"#
                )
            }),
        ),
        (
            "every state leads to one that is not there",
            chain(|n, next| {
                format!(
                    r#"{{"Type": "Choice", "Choices": [{{"Variable": "$.x", "IsNull": true, "Next": "T{n}"}}], {}}}"#,
                    next.replace("\"Next\"", "\"Default\"").replace("\"End\": true", "\"Default\": \"S0\"")
                )
            }),
        ),
        (
            "every state has a field that is none",
            chain(|_, next| {
                format!(r#"{{"Type": "Pass", "Coment": "about this state", "Reslt": 1, {next}}}"#)
            }),
        ),
        (
            "Maps that assign what is assigned around them",
            chain(|n, next| {
                format!(
                    r#"{{"Type": "Map", "Assign": {{"v{}": 1}}, {next}, "ItemProcessor": {{"StartAt": "I{n}", "States": {{"I{n}": {{"Type": "Pass", "Assign": {{"v{}": 1, "w": 1}}, "End": true}}}}}}}}"#,
                    n % 50,
                    n % 50
                )
            }),
        ),
        ("one Choice with many rules", {
            let rules: Vec<String> = (0..STATES)
                .map(|n| {
                    format!(
                        r#"{{"Variable": "$.x", "NumericEquals": {n}, "Comment": "{}", "Next": "B"}}"#,
                        "x".repeat(100)
                    )
                })
                .collect();
            format!(
                r#"{{"StartAt": "A", "States": {{"A": {{"Type": "Choice", "Choices": [{}], "Default": "B"}}, "B": {{"Type": "Succeed"}}}}}}"#,
                rules.join(",")
            )
        }),
        ("Parallels in Parallels", {
            let mut inner =
                r#"{"StartAt": "S", "States": {"S": {"Type": "Pass", "Assign": {"x": 1}, "End": true}}}"#
                    .to_owned();
            for n in 0..120 {
                inner = format!(
                    r#"{{"StartAt": "P{n}", "States": {{"P{n}": {{"Type": "Parallel", "End": true, "Branches": [{inner}]}}}}}}"#
                );
            }
            inner
        }),
    ] {
        let began = Instant::now();
        let result = Definition::parse(&definition);
        let took = began.elapsed();
        let (states, found) = match &result {
            Ok((definition, found)) => (definition.state_count(), found),
            Err(found) => (0, found),
        };
        println!(
            "{name:<44} {:>9} {:>9.1} {states:>7} {:>7}",
            definition.len(),
            took.as_secs_f64() * 1e3,
            found.len()
        );
    }
}

fn chain(state: impl Fn(usize, &str) -> String) -> String {
    let states = (0..STATES).map(|n| {
        let next =
            if n + 1 < STATES { format!(r#""Next": "S{}""#, n + 1) } else { r#""End": true"#.to_owned() };
        format!(r#""S{n}": {}"#, state(n, &next))
    });
    let states: Vec<String> = states.collect();
    format!(r#"{{"StartAt": "S0", "States": {{{}}}}}"#, states.join(",\n"))
}

fn in_jsonata(definition: &str) -> String {
    definition.replacen('{', r#"{"QueryLanguage": "JSONata", "#, 1)
}
