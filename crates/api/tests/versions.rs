//! Versions, aliases, tags and keys of one's own, over an engine in memory whose clock a test moves.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use expect_test::{Expect, expect};
use stepwell_api::{Api, Caller, Options};
use stepwell_engine::{Clock, Engine, EngineOptions, seeds_from};
use stepwell_model::Timestamp;
use stepwell_store::MemoryStore;
use stepwell_value::Value;

const ROLE: &str = "arn:aws:iam::123456789012:role/r";
const M: &str = "arn:aws:states:us-east-1:123456789012:stateMachine:m";
const ONE: &str = r#"{"StartAt":"A","States":{"A":{"Type":"Pass","Result":1,"End":true}}}"#;
const TWO: &str = r#"{"StartAt":"A","States":{"A":{"Type":"Pass","Result":2,"End":true}}}"#;
const WAIT: &str = r#"{"StartAt":"A","States":{"A":{"Type":"Wait","Seconds":600,"End":true}}}"#;

#[derive(Clone)]
struct Hand(Arc<AtomicU64>);

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        Timestamp::from_epoch_ms(1_700_000_000_000 + self.0.load(Ordering::SeqCst))
    }
}

struct World {
    api: Api,
    caller: Caller,
    hand: Hand,
    store: Arc<MemoryStore>,
}

fn api(store: &Arc<MemoryStore>, hand: &Hand) -> Api {
    let options = EngineOptions { shards: 1, seed: seeds_from(1), ..EngineOptions::default() };
    let engine = Engine::open(store.clone(), Vec::new(), Arc::new(hand.clone()), options).unwrap();
    Api::new(engine, Options::new([7; 32]))
}

impl World {
    fn new() -> World {
        let (store, hand) = (Arc::new(MemoryStore::new([7; 32])), Hand(Arc::default()));
        World { api: api(&store, &hand), caller: Caller::new("123456789012", "us-east-1"), hand, store }
    }

    /// The same store, and everything else anew.
    fn reopen(self) -> World {
        let World { api: old, caller, hand, store } = self;
        drop(old);
        World { api: api(&store, &hand), caller, hand, store }
    }

    /// The reply, or the exception after a `!`.
    async fn call(&self, operation: &str, body: &str) -> String {
        self.hand.0.fetch_add(1_000, Ordering::SeqCst);
        match self.api.call(operation, &self.caller, body.as_bytes()).await {
            Ok(reply) => reply,
            Err(exception) => format!("! {}", exception.to_json()),
        }
    }

    async fn check(&self, operation: &str, body: &str, expected: Expect) {
        expected.assert_eq(&self.call(operation, body).await);
    }

    async fn done(&self, operation: &str, body: &str) -> Value {
        let reply = self.call(operation, body).await;
        assert!(reply.starts_with('{'), "{operation} {body}: {reply}");
        Value::parse(&reply).unwrap()
    }

    /// Checks that this stands in the reply or in the exception.
    async fn says(&self, operation: &str, body: &str, expected: &str) {
        let reply = self.call(operation, body).await;
        assert!(reply.contains(expected), "{operation} {body}: {reply}");
    }

