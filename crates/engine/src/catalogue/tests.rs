//! What is written is what is read, and what may follow what.

use stepwell_model::{MachineType, Timestamp};

use super::*;
use crate::requests::{CreateMachine, EngineError, UpdateMachine};

fn place() -> Place {
    Place { account: "123456789012".into(), region: "us-east-1".into() }
}

fn create(name: &str, definition: &str) -> CreateMachine {
    CreateMachine {
        key: MachineKey { place: place(), name: name.into() },
        machine_type: MachineType::Standard,
        definition: definition.into(),
        role_arn: "role".into(),
        logging: None,
        tracing: Some("{\"enabled\":true}".into()),
        encryption: Encryption::AwsOwnedKey,
        publish: None,
        tags: Tags::default(),
    }
}

fn at(epoch_ms: u64) -> Timestamp {
    Timestamp::from_epoch_ms(epoch_ms)
}

/// A catalogue with what a store would keep of it.
#[derive(Default)]
struct Kept {
    catalogue: Catalogue,
    entries: BTreeMap<String, Arc<str>>,
}

impl Kept {
    fn keep<T>(&mut self, plan: Plan<T>) -> T {
        let (change, answer) = match plan {
            Plan::Nothing(answer) => return answer,
            Plan::Change(change, answer) => (change, answer),
        };
        for write in change.writes() {
            match write.value {
                Some(value) => self.entries.insert(write.key, value),
                None => self.entries.remove(&write.key),
            };
        }
        self.catalogue.apply(change);
        answer
    }

    fn reload(&mut self) {
        let entries: Vec<_> = self.entries.clone().into_iter().collect();
        self.catalogue = Catalogue::load(&entries).unwrap();
    }
}

#[test]
fn a_machine_is_created_once_and_differs_by_all_but_its_role() {
    let mut kept = Kept::default();
    let plan = kept.catalogue.plan_create(create("m", "{}"), at(5)).unwrap();
    let machine = kept.keep(plan);
    let other_role = CreateMachine { role_arn: "other".into(), ..create("m", "{}") };
    match kept.catalogue.plan_create(other_role, at(6)).unwrap() {
        Plan::Nothing(same) => assert_eq!(same, machine),
        Plan::Change(..) => panic!("it exists"),
    }
    let differs = kept.catalogue.plan_create(create("m", "{ }"), at(6)).unwrap_err();
    assert_eq!(differs, EngineError::MachineExists);
}

#[test]
fn what_was_written_is_what_is_read() {
    let mut kept = Kept::default();
    let plan = kept.catalogue.plan_create(create("größe", "{\"a\": 1}"), at(5)).unwrap();
    let machine = kept.keep(plan);
    let update = UpdateMachine {
        key: machine.key.clone(),
        definition: Some("{\"b\":\"\\n\"}".into()),
        role_arn: None,
        logging: Some("{}".into()),
        tracing: None,
        encryption: None,
        publish: None,
    };
    let plan = kept.catalogue.plan_update(update, "id-2".into(), at(9)).unwrap();
    let Updated { machine: updated, version } = kept.keep(plan);
    assert_eq!(version, None);
    let activity = ActivityKey { place: place(), name: "approve".into() };
    let request =
        CreateActivity { key: activity.clone(), encryption: Encryption::AwsOwnedKey, tags: Tags::default() };
    let plan = kept.catalogue.plan_activity(request, at(7)).unwrap();
    let created = kept.keep(plan);

    kept.reload();
    assert_eq!(kept.catalogue.machine(&machine.key), Some(&updated));
    assert_eq!((updated.revision, updated.updated_at), (2, at(9)));
    assert_eq!(kept.catalogue.activity(&activity), Some(&created));
    let first = kept.catalogue.revision(1).unwrap().pinned();
    assert_eq!((&*first.definition, first.revision_id), ("{\"a\": 1}", None));
    let second = kept.catalogue.revision(2).unwrap().pinned();
    assert_eq!((&*second.definition, second.revision_id.as_deref()), ("{\"b\":\"\\n\"}", Some("id-2")));
}

#[test]
fn a_machine_that_is_created_again_is_another_one() {
    let mut kept = Kept::default();
    let plan = kept.catalogue.plan_create(create("m", "{}"), at(5)).unwrap();
    let first = kept.keep(plan);
    let plan = kept.catalogue.plan_delete(&first.key);
    assert!(kept.keep(plan).unwrap().deleting);
    let deleting = kept.catalogue.plan_create(create("m", "{}"), at(6)).unwrap_err();
    assert_eq!(deleting, EngineError::MachineDeleting);
    kept.reload();
    assert_eq!(kept.catalogue.deleting().len(), 1);
    let gone = kept.catalogue.machine_gone(&first.key);
    kept.keep(Plan::Change(gone, ()));
    kept.reload();
    let plan = kept.catalogue.plan_create(create("m", "{}"), at(8)).unwrap();
    let second = kept.keep(plan);
    assert_eq!((first.number, second.number), (1, 2));
    assert!(kept.catalogue.revision(1).is_some());
}

