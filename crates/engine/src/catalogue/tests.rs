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
    let (updated, version) = kept.keep(plan);
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