    /// A machine with version 1, which gives 1, and version 2, which gives 2.
    async fn two_versions(&self) {
        self.done("CreateStateMachine", &create("m", ONE, r#","publish":true"#)).await;
        self.done("UpdateStateMachine", &update(TWO, r#","publish":true,"versionDescription":"two""#)).await;
    }

    /// How many of a hundred starts by `arn` gave 2, after they have all ended.
    async fn twos(&self, arn: &str) -> usize {
        let mut twos = 0;
        for _ in 0..100 {
            let started = self.done("StartExecution", &format!(r#"{{"stateMachineArn":"{arn}"}}"#)).await;
            let started = started.get("executionArn").unwrap().as_str().unwrap().to_owned();
            let described = self.done("DescribeExecution", &execution(&started)).await;
            let version = described.get("stateMachineVersionArn").unwrap().as_str().unwrap().to_owned();
            let output = described.get("output").unwrap().as_str().unwrap();
            assert_eq!(version, format!("{M}:{output}"), "the version that was drawn is the one that ran");
            twos += usize::from(output == "2");
        }
        twos
    }
}

fn create(name: &str, definition: &str, more: &str) -> String {
    let definition = Value::from(definition);
    format!(r#"{{"name":"{name}","roleArn":"{ROLE}","definition":{definition}{more}}}"#)
}

fn update(definition: &str, more: &str) -> String {
    format!(r#"{{"stateMachineArn":"{M}","definition":{}{more}}}"#, Value::from(definition))
}

fn machine(more: &str) -> String {
    format!(r#"{{"stateMachineArn":"{M}"{more}}}"#)
}

fn qualified(qualifier: &str) -> String {
    format!(r#"{{"stateMachineArn":"{M}:{qualifier}"}}"#)
}

fn version(number: &str) -> String {
    format!(r#"{{"stateMachineVersionArn":"{M}:{number}"}}"#)
}

fn alias(name: &str, more: &str) -> String {
    format!(r#"{{"stateMachineAliasArn":"{M}:{name}"{more}}}"#)
}

fn route(routes: &[(&str, i64)]) -> String {
    let item = |(version, weight): &(&str, i64)| {
        format!(r#"{{"stateMachineVersionArn":"{M}:{version}","weight":{weight}}}"#)
    };
    format!(r#""routingConfiguration":[{}]"#, routes.iter().map(item).collect::<Vec<_>>().join(","))
}

fn new_alias(name: &str, routes: &[(&str, i64)]) -> String {
    format!(r#"{{"name":"{name}",{}}}"#, route(routes))
}

fn execution(arn: &str) -> String {
    format!(r#"{{"executionArn":"{arn}"}}"#)
}

fn tagged(arn: &str, more: &str) -> String {
    format!(r#"{{"resourceArn":"{arn}"{more}}}"#)
}

#[tokio::test]
async fn a_version_stays_as_it_was_published() {
    let world = World::new();
    world.check("CreateStateMachine", &create("m", ONE, r#","publish":true,"versionDescription":"one""#), expect![[r#"{"stateMachineArn":"arn:aws:states:us-east-1:123456789012:stateMachine:m","creationDate":1700000001.000,"stateMachineVersionArn":"arn:aws:states:us-east-1:123456789012:stateMachine:m:1"}"#]]).await;
    world.done("UpdateStateMachine", &update(TWO, "")).await;
    world.check("DescribeStateMachine", &qualified("1"), expect![[r#"{"stateMachineArn":"arn:aws:states:us-east-1:123456789012:stateMachine:m:1","name":"m","status":"ACTIVE","definition":"{\"StartAt\":\"A\",\"States\":{\"A\":{\"Type\":\"Pass\",\"Result\":1,\"End\":true}}}","roleArn":"arn:aws:iam::123456789012:role/r","type":"STANDARD","creationDate":1700000001.000,"loggingConfiguration":{"level":"OFF","includeExecutionData":false},"tracingConfiguration":{"enabled":false},"encryptionConfiguration":{"type":"AWS_OWNED_KEY"},"description":"one"}"#]]).await;
    let now = world.done("DescribeStateMachine", &machine("")).await;
    assert_eq!(now.get("definition").unwrap().as_str(), Some(TWO));
    assert_eq!(now.get("description"), None);
    for missing in ["2", "01", "0", "PROD"] {
        world.says("DescribeStateMachine", &qualified(missing), "StateMachineDoesNotExist").await;
        world.says("StartExecution", &qualified(missing), "StateMachineDoesNotExist").await;
        world.says("ListExecutions", &qualified(missing), "StateMachineDoesNotExist").await;
    }
}

#[tokio::test]
async fn a_revision_has_one_version_and_a_number_is_given_once() {
    let world = World::new();
    world.done("CreateStateMachine", &create("m", ONE, "")).await;
    let first = world.call("PublishStateMachineVersion", &machine(r#","revisionId":"INITIAL""#)).await;
    assert!(first.contains("stateMachine:m:1\""), "{first}");
    let again = world.call("PublishStateMachineVersion", &machine(r#","description":"other""#)).await;
    assert_eq!(again, first, "the description is that of the first");

    let updated = world.done("UpdateStateMachine", &update(TWO, "")).await;
    let revision = updated.get("revisionId").unwrap().as_str().unwrap().to_owned();
    let conflict = world.call("PublishStateMachineVersion", &machine(r#","revisionId":"INITIAL""#)).await;
    assert_eq!(
        conflict,
        format!(
            r#"! {{"__type":"ConflictException","message":"Failed to publish the State Machine version for revision INITIAL. The current State Machine revision is {revision}."}}"#
        )
    );
    let published = machine(&format!(r#","revisionId":"{revision}""#));
    let second = world.call("PublishStateMachineVersion", &published).await;
    assert!(second.contains("stateMachine:m:2\""), "{second}");
    // To update nothing and publish is to publish what is.
    let nothing = world.done("UpdateStateMachine", &update(TWO, r#","publish":true"#)).await;
    assert_eq!(nothing.get("stateMachineVersionArn").unwrap().as_str(), Some(format!("{M}:2").as_str()));
    assert_eq!(nothing.get("revisionId").unwrap().as_str(), Some(&*revision));

    assert_eq!(world.call("DeleteStateMachineVersion", &version("2")).await, "{}");
    assert_eq!(world.call("DeleteStateMachineVersion", &version("2")).await, "{}");
    let world = world.reopen();
    let third = world.call("PublishStateMachineVersion", &machine("")).await;
    assert!(third.contains("stateMachine:m:3\""), "{third}");
    let list = world.call("ListStateMachineVersions", &machine("")).await;
    let at = |number: &str| list.find(&format!("m:{number}\"")).unwrap();
    assert!(at("3") < at("1") && !list.contains("m:2\""), "{list}");
    world.says("PublishStateMachineVersion", &qualified("1"), "StateMachineDoesNotExist").await;
    world
        .says("UpdateStateMachine", &update(ONE, "").replace(":m\"", ":m:1\""), "StateMachineDoesNotExist")
        .await;
}

#[tokio::test]
async fn the_same_creation_publishes_alike_or_is_another_one() {
    let world = World::new();
    let published = create("m", ONE, r#","publish":true,"versionDescription":"v""#);
    let first = world.call("CreateStateMachine", &published).await;
    assert_eq!(world.call("CreateStateMachine", &published).await, first);
    let world = world.reopen();
    assert_eq!(world.call("CreateStateMachine", &published).await, first);
    for other in ["", r#","publish":true"#, r#","publish":true,"versionDescription":"w""#] {
        let other = create("m", ONE, other);
        world.says("CreateStateMachine", &other, "StateMachineAlreadyExists").await;
    }
    let tags =
        create("m", ONE, r#","publish":true,"versionDescription":"v","tags":[{"key":"k","value":"v"}]"#);
    assert_eq!(world.call("CreateStateMachine", &tags).await, first, "tags make no difference");
    assert_eq!(world.call("ListTagsForResource", &tagged(M, "")).await, r#"{"tags":[]}"#);
}

#[tokio::test]
async fn an_alias_lives_from_creation_to_deletion() {
    let world = World::new();
    world.two_versions().await;
    let body = new_alias("PROD", &[("1", 100)]).replacen('{', r#"{"description":"d","#, 1);
    let created = world.call("CreateStateMachineAlias", &body).await;
    expect![[r#"{"stateMachineAliasArn":"arn:aws:states:us-east-1:123456789012:stateMachine:m:PROD","creationDate":1700000003.000}"#]].assert_eq(&created);
    assert_eq!(world.call("CreateStateMachineAlias", &body).await, created);
    let conflict = r#"! {"__type":"ConflictException","message":"Failed to create alias because an alias with the same name and a different routing configuration already exists."}"#;
    assert_eq!(world.call("CreateStateMachineAlias", &body.replace(r#""d""#, r#""e""#)).await, conflict);
    assert_eq!(world.call("CreateStateMachineAlias", &new_alias("PROD", &[("2", 100)])).await, conflict);

    let more = format!(",{}", route(&[("1", 30), ("2", 70)]));
    world
        .check(
            "UpdateStateMachineAlias",
            &alias("PROD", &more),
            expect![[r#"{"updateDate":1700000007.000}"#]],
        )
        .await;
    let again = world.call("UpdateStateMachineAlias", &alias("PROD", &more)).await;
    assert_eq!(again, r#"{"updateDate":1700000007.000}"#, "to ask twice is to ask once");
    world.check("DescribeStateMachineAlias", &alias("PROD", ""), expect![[r#"{"stateMachineAliasArn":"arn:aws:states:us-east-1:123456789012:stateMachine:m:PROD","name":"PROD","description":"d","routingConfiguration":[{"stateMachineVersionArn":"arn:aws:states:us-east-1:123456789012:stateMachine:m:1","weight":30},{"stateMachineVersionArn":"arn:aws:states:us-east-1:123456789012:stateMachine:m:2","weight":70}],"creationDate":1700000003.000,"updateDate":1700000007.000}"#]]).await;
    world.check("UpdateStateMachineAlias", &alias("PROD", ""), expect![[r#"! {"__type":"ValidationException","message":"Either the description or the routing configuration must be specified","reason":"MISSING_REQUIRED_PARAMETER"}"#]]).await;
    world.check("DeleteStateMachineVersion", &version("2"), expect![[r#"! {"__type":"ConflictException","message":"Version to be deleted must not be referenced by an alias. Current list of aliases referencing this version: [PROD]"}"#]]).await;
    let described = world.done("DescribeStateMachine", &qualified("PROD")).await;
    assert_eq!(described.get("definition").unwrap().as_str(), Some(TWO), "the version that gets more");
    assert_eq!(described.get("description").unwrap().as_str(), Some("two"));

    let world = world.reopen();
    world.done("DescribeStateMachineAlias", &alias("PROD", "")).await;
    world.check("DeleteStateMachineAlias", &alias("PROD", ""), expect!["{}"]).await;
    let gone = r#"! {"__type":"ResourceNotFound","message":"Resource not found: 'arn:aws:states:us-east-1:123456789012:stateMachine:m:PROD'","resourceName":"arn:aws:states:us-east-1:123456789012:stateMachine:m:PROD"}"#;
    for operation in ["DescribeStateMachineAlias", "DeleteStateMachineAlias"] {
        assert_eq!(world.call(operation, &alias("PROD", "")).await, gone);
    }
    assert_eq!(world.call("UpdateStateMachineAlias", &alias("PROD", &more)).await, gone);
    world.check("DeleteStateMachineVersion", &version("2"), expect!["{}"]).await;
    for bad in ["1", "PROD/L"] {
        let bad = alias(bad, "");
        world.says("DescribeStateMachineAlias", &bad, "InvalidArn").await;
    }
}

#[tokio::test]
async fn what_an_alias_leads_to_is_checked() {
    let world = World::new();
    world.two_versions().await;
    world.done("CreateStateMachine", &create("n", ONE, r#","publish":true"#)).await;
    let refused = async |routes: &[(&str, i64)], expected: Expect| {
        let reply = world.call("CreateStateMachineAlias", &new_alias("A", routes)).await;
        expected.assert_eq(reply.trim_start_matches(r#"! {"__type":""#));
    };
    refused(&[("1", 60), ("2", 41)], expect![[r#"ValidationException","message":"Sum of routing configuration weights must equal 100. Received: [60, 41]","reason":"INVALID_ROUTING_CONFIGURATION"}"#]]).await;
    refused(&[("1", 50), ("1", 50)], expect![[r#"ValidationException","message":"Routing configuration must contain distinct state machine version ARNs. Received: [arn:aws:states:us-east-1:123456789012:stateMachine:m:1, arn:aws:states:us-east-1:123456789012:stateMachine:m:1]","reason":"INVALID_ROUTING_CONFIGURATION"}"#]]).await;
    refused(&[("1", 101), ("2", -1)], expect![[r#"ValidationException","message":"2 validation errors detected: Value '101' at 'routingConfiguration.1.member.weight' failed to satisfy constraint: Member must have value less than or equal to 100; Value '-1' at 'routingConfiguration.2.member.weight' failed to satisfy constraint: Member must have value greater than or equal to 0"}"#]]).await;
    refused(&[], expect![[r#"ValidationException","message":"1 validation error detected: Value '[]' at 'routingConfiguration' failed to satisfy constraint: Member must have length greater than or equal to 1"}"#]]).await;
    refused(&[("1", 50), ("2", 50), ("2", 0)], expect![[r#"ValidationException","message":"1 validation error detected: Value '[RoutingConfigurationListItem(stateMachineVersionArn=arn:aws:states:us-east-1:123456789012:stateMachine:m:1, weight=50), RoutingConfigurationListItem(stateMachineVersionArn=arn:aws:states:us-east-1:123456789012:stateMachine:m:2, weight=50), RoutingConfigurationListItem(stateMachineVersionArn=arn:aws:states:us-east-1:123456789012:stateMachine:m:2, weight=0)]' at 'routingConfiguration' failed to satisfy constraint: Member must have length less than or equal to 2"}"#]]).await;
    refused(&[("PROD", 100)], expect![[r#"ValidationException","message":"Routing configuration must contain state machine version ARNs. Received: [arn:aws:states:us-east-1:123456789012:stateMachine:m:PROD]","reason":"INVALID_ROUTING_CONFIGURATION"}"#]]).await;
    refused(&[("3", 100)], expect![[r#"ResourceNotFound","message":"Resource not found: 'arn:aws:states:us-east-1:123456789012:stateMachine:m:3'","resourceName":"arn:aws:states:us-east-1:123456789012:stateMachine:m:3"}"#]]).await;
    let mixed = new_alias("A", &[("1", 50), ("2", 50)]).replacen(":m:1", ":n:1", 1);
    world.says("CreateStateMachineAlias", &mixed, "versions of the same state machine").await;
    world.done("CreateStateMachineAlias", &new_alias("A", &[("1", 100)])).await;
    let elsewhere = alias("A", &format!(",{}", route(&[("1", 100)]).replace(":m:1", ":n:1")));
    world.says("UpdateStateMachineAlias", &elsewhere, "versions of the same state machine").await;
    world.says("CreateStateMachineAlias", &new_alias("123", &[("1", 100)]), "regular expression").await;
}

#[tokio::test]
async fn an_alias_leads_to_its_versions_by_weight() {
    let world = World::new();
    world.two_versions().await;
    let arn = format!("{M}:CANARY");
    world.done("CreateStateMachineAlias", &new_alias("CANARY", &[("1", 80), ("2", 20)])).await;
    let twos = world.twos(&arn).await;
    assert!((5..40).contains(&twos), "{twos} of 100 with a weight of 20");
    for (routes, expected) in
        [(vec![("1", 0), ("2", 100)], 100), (vec![("1", 100), ("2", 0)], 0), (vec![("2", 100)], 100)]
    {
        world.done("UpdateStateMachineAlias", &alias("CANARY", &format!(",{}", route(&routes)))).await;
        assert_eq!(world.twos(&arn).await, expected, "{routes:?}");
    }
}

#[tokio::test]
async fn an_execution_tells_how_it_was_started_and_is_listed_so() {
    let world = World::new();
    world.two_versions().await;
    world.done("CreateStateMachineAlias", &new_alias("PROD", &[("1", 100)])).await;
    let start = async |arn: &str, name: &str| {
        let body = format!(r#"{{"stateMachineArn":"{arn}","name":"{name}","traceHeader":"Root={name}"}}"#);
        world.done("StartExecution", &body).await;
        format!("arn:aws:states:us-east-1:123456789012:execution:m:{name}")
    };
    let plain = start(M, "plain").await;
    let versioned = start(&format!("{M}:2"), "versioned").await;
    let aliased = start(&format!("{M}:PROD"), "aliased").await;
    let world = world.reopen();

    let told = async |arn: &str| {
        let described = world.done("DescribeExecution", &execution(arn)).await;
        let get = |value: &Value, member: &str| {
            value
                .get(member)
                .and_then(Value::as_str)
                .unwrap_or("-")
                .replace("arn:aws:states:us-east-1:123456789012:", "")
        };
        let history = world.done("GetExecutionHistory", &execution(arn)).await;
        let events = history.get("events").unwrap().as_array().unwrap().clone();
        let details = events[0].get("executionStartedEventDetails").unwrap().clone();
        let of = |value: &Value| {
            format!("{} {}", get(value, "stateMachineVersionArn"), get(value, "stateMachineAliasArn"))
        };
        assert_eq!(of(&described), of(&details));
        let pinned = world.done("DescribeStateMachineForExecution", &execution(arn)).await;
        assert_eq!(get(&pinned, "stateMachineArn"), "stateMachine:m");
        format!(
            "{} {} {} {}",
            get(&described, "stateMachineArn"),
            of(&described),
            get(&described, "output"),
            get(&described, "traceHeader")
        )
    };
    assert_eq!(told(&plain).await, "stateMachine:m - - 2 Root=plain");
    assert_eq!(told(&versioned).await, "stateMachine:m stateMachine:m:2 - 2 Root=versioned");
    assert_eq!(told(&aliased).await, "stateMachine:m stateMachine:m:1 stateMachine:m:PROD 1 Root=aliased");

    let listed = async |body: &str| {
        let list = world.done("ListExecutions", body).await;
        let list = list.get("executions").unwrap().as_array().unwrap().clone();
        list.iter()
            .map(|item| item.get("name").unwrap().as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(listed(&machine("")).await, "aliased versioned plain");
    assert_eq!(listed(&qualified("1")).await, "aliased");
    assert_eq!(listed(&qualified("2")).await, "versioned");
    assert_eq!(listed(&qualified("PROD")).await, "aliased");
    world.check("ListExecutions", &qualified("PROD"), expect![[r#"{"executions":[{"executionArn":"arn:aws:states:us-east-1:123456789012:execution:m:aliased","stateMachineArn":"arn:aws:states:us-east-1:123456789012:stateMachine:m","stateMachineVersionArn":"arn:aws:states:us-east-1:123456789012:stateMachine:m:1","stateMachineAliasArn":"arn:aws:states:us-east-1:123456789012:stateMachine:m:PROD","name":"aliased","status":"SUCCEEDED","startDate":1700000006.000,"stopDate":1700000006.000,"redriveCount":0}]}"#]]).await;
    let traced = world.caller.clone().traced(Some("Root=from-http"));
    let body = machine(r#","name":"traced","traceHeader":"Root=from-body""#);
    world.api.call("StartExecution", &traced, body.as_bytes()).await.unwrap();
    let arn = "arn:aws:states:us-east-1:123456789012:execution:m:traced";
    world.says("DescribeExecution", &execution(arn), r#""traceHeader":"Root=from-http""#).await;
    let odd = machine(r#","traceHeader":"größe""#);
    world.check("StartExecution", &odd, expect![[r#"! {"__type":"ValidationException","message":"1 validation error detected: Value 'größe' at 'traceHeader' failed to satisfy constraint: Member must satisfy regular expression pattern: \\p{ASCII}*"}"#]]).await;
}

#[tokio::test]
async fn a_repeated_start_gets_the_same_execution_whatever_the_alias_would_draw() {
    let world = World::new();
    world.done("CreateStateMachine", &create("m", WAIT, r#","publish":true"#)).await;
    world.done("UpdateStateMachine", &update(TWO, r#","publish":true"#)).await;
    world.done("CreateStateMachineAlias", &new_alias("PROD", &[("1", 100)])).await;
    let body = qualified("PROD").replace('}', r#","name":"e"}"#);
    let first = world.call("StartExecution", &body).await;
    world.done("UpdateStateMachineAlias", &alias("PROD", &format!(",{}", route(&[("2", 100)])))).await;
    assert_eq!(world.call("StartExecution", &body).await, first);
    let plain = machine(r#","name":"e""#);
    assert_eq!(world.call("StartExecution", &plain).await, first, "a name is a machine's");
    world.done("DeleteStateMachineAlias", &alias("PROD", "")).await;
    world.says("StartExecution", &body, "StateMachineDoesNotExist").await;
    // What runs goes on without its alias and its version.
    world.done("DeleteStateMachineVersion", &version("1")).await;
    let world = world.reopen();
    let described = world
        .done("DescribeExecution", &execution("arn:aws:states:us-east-1:123456789012:execution:m:e"))
        .await;
    assert_eq!(described.get("status").unwrap().as_str(), Some("RUNNING"));
    assert_eq!(described.get("stateMachineAliasArn").unwrap().as_str(), Some(format!("{M}:PROD").as_str()));
}

#[tokio::test]
async fn versions_and_aliases_come_in_pages_and_go_with_their_machine() {
    let world = World::new();
    world.two_versions().await;
    for name in ["c", "a", "b"] {
        let routes = if name == "b" { [("2", 100)] } else { [("1", 100)] };
        world.done("CreateStateMachineAlias", &new_alias(name, &routes)).await;
    }
    let pages = async |operation: &str, body: &str, key: &str, item: &str| {
        let (mut found, mut token) = (Vec::new(), String::new());
        loop {
            let body = body.replace('}', &format!(r#","maxResults":1{token}}}"#));
            let page = world.done(operation, &body).await;
            for entry in page.get(key).unwrap().as_array().unwrap() {
                let arn = entry.get(item).unwrap().as_str().unwrap();
                found.push(arn.rsplit(':').next().unwrap().to_owned());
            }
            match page.get("nextToken").and_then(Value::as_str) {
                Some(next) => token = format!(r#","nextToken":"{next}""#),
                None => return found.join(" "),
            }
        }
    };
    let of_machine = machine("");
    let versions =
        pages("ListStateMachineVersions", &of_machine, "stateMachineVersions", "stateMachineVersionArn");
    assert_eq!(versions.await, "2 1");
    let aliases = async |body: &str| {
        pages("ListStateMachineAliases", body, "stateMachineAliases", "stateMachineAliasArn").await
    };
    assert_eq!(aliases(&machine("")).await, "a b c");
    assert_eq!(aliases(&qualified("1")).await, "a c");
    world.says("ListStateMachineAliases", &qualified("3"), "ResourceNotFound").await;
    world.says("ListStateMachineAliases", &machine(r#","nextToken":"x""#), "InvalidToken").await;
    world.says("ListStateMachineVersions", &machine(r#","nextToken":"x""#), "InvalidToken").await;

    world.done("DeleteStateMachine", &machine("")).await;
    world.says("ListStateMachineAliases", &machine(""), "StateMachineDoesNotExist").await;
    world.done("CreateStateMachine", &create("m", ONE, "")).await;
    let world = world.reopen();
    assert_eq!(world.call("ListStateMachineVersions", &machine("")).await, r#"{"stateMachineVersions":[]}"#);
    assert_eq!(world.call("ListStateMachineAliases", &machine("")).await, r#"{"stateMachineAliases":[]}"#);
    let none = machine("").replace(":m\"", ":none\"");
    assert_eq!(world.call("ListStateMachineVersions", &none).await, r#"{"stateMachineVersions":[]}"#);
}

#[tokio::test]
async fn a_machine_has_a_thousand_versions_and_a_hundred_aliases() {
    let world = World::new();
    world.done("CreateStateMachine", &create("m", ONE, r#","publish":true"#)).await;
    for number in 2..=1_000 {
        let definition = ONE.replace("\"Result\":1", &format!("\"Result\":{number}"));
        world.done("UpdateStateMachine", &update(&definition, r#","publish":true"#)).await;
    }
    world
        .says("UpdateStateMachine", &update(ONE, r#","publish":true"#), "ServiceQuotaExceededException")
        .await;
    let described = world.done("DescribeStateMachine", &machine("")).await;
    assert!(described.get("definition").unwrap().as_str().unwrap().contains("1000"), "it was not updated");
    world.done("DeleteStateMachineVersion", &version("7")).await;
    world.done("UpdateStateMachine", &update(ONE, r#","publish":true"#)).await;

    for number in 0..100 {
        world.done("CreateStateMachineAlias", &new_alias(&format!("a{number}"), &[("1", 100)])).await;
    }
    world.done("CreateStateMachineAlias", &new_alias("a7", &[("1", 100)])).await;
    world
        .says("CreateStateMachineAlias", &new_alias("b", &[("1", 100)]), "ServiceQuotaExceededException")
        .await;
    world.done("DeleteStateMachineAlias", &alias("a7", "")).await;
    world.done("CreateStateMachineAlias", &new_alias("b", &[("1", 100)])).await;
}

#[tokio::test]
async fn machines_and_activities_have_tags_and_versions_have_none() {
    let world = World::new();
    world.two_versions().await;
    let activity = "arn:aws:states:us-east-1:123456789012:activity:a";
    world.done("CreateActivity", r#"{"name":"a","tags":[{"key":"team","value":"x"}]}"#).await;
    world
        .check(
            "ListTagsForResource",
            &tagged(activity, ""),
            expect![[r#"{"tags":[{"key":"team","value":"x"}]}"#]],
        )
        .await;
    for arn in [M, activity] {
        let tags = r#","tags":[{"key":"k1","value":"v1"},{"key":"ключ 2","value":""},{"key":"k3"}]"#;
        world.check("TagResource", &tagged(arn, tags), expect!["{}"]).await;
        world.done("TagResource", &tagged(arn, r#","tags":[{"key":"k1","value":"new"}]"#)).await;
        world.check("UntagResource", &tagged(arn, r#","tagKeys":["k3","team","none"]"#), expect!["{}"]).await;
        world.check("UntagResource", &tagged(arn, r#","tagKeys":[]"#), expect!["{}"]).await;
    }
    let world = world.reopen();
    for arn in [M, activity] {
        world
            .check(
                "ListTagsForResource",
                &tagged(arn, ""),
                expect![[r#"{"tags":[{"key":"k1","value":"new"},{"key":"ключ 2","value":""}]}"#]],
            )
            .await;
        let many: Vec<String> = (0..49).map(|n| format!(r#"{{"key":"n{n}","value":"v"}}"#)).collect();
        let too_many = format!(r#","tags":[{}]"#, many.join(","));
        let reply = world.call("TagResource", &tagged(arn, &too_many)).await;
        assert_eq!(
            reply,
            format!(
                r#"! {{"__type":"TooManyTags","message":"Too many tags: '{arn}'","resourceName":"{arn}"}}"#
            )
        );
        world.done("TagResource", &tagged(arn, &format!(r#","tags":[{}]"#, many[1..].join(",")))).await;
    }
    let described = world.done("DescribeStateMachine", &machine("")).await;
    assert!(described.get("revisionId").is_some());

    for arn in
        [format!("{M}:1"), format!("{M}x"), activity.replace(":activity:a", ":activity:b"), format!("{M}/L")]
    {
        for (operation, more) in [
            ("TagResource", r#","tags":[]"#),
            ("UntagResource", r#","tagKeys":[]"#),
            ("ListTagsForResource", ""),
        ] {
            let expected = format!("\"ResourceNotFound\",\"message\":\"Resource not found: '{arn}'\"");
            world.says(operation, &tagged(&arn, more), &expected).await;
        }
    }
    world
        .says(
            "ListTagsForResource",
            &tagged("arn:aws:states:us-east-1:123456789012:execution:m:e", ""),
            "InvalidArn",
        )
        .await;
    world.says("ListTagsForResource", &tagged("nothing", ""), "InvalidArn").await;
    for (key, value) in [("aws:x", "v"), ("a,b", "v"), ("k", "a;b"), ("AWS:x", "v")] {
        let tags = format!(r#","tags":[{{"key":"{key}","value":"{value}"}}]"#);
        world.says("TagResource", &tagged(M, &tags), "ValidationException").await;
        world.says("CreateStateMachine", &create("x", ONE, &tags), "ValidationException").await;
        world.says("CreateActivity", &format!(r#"{{"name":"x"{tags}}}"#), "ValidationException").await;
    }
}

#[tokio::test]
async fn a_key_of_ones_own_is_kept_and_shown() {
    let world = World::new();
    let with = |configuration: &str| format!(r#","encryptionConfiguration":{configuration}"#);
    let own = with(r#"{"type":"CUSTOMER_MANAGED_KMS_KEY","kmsKeyId":"alias/k"}"#);
    let shown = r#""encryptionConfiguration":{"kmsKeyId":"alias/k","kmsDataKeyReusePeriodSeconds":300,"type":"CUSTOMER_MANAGED_KMS_KEY"}"#;
    world.done("CreateStateMachine", &create("m", ONE, &format!(r#"{own},"publish":true"#))).await;
    world
        .says("CreateStateMachine", &create("m", ONE, r#","publish":true"#), "StateMachineAlreadyExists")
        .await;
    world.done("CreateActivity", &format!(r#"{{"name":"a"{own}}}"#)).await;
    world.done("CreateActivity", &format!(r#"{{"name":"a"{own}}}"#)).await;
    world.says("CreateActivity", r#"{"name":"a"}"#, "ActivityAlreadyExists").await;
    let started = world.done("StartExecution", &machine("")).await;
    let started = started.get("executionArn").unwrap().as_str().unwrap().to_owned();

    let back = machine(&with(r#"{"type":"AWS_OWNED_KEY"}"#));
    assert!(world.done("UpdateStateMachine", &back).await.get("revisionId").is_some());
    let world = world.reopen();
    let activity = r#"{"activityArn":"arn:aws:states:us-east-1:123456789012:activity:a"}"#;
    world.says("DescribeActivity", activity, shown).await;
    world.says("DescribeStateMachine", &qualified("1"), shown).await;
    world.says("DescribeStateMachineForExecution", &execution(&started), shown).await;
    world.says("DescribeStateMachine", &machine(""), r#"{"type":"AWS_OWNED_KEY"}"#).await;
    for bad in [
        r#"{"type":"CUSTOMER_MANAGED_KMS_KEY"}"#,
        r#"{"type":"AWS_OWNED_KEY","kmsKeyId":"k"}"#,
        r#"{"type":"AWS_OWNED_KEY","kmsDataKeyReusePeriodSeconds":60}"#,
    ] {
        world
            .says("CreateStateMachine", &create("x", ONE, &with(bad)), "InvalidEncryptionConfiguration")
            .await;
        world
            .says(
                "CreateActivity",
                &format!(r#"{{"name":"x"{}}}"#, with(bad)),
                "InvalidEncryptionConfiguration",
            )
            .await;
        world.says("UpdateStateMachine", &machine(&with(bad)), "InvalidEncryptionConfiguration").await;
    }
}

#[tokio::test]
async fn a_label_names_a_distributed_map_and_no_machine() {
    let world = World::new();
    let map = r#"{"StartAt":"M","States":{"M":{"Type":"Map","Label":"L","End":true,"ItemProcessor":{"ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"STANDARD"},"StartAt":"A","States":{"A":{"Type":"Pass","End":true}}}}}}"#;
    world.done("CreateStateMachine", &create("m", map, "")).await;
    let labeled = machine("").replace(":m\"", ":m/L\"");
    let described = world.done("DescribeStateMachine", &labeled).await;
    assert_eq!(described.get("label").unwrap().as_str(), Some("L"));
    world.says("DescribeStateMachine", &labeled.replace("/L", "/X"), "StateMachineDoesNotExist").await;
    for operation in [
        "DeleteStateMachine",
        "ListExecutions",
        "ListStateMachineAliases",
        "ListStateMachineVersions",
        "PublishStateMachineVersion",
        "StartExecution",
        "StartSyncExecution",
        "UpdateStateMachine",
    ] {
        let expected = format!(
            r#"! {{"__type":"ValidationException","message":"{operation} does not support labeled state machine ARNs","reason":"API_DOES_NOT_SUPPORT_LABELED_ARNS"}}"#
        );
        assert_eq!(world.call(operation, &labeled).await, expected);
    }
}

#[tokio::test]
async fn there_are_no_map_runs_yet() {
    let world = World::new();
    world.done("CreateStateMachine", &create("m", ONE, "")).await;
    let started = world.done("StartExecution", &machine("")).await;
    let started = started.get("executionArn").unwrap().as_str().unwrap().to_owned();
    world.check("ListMapRuns", &execution(&started), expect![[r#"{"mapRuns":[]}"#]]).await;
    world.says("ListMapRuns", &execution(&format!("{started}x")), "ExecutionDoesNotExist").await;
    let run = "arn:aws:states:us-east-1:123456789012:mapRun:m/L:0c5f";
    let body = format!(r#"{{"mapRunArn":"{run}"}}"#);
    let none = format!(
        r#"! {{"__type":"ResourceNotFound","message":"Resource not found: '{run}'","resourceName":"{run}"}}"#
    );
    for operation in ["DescribeMapRun", "UpdateMapRun", "ListExecutions"] {
        assert_eq!(world.call(operation, &body).await, none);
        world.says(operation, r#"{"mapRunArn":"x"}"#, "InvalidArn").await;
    }
    let bad = body.replace('}', r#","toleratedFailurePercentage":100.5,"maxConcurrency":-1}"#);
    world.says("UpdateMapRun", &bad, "2 validation errors detected").await;
}

#[tokio::test]
async fn an_express_machine_has_versions_and_aliases_too() {
    let world = World::new();
    world.done("CreateStateMachine", &create("m", ONE, r#","type":"EXPRESS","publish":true"#)).await;
    world.done("UpdateStateMachine", &update(TWO, r#","publish":true"#)).await;
    world.done("CreateStateMachineAlias", &new_alias("PROD", &[("1", 100)])).await;
    for (qualifier, output) in [("1", "1"), ("2", "2"), ("PROD", "1")] {
        let ended = world.done("StartSyncExecution", &qualified(qualifier)).await;
        assert_eq!(ended.get("output").unwrap().as_str(), Some(output), "{qualifier}");
        world.done("StartExecution", &qualified(qualifier)).await;
    }
    world.says("StartSyncExecution", &qualified("3"), "StateMachineDoesNotExist").await;
    for list in [machine(""), qualified("1")] {
        world.check("ListExecutions", &list, expect![[r#"! {"__type":"StateMachineTypeNotSupported","message":"This operation is not supported by this type of state machine"}"#]]).await;
    }
}