#[test]
fn lists_are_by_creation_then_by_name_and_of_one_place() {
    let mut kept = Kept::default();
    for (name, created) in [("c", 1), ("b", 2), ("a", 2)] {
        let plan = kept.catalogue.plan_create(create(name, "{}"), at(created)).unwrap();
        kept.keep(plan);
    }
    let names: Vec<_> = kept.catalogue.machines(&place()).iter().map(|m| m.key.name.to_string()).collect();
    assert_eq!(names, ["c", "a", "b"]);
    let elsewhere = Place { region: "eu-west-1".into(), ..place() };
    assert!(kept.catalogue.machines(&elsewhere).is_empty());
}

#[test]
fn an_entry_that_cannot_be_read_is_named() {
    let entries = vec![("machine/1/r/m".to_owned(), Arc::from("{}"))];
    assert!(Catalogue::load(&entries).unwrap_err().contains("machine/1/r/m"));
}

fn key(name: &str) -> MachineKey {
    MachineKey { place: place(), name: name.into() }
}

fn publish(name: &str) -> PublishVersion {
    PublishVersion { key: key(name), revision_id: None, description: None }
}

fn change(name: &str, definition: &str) -> UpdateMachine {
    UpdateMachine {
        key: key(name),
        definition: Some(definition.into()),
        role_arn: None,
        logging: None,
        tracing: None,
        encryption: None,
        publish: None,
    }
}

fn alias(name: &str, routes: &[(u64, u8)]) -> CreateAlias {
    let routes = routes.iter().map(|(version, weight)| Route { version: *version, weight: *weight });
    CreateAlias { key: key("m"), name: name.into(), description: None, routes: routes.collect() }
}

impl Kept {
    /// A machine `m` of which version 1 says `{"v":1}`, and so on.
    fn with_versions(count: u64) -> Kept {
        let mut kept = Kept::default();
        let plan = kept.catalogue.plan_create(create("m", "{}"), at(1)).unwrap();
        kept.keep(plan);
        for number in 1..=count {
            let definition = format!("{{\"v\":{number}}}");
            let id = format!("id-{number}").into();
            let plan = kept.catalogue.plan_update(change("m", &definition), id, at(number)).unwrap();
            kept.keep(plan);
            let plan = kept.catalogue.plan_publish(publish("m"), at(number)).unwrap();
            assert_eq!(kept.keep(plan).number, number);
        }
        kept
    }

    fn alias(&mut self, name: &str, routes: &[(u64, u8)]) {
        let plan = self.catalogue.plan_alias(alias(name, routes), at(3)).unwrap();
        self.keep(plan);
    }

    /// What a start runs, if chance has drawn this: the definition, the version and the alias.
    fn runs(&self, qualifier: Option<&str>, drawn: u64) -> String {
        match self.catalogue.resolve(&key("m"), qualifier, || drawn) {
            Ok(Resolved { revision, version, alias, .. }) => {
                format!("{} {version:?} {:?}", revision.definition, alias.as_deref())
            }
            Err(error) => error.to_string(),
        }
    }
}

