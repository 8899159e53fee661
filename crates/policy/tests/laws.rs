//! What holds of every set of policies: deny wins, order does not matter, a Deny more never lets
//! more in, an Allow more never less; and abuse case 8.

use proptest::prelude::*;
use stepwell_policy::{ConditionKey, Decision, Policy, Question, decide};

/// A statement in parts: whether it allows, and JSON for the rest.
#[derive(Debug, Clone)]
struct Drawn {
    allow: bool,
    action: (bool, Vec<String>),
    resource: (bool, Vec<String>),
    condition: Option<String>,
}

impl Drawn {
    fn json(&self) -> String {
        let effect = if self.allow { "Allow" } else { "Deny" };
        let list = |name: &str, (not, patterns): &(bool, Vec<String>)| {
            format!(r#""{}{name}": {patterns:?}"#, if *not { "Not" } else { "" })
        };
        let condition =
            self.condition.as_ref().map_or(String::new(), |json| format!(r#", "Condition": {json}"#));
        format!(
            r#"{{"Effect": "{effect}", {}, {}{condition}}}"#,
            list("Action", &self.action),
            list("Resource", &self.resource)
        )
    }
}

fn policy(statements: &[Drawn]) -> Policy {
    let list = statements.iter().map(Drawn::json).collect::<Vec<_>>().join(",");
    Policy::parse(&format!(r#"{{"Version": "2012-10-17", "Statement": [{list}]}}"#)).unwrap()
}

fn actions() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "*",
        "states:*",
        "states:Start*",
        "states:StartExecution",
        "states:StopExecution",
        "iam:?istRoles",
    ])
    .prop_map(str::to_owned)
}

fn resources() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "*",
        "arn:aws:states:*:1:*",
        "arn:aws:states:r:1:stateMachine:a",
        "arn:aws:states:r:1:stateMachine:?",
        "arn:aws:states:r:2:stateMachine:a*",
    ])
    .prop_map(str::to_owned)
}

fn statement() -> impl Strategy<Value = Drawn> {
    let conditions = prop::sample::select(vec![
        r#"{"StringEquals": {"aws:username": "ci"}}"#,
        r#"{"StringNotEquals": {"aws:username": "ci"}}"#,
        r#"{"StringEqualsIfExists": {"states:StateMachineQualifier": "PROD"}}"#,
        r#"{"Null": {"states:StateMachineQualifier": "false"}}"#,
    ]);
    (
        any::<bool>(),
        (any::<bool>(), prop::collection::vec(actions(), 1..3)),
        (any::<bool>(), prop::collection::vec(resources(), 1..3)),
        prop::option::of(conditions.prop_map(str::to_owned)),
    )
        .prop_map(|(allow, action, resource, condition)| Drawn { allow, action, resource, condition })
}

#[derive(Debug, Clone)]
struct Asked {
    action: String,
    resource: String,
    user: Option<String>,
    qualifier: Option<String>,
}

fn question() -> impl Strategy<Value = Asked> {
    (
        prop::sample::select(vec![
            "states:StartExecution",
            "states:StopExecution",
            "states:ListActivities",
            "iam:ListRoles",
        ]),
        prop::sample::select(vec![
            "*",
            "arn:aws:states:r:1:stateMachine:a",
            "arn:aws:states:r:2:stateMachine:ab",
        ]),
        prop::option::of(prop::sample::select(vec!["ci", "ops"])),
        prop::option::of(prop::sample::select(vec!["PROD", "1"])),
    )
        .prop_map(|(action, resource, user, qualifier)| Asked {
            action: action.to_owned(),
            resource: resource.to_owned(),
            user: user.map(str::to_owned),
            qualifier: qualifier.map(str::to_owned),
        })
}