#[test]
fn entries_of_the_first_releases_are_read() {
    let revision = r#"{"machine":4,"account":"1","region":"r","name":"m","definition":"{}","roleArn":"role","updatedAt":5,"revisionId":null}"#;
    let machine = r#"{"number":4,"type":"STANDARD","logging":null,"tracing":null,"createdAt":5,"revision":9,"deleting":false}"#;
    let entries = [
        ("activity/1/r/a", r#"{"createdAt":7}"#),
        ("machine/1/r/m", machine),
        ("revision/9", revision),
        ("what/comes/later", "{}"),
    ];
    let entries: Vec<_> = entries.into_iter().map(|(key, text)| (key.to_owned(), Arc::from(text))).collect();
    let catalogue = Catalogue::load(&entries).unwrap();
    let place = Place { account: "1".into(), region: "r".into() };
    let machine = catalogue.machine(&MachineKey { place: place.clone(), name: "m".into() }).unwrap();
    assert_eq!((machine.last_version, &machine.published, machine.tags.len()), (0, &None, 0));
    assert_eq!(machine.encryption, Encryption::AwsOwnedKey);
    let activity = catalogue.activity(&ActivityKey { place, name: "a".into() }).unwrap();
    assert_eq!((&activity.encryption, activity.tags.is_empty()), (&Encryption::AwsOwnedKey, true));
}

#[test]
fn versions_aliases_and_tags_are_read_as_they_were_written() {
    let mut kept = Kept::with_versions(2);
    kept.alias("PROD", &[(1, 30), (2, 70)]);
    let mut tags = Tags::default();
    tags.put("z".into(), "1".into());
    tags.put("a\"b".into(), "".into());
    let put = TagChange::Put(tags.clone());
    let plan = kept.catalogue.plan_tags(&TaggedKey::Machine(key("m")), &put).unwrap();
    kept.keep(plan);
    let own = Encryption::CustomerManagedKey { kms_key_id: "k".into(), reuse_seconds: 60 };
    let plan = kept.catalogue.plan_update(
        UpdateMachine { encryption: Some(own), ..change("m", "{}") },
        "id-3".into(),
        at(9),
    );
    kept.keep(plan.unwrap());

    let catalogue = std::mem::take(&mut kept.catalogue);
    kept.reload();
    assert_eq!(kept.catalogue.machine(&key("m")), catalogue.machine(&key("m")));
    let versions = |catalogue: &Catalogue| catalogue.versions(&key("m")).cloned().collect::<Vec<_>>();
    assert_eq!(versions(&kept.catalogue), versions(&catalogue));
    assert_eq!(kept.catalogue.alias(&key("m"), "PROD"), catalogue.alias(&key("m"), "PROD"));
    assert_eq!(kept.catalogue.tags(&TaggedKey::Machine(key("m"))), Some(tags));
    // Tags make no revision, and what has none keeps its own.
    assert_eq!(kept.runs(Some("2"), 0), r#"{"v":2} Some(2) None"#);
}

#[test]
fn a_start_runs_what_its_arn_names() {
    let mut kept = Kept::with_versions(2);
    kept.keep(kept.catalogue.plan_update(change("m", "{\"now\":3}"), "id".into(), at(9)).unwrap());
    kept.alias("PROD", &[(1, 30), (2, 70)]);
    kept.alias("ONE", &[(1, 100)]);
    kept.alias("NEVER", &[(1, 0), (2, 100)]);
    assert_eq!(kept.runs(None, 0), r#"{"now":3} None None"#);
    assert_eq!(kept.runs(Some("1"), 0), r#"{"v":1} Some(1) None"#);
    for (drawn, version) in [(0, 1), (29, 1), (30, 2), (99, 2), (100, 1), (130, 2)] {
        let expected = format!(r#"{{"v":{version}}} Some({version}) Some("PROD")"#);
        assert_eq!(kept.runs(Some("PROD"), drawn), expected, "{drawn}");
    }
    assert_eq!(kept.runs(Some("NEVER"), 0), r#"{"v":2} Some(2) Some("NEVER")"#);
    let never = || panic!("nothing is drawn where there is no choice");
    assert!(kept.catalogue.resolve(&key("m"), Some("ONE"), never).is_ok());
    for missing in ["3", "0", "01", "+1", "prod", ""] {
        assert_eq!(kept.runs(Some(missing), 0), EngineError::NoSuchMachine.to_string(), "{missing}");
    }
    kept.keep(kept.catalogue.plan_delete(&key("m")));
    assert_eq!(kept.runs(Some("1"), 0), EngineError::MachineDeleting.to_string());
}

#[test]
fn the_end_of_a_machine_leaves_nothing_but_its_revisions() {
    let mut kept = Kept::with_versions(3);
    kept.alias("PROD", &[(1, 100)]);
    let in_use = kept.catalogue.plan_version_gone(&key("m"), 1).unwrap_err();
    assert_eq!(in_use, EngineError::VersionInUse(vec!["PROD".into()]));
    kept.keep(kept.catalogue.plan_version_gone(&key("m"), 2).unwrap());
    kept.keep(kept.catalogue.plan_delete(&key("m")));
    let deleting = kept.catalogue.plan_publish(publish("m"), at(5)).unwrap_err();
    assert_eq!(deleting, EngineError::MachineDeleting);
    let gone = kept.catalogue.machine_gone(&key("m"));
    kept.keep(Plan::Change(gone, ()));
    assert!(kept.entries.keys().all(|key| key.starts_with("revision/")), "{:?}", kept.entries.keys());
    let plan = kept.catalogue.plan_create(create("m", "{}"), at(9)).unwrap();
    kept.keep(plan);
    let plan = kept.catalogue.plan_publish(publish("m"), at(9)).unwrap();
    assert_eq!(kept.keep(plan).number, 1, "it is another machine");
}