fn answer(policies: &[Policy], asked: &Asked) -> Decision {
    let context = |key: ConditionKey| match key {
        ConditionKey::Username => asked.user.clone(),
        ConditionKey::StateMachineQualifier => asked.qualifier.clone(),
        _ => None,
    };
    decide(policies, &Question { action: &asked.action, resource: &asked.resource, context: &context })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn order_does_not_matter_nor_how_statements_are_grouped(
        statements in prop::collection::vec(statement(), 0..6),
        shuffled in any::<prop::sample::Index>(),
        asked in question(),
    ) {
        let expected = answer(&[policy(&statements)], &asked);
        let mut other = statements.clone();
        other.reverse();
        if !other.is_empty() {
            let by = shuffled.index(other.len());
            other.rotate_left(by);
        }
        prop_assert_eq!(answer(&[policy(&other)], &asked), expected);
        let each: Vec<Policy> = other.iter().map(|statement| policy(std::slice::from_ref(statement))).collect();
        prop_assert_eq!(answer(&each, &asked), expected);
    }

    #[test]
    fn deny_wins_and_nothing_is_allowed_by_default(
        statements in prop::collection::vec(statement(), 0..6),
        asked in question(),
    ) {
        let alone = |statement: &Drawn| answer(&[policy(std::slice::from_ref(statement))], &asked);
        let all: Vec<Decision> = statements.iter().map(alone).collect();
        let expected = if all.contains(&Decision::Denied) {
            Decision::Denied
        } else if all.contains(&Decision::Allowed) {
            Decision::Allowed
        } else {
            Decision::NotAllowed
        };
        prop_assert_eq!(answer(&[policy(&statements)], &asked), expected);
    }

    #[test]
    fn a_deny_more_never_widens_and_an_allow_more_never_narrows(
        statements in prop::collection::vec(statement(), 0..5),
        more in statement(),
        asked in question(),
    ) {
        let before = answer(&[policy(&statements)], &asked);
        let with = |allow: bool| {
            let mut statements = statements.clone();
            statements.push(Drawn { allow, ..more.clone() });
            answer(&[policy(&statements)], &asked)
        };
        if before != Decision::Allowed {
            prop_assert_ne!(with(false), Decision::Allowed);
        }
        if before == Decision::Allowed {
            prop_assert_eq!(with(true), Decision::Allowed);
        }
    }

    #[test]
    fn an_element_and_its_negation_are_opposites(
        patterns in prop::collection::vec(actions(), 1..3),
        asked in question(),
    ) {
        let one = |not: bool| Drawn {
            allow: true,
            action: (not, patterns.clone()),
            resource: (false, vec!["*".to_owned()]),
            condition: None,
        };
        let allowed = |not: bool| answer(&[policy(&[one(not)])], &asked) == Decision::Allowed;
        prop_assert_ne!(allowed(false), allowed(true));
    }

    #[test]
    fn no_text_makes_reading_panic(text in "\\PC{0,60}", element in "[A-Za-z:]{0,12}", value in "\\PC{0,12}") {
        let _ = Policy::parse(&text);
        let _ = Policy::parse(&format!(
            r#"{{"Statement": {{"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {{"{element}": {{"{element}": "{value}"}}}}}}}}"#
        ));
    }
}

#[test]
fn abuse_case_8_a_deny_of_one_action_holds_in_either_order() {
    let allow = r#"{"Effect": "Allow", "Action": "states:*", "Resource": "*"}"#;
    let deny = r#"{"Effect": "Deny", "Action": "states:StopExecution", "Resource": "*"}"#;
    for statements in [format!("{allow},{deny}"), format!("{deny},{allow}")] {
        let policy = Policy::parse(&format!(r#"{{"Statement": [{statements}]}}"#)).unwrap();
        let answer = |action: &str| {
            let question =
                Question { action, resource: "arn:aws:states:r:1:execution:m:e", context: &|_| None };
            decide([&policy], &question)
        };
        assert_eq!(answer("states:StopExecution"), Decision::Denied);
        assert_eq!(answer("states:DescribeExecution"), Decision::Allowed);
        assert_eq!(answer("iam:ListRoles"), Decision::NotAllowed);
    }
}
