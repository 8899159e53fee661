//! State machines, their revisions, and activities: what is found by name.
//!
//! The whole catalogue is in memory and, as JSON, in the store:
//!
//! | key                                  | what                                             |
//! |--------------------------------------|--------------------------------------------------|
//! | `machine/ACCOUNT/REGION/NAME`         | the machine, but for its definition               |
//! | `revision/NUMBER`                    | definition and role, once they were in force      |
//! | `activity/ACCOUNT/REGION/NAME`        | the activity                                     |
//!
//! A change is planned against what is in memory, written, and seen by others only once it is
//! durable. Executions are pinned to revisions and their journals outlive their machines, so no
//! revision is ever deleted yet.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, OnceLock};

use stepwell_asl::Definition;
use stepwell_model::{Arn, ArnResource, Logging, MachineType, Timestamp};
use stepwell_store::CatalogueWrite;
use stepwell_value::Value;

use crate::requests::{
    Activity, CreateMachine, EngineError, ExecutionKey, Machine, MachineKey, PinnedMachine, Place,
    UpdateMachine,
};

/// What makes an activity this one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ActivityKey {
    /// Where it is.
    pub place: Place,
    /// Its name.
    pub name: Arc<str>,
}

impl ActivityKey {
    /// The activity that an ARN names.
    pub fn of_arn(arn: &str) -> Option<ActivityKey> {
        let arn = Arn::parse(arn).ok()?;
        let ArnResource::Activity { name } = arn.resource else { return None };
        let place = Place { account: arn.account.into(), region: arn.region.into() };
        Some(ActivityKey { place, name: name.into() })
    }
}

/// What executions are pinned to.
#[derive(Debug)]
pub struct Revision {
    /// Its number, unique in the store.
    pub number: u64,
    /// The number of its machine.
    pub machine: u64,
    /// The machine's key.
    pub key: MachineKey,
    /// The definition as the caller wrote it.
    pub definition: Arc<str>,
    /// The type of the machine.
    pub machine_type: MachineType,
    /// The role.
    pub role_arn: Arc<str>,
    /// As in [`Machine`]; `None` also in what an older release wrote.
    pub logging: Option<Arc<str>>,
    /// As in [`Machine`]; `None` also in what an older release wrote.
    pub tracing: Option<Arc<str>>,
    /// When it was made.
    pub updated_at: Timestamp,
    /// The id that AWS shows; `None` for the first.
    pub revision_id: Option<Arc<str>>,
    /// The ARN of the machine.
    pub machine_arn: Arc<str>,
    log: OnceLock<Option<Arc<Logging>>>,
    parsed: OnceLock<Result<Arc<Definition>, String>>,
}

impl Revision {
    /// The definition, parsed when first asked for. The error says why it no longer can be.
    pub fn parsed(&self) -> Result<&Arc<Definition>, &str> {
        let parse = || match Definition::reread(&self.definition) {
            Some(definition) => Ok(Arc::new(definition)),
            None => Err(format!("revision {} can no longer be read", self.number)),
        };
        self.parsed.get_or_init(parse).as_ref().map_err(String::as_str)
    }

    /// Where and what its executions log, read when first asked for; `None` if they do not.
    pub fn execution_log(&self) -> Option<&Arc<Logging>> {
        let read = || self.logging.as_deref().and_then(Logging::parse).map(Arc::new);
        self.log.get_or_init(read).as_ref()
    }

    /// As callers see it.
    pub fn pinned(&self) -> PinnedMachine {
        PinnedMachine {
            revision: self.number,
            key: self.key.clone(),
            definition: self.definition.clone(),
            role_arn: self.role_arn.clone(),
            logging: self.logging.clone(),
            tracing: self.tracing.clone(),
            updated_at: self.updated_at,
            revision_id: self.revision_id.clone(),
        }
    }

    fn of_machine(machine: &Machine) -> Revision {
        Revision {
            number: machine.revision,
            machine: machine.number,
            key: machine.key.clone(),
            machine_type: machine.machine_type,
            definition: machine.definition.clone(),
            role_arn: machine.role_arn.clone(),
            logging: machine.logging.clone(),
            tracing: machine.tracing.clone(),
            updated_at: machine.updated_at,
            revision_id: machine.revision_id.clone(),
            machine_arn: machine_arn(&machine.key).into(),
            log: OnceLock::new(),
            parsed: OnceLock::new(),
        }
    }
}

/// The ARN of a state machine.
pub fn machine_arn(key: &MachineKey) -> String {
    let name = key.name.to_string();
    arn(&key.place, ArnResource::StateMachine { name, label: None, qualifier: None })
}

/// The ARN of an execution.
pub fn execution_arn(key: &ExecutionKey) -> String {
    let resource =
        ArnResource::Execution { machine: key.machine.name.to_string(), name: key.name.to_string() };
    arn(&key.machine.place, resource)
}

fn arn(place: &Place, resource: ArnResource) -> String {
    let (region, account) = (place.region.to_string(), place.account.to_string());
    Arn { partition: "aws".to_owned(), region, account, resource }.to_string()
}

/// A change of the catalogue, to be written and then applied.
#[derive(Debug, Clone)]
pub enum Change {
    /// The machine is new, or has a new revision.
    Machine(Arc<Machine>),
    /// The machine is being deleted.
    Deleting(Arc<Machine>),
    /// The machine is gone.
    MachineGone(MachineKey),
    /// The activity is new.
    Activity(Activity),
    /// The activity is gone.
    ActivityGone(ActivityKey),
}

/// What came of planning.
#[derive(Debug, Clone)]
pub enum Plan<T> {
    /// Nothing is to be done.
    Nothing(T),
    /// This is to be done.
    Change(Change, T),
}

/// Everything that is found by name.
#[derive(Debug, Default)]
pub struct Catalogue {
    machines: BTreeMap<MachineKey, Arc<Machine>>,
    revisions: HashMap<u64, Arc<Revision>>,
    activities: BTreeMap<ActivityKey, Activity>,
    last_machine: u64,
    last_revision: u64,
}

impl Catalogue {
    /// The catalogue out of a store's. The error names the entry that cannot be read.
    pub fn load(entries: &[(String, Arc<str>)]) -> Result<Catalogue, String> {
        let mut catalogue = Catalogue::default();
        // Machines take their definitions from their revisions, which therefore come first.
        let (revisions, others): (Vec<_>, Vec<_>) =
            entries.iter().partition(|(key, _)| key.starts_with("revision/"));
        for (key, text) in revisions.into_iter().chain(others) {
            catalogue
                .load_entry(key, text)
                .ok_or_else(|| format!("the catalogue's entry {key} cannot be read"))?;
        }
        Ok(catalogue)
    }

    fn load_entry(&mut self, key: &str, text: &str) -> Option<()> {
        let value = Value::parse(text).ok()?;
        let mut parts = key.split('/');
        match parts.next()? {
            "revision" => {
                let revision = read_revision(parts.next()?.parse().ok()?, &value)?;
                self.last_machine = self.last_machine.max(revision.machine);
                self.last_revision = self.last_revision.max(revision.number);
                self.revisions.insert(revision.number, Arc::new(revision));
            }
            "machine" => {
                let place = Place { account: parts.next()?.into(), region: parts.next()?.into() };
                let key = MachineKey { place, name: parts.next()?.into() };
                let revision = self.revisions.get(&number(&value, "revision")?)?;
                let machine = read_machine(key.clone(), &value, revision)?;
                self.last_machine = self.last_machine.max(machine.number);
                self.machines.insert(key, Arc::new(machine));
            }
            "activity" => {
                let place = Place { account: parts.next()?.into(), region: parts.next()?.into() };
                let name: Arc<str> = parts.next()?.into();
                let created_at = moment(&value, "createdAt")?;
                let activity = Activity { place: place.clone(), name: name.clone(), created_at };
                self.activities.insert(ActivityKey { place, name }, activity);
            }
            // What a later version added is left alone.
            _ => (),
        }
        Some(())
    }

    /// The machine of this key.
    pub fn machine(&self, key: &MachineKey) -> Option<&Arc<Machine>> {
        self.machines.get(key)
    }

    /// The machines of a place by the time of creation, then by name.
    pub fn machines(&self, place: &Place) -> Vec<Arc<Machine>> {
        let all = self.machines.values().filter(|machine| machine.key.place == *place);
        let mut machines: Vec<Arc<Machine>> = all.cloned().collect();
        machines.sort_by(|a, b| (a.created_at, &a.key.name).cmp(&(b.created_at, &b.key.name)));
        machines
    }

    /// The machines whose deletion has begun.
    pub fn deleting(&self) -> Vec<Arc<Machine>> {
        self.machines.values().filter(|machine| machine.deleting).cloned().collect()
    }

    /// The revision of this number.
    pub fn revision(&self, number: u64) -> Option<&Arc<Revision>> {
        self.revisions.get(&number)
    }

    /// The activity of this key.
    pub fn activity(&self, key: &ActivityKey) -> Option<&Activity> {
        self.activities.get(key)
    }

    /// The activities of a place by the time of creation, then by name.
    pub fn activities(&self, place: &Place) -> Vec<Activity> {
        let all = self.activities.values().filter(|activity| activity.place == *place);
        let mut activities: Vec<Activity> = all.cloned().collect();
        activities.sort_by(|a, b| (a.created_at, &a.name).cmp(&(b.created_at, &b.name)));
        activities
    }

    /// Plans a new machine. One that exists and is the same in all but its role comes back as it
    /// is. Source: the API reference of CreateStateMachine, on idempotency.
    pub fn plan_create(
        &self,
        request: CreateMachine,
        now: Timestamp,
    ) -> Result<Plan<Arc<Machine>>, EngineError> {
        let CreateMachine { key, machine_type, definition, role_arn, logging, tracing } = request;
        if let Some(machine) = self.machines.get(&key) {
            let same = machine.machine_type == machine_type
                && machine.definition == definition
                && machine.logging == logging
                && machine.tracing == tracing;
            return match (machine.deleting, same) {
                (true, _) => Err(EngineError::MachineDeleting),
                (false, true) => Ok(Plan::Nothing(machine.clone())),
                (false, false) => Err(EngineError::MachineExists),
            };
        }
        let machine = Arc::new(Machine {
            key,
            number: self.last_machine + 1,
            machine_type,
            definition,
            role_arn,
            logging,
            tracing,
            created_at: now,
            updated_at: now,
            revision: self.last_revision + 1,
            revision_id: None,
            deleting: false,
        });
        Ok(Plan::Change(Change::Machine(machine.clone()), machine))
    }

    /// Plans a new revision of a machine. Every update makes one, also one that changes nothing.
    pub fn plan_update(
        &self,
        request: UpdateMachine,
        revision_id: Arc<str>,
        now: Timestamp,
    ) -> Result<Plan<Arc<Machine>>, EngineError> {
        let UpdateMachine { key, definition, role_arn, logging, tracing } = request;
        let old = self.machines.get(&key).ok_or(EngineError::NoSuchMachine)?;
        if old.deleting {
            return Err(EngineError::MachineDeleting);
        }
        let same = Machine {
            definition: definition.unwrap_or_else(|| old.definition.clone()),
            role_arn: role_arn.unwrap_or_else(|| old.role_arn.clone()),
            logging: logging.or_else(|| old.logging.clone()),
            tracing: tracing.or_else(|| old.tracing.clone()),
            ..Machine::clone(old)
        };
        // An update that changes nothing makes no revision (recorded).
        if same == **old {
            return Ok(Plan::Nothing(old.clone()));
        }
        let machine = Arc::new(Machine {
            updated_at: now.max(old.updated_at),
            revision: self.last_revision + 1,
            revision_id: Some(revision_id),
            ..same
        });
        Ok(Plan::Change(Change::Machine(machine.clone()), machine))
    }

    /// Plans that a machine is to be deleted; `None` if there is none.
    pub fn plan_delete(&self, key: &MachineKey) -> Plan<Option<Arc<Machine>>> {
        match self.machines.get(key) {
            None => Plan::Nothing(None),
            Some(machine) if machine.deleting => Plan::Nothing(Some(machine.clone())),
            Some(machine) => {
                let machine = Arc::new(Machine { deleting: true, ..Machine::clone(machine) });
                Plan::Change(Change::Deleting(machine.clone()), Some(machine))
            }
        }
    }

    /// Plans a new activity; the one that exists comes back as it is.
    pub fn plan_activity(&self, key: &ActivityKey, now: Timestamp) -> Plan<Activity> {
        match self.activities.get(key) {
            Some(activity) => Plan::Nothing(activity.clone()),
            None => {
                let ActivityKey { place, name } = key.clone();
                let activity = Activity { place, name, created_at: now };
                Plan::Change(Change::Activity(activity.clone()), activity)
            }
        }
    }

    /// Plans that an activity is to go.
    pub fn plan_activity_gone(&self, key: &ActivityKey) -> Plan<()> {
        match self.activities.contains_key(key) {
            false => Plan::Nothing(()),
            true => Plan::Change(Change::ActivityGone(key.clone()), ()),
        }
    }

    /// Makes a change, once it is durable, visible.
    pub fn apply(&mut self, change: Change) {
        match change {
            Change::Machine(machine) => {
                self.last_machine = self.last_machine.max(machine.number);
                self.last_revision = self.last_revision.max(machine.revision);
                let revision = Revision::of_machine(&machine);
                self.revisions.insert(revision.number, Arc::new(revision));
                self.machines.insert(machine.key.clone(), machine);
            }
            Change::Deleting(machine) => {
                self.machines.insert(machine.key.clone(), machine);
            }
            Change::MachineGone(key) => {
                self.machines.remove(&key);
            }
            Change::Activity(activity) => {
                let key = ActivityKey { place: activity.place.clone(), name: activity.name.clone() };
                self.activities.insert(key, activity);
            }
            Change::ActivityGone(key) => {
                self.activities.remove(&key);
            }
        }
    }
}

impl Change {
    /// What is to be written.
    pub fn writes(&self) -> Vec<CatalogueWrite> {
        let machine_key = |key: &MachineKey| named("machine", &key.place, &key.name);
        let write = |key: String, value: Option<Value>| {
            let text = value.map(|value| Arc::from(value.to_json().expect("two levels are not too deep")));
            CatalogueWrite { key, value: text }
        };
        match self {
            Change::Machine(machine) => vec![
                write(format!("revision/{}", machine.revision), Some(write_revision(machine))),
                write(machine_key(&machine.key), Some(write_machine(machine))),
            ],
            Change::Deleting(machine) => vec![write(machine_key(&machine.key), Some(write_machine(machine)))],
            Change::MachineGone(key) => vec![write(machine_key(key), None)],
            Change::Activity(activity) => {
                let value = Value::object([("createdAt", from_moment(activity.created_at))]);
                vec![write(named("activity", &activity.place, &activity.name), Some(value))]
            }
            Change::ActivityGone(key) => vec![write(named("activity", &key.place, &key.name), None)],
        }
    }
}

fn named(kind: &str, place: &Place, name: &str) -> String {
    format!("{kind}/{}/{}/{name}", place.account, place.region)
}

fn write_revision(machine: &Machine) -> Value {
    Value::object([
        ("machine", from_number(machine.number)),
        ("account", from_text(&machine.key.place.account)),
        ("region", from_text(&machine.key.place.region)),
        ("name", from_text(&machine.key.name)),
        ("type", Value::from(machine.machine_type.as_str())),
        ("definition", from_text(&machine.definition)),
        ("roleArn", from_text(&machine.role_arn)),
        ("logging", from_option(&machine.logging)),
        ("tracing", from_option(&machine.tracing)),
        ("updatedAt", from_moment(machine.updated_at)),
        ("revisionId", from_option(&machine.revision_id)),
    ])
}

fn read_revision(revision: u64, value: &Value) -> Option<Revision> {
    let place = Place { account: text(value, "account")?, region: text(value, "region")? };
    let key = MachineKey { place, name: text(value, "name")? };
    Some(Revision {
        number: revision,
        machine: number(value, "machine")?,
        // Revisions of the first releases were of Standard machines alone and said nothing of it.
        machine_type: value.get("type").map_or(Some(MachineType::Standard), machine_type)?,
        definition: text(value, "definition")?,
        role_arn: text(value, "roleArn")?,
        logging: text(value, "logging"),
        tracing: text(value, "tracing"),
        updated_at: moment(value, "updatedAt")?,
        revision_id: text(value, "revisionId"),
        machine_arn: machine_arn(&key).into(),
        log: OnceLock::new(),
        parsed: OnceLock::new(),
        key,
    })
}

fn write_machine(machine: &Machine) -> Value {
    Value::object([
        ("number", from_number(machine.number)),
        ("type", Value::from(machine.machine_type.as_str())),
        ("logging", from_option(&machine.logging)),
        ("tracing", from_option(&machine.tracing)),
        ("createdAt", from_moment(machine.created_at)),
        ("revision", from_number(machine.revision)),
        ("deleting", Value::from(machine.deleting)),
    ])
}

fn read_machine(key: MachineKey, value: &Value, revision: &Revision) -> Option<Machine> {
    let machine_type = machine_type(value.get("type")?)?;
    Some(Machine {
        key,
        number: number(value, "number")?,
        machine_type,
        definition: revision.definition.clone(),
        role_arn: revision.role_arn.clone(),
        logging: text(value, "logging"),
        tracing: text(value, "tracing"),
        created_at: moment(value, "createdAt")?,
        updated_at: revision.updated_at,
        revision: revision.number,
        revision_id: revision.revision_id.clone(),
        deleting: value.get("deleting")?.as_bool()?,
    })
}

fn machine_type(value: &Value) -> Option<MachineType> {
    match value.as_str()? {
        "STANDARD" => Some(MachineType::Standard),
        "EXPRESS" => Some(MachineType::Express),
        _ => None,
    }
}

fn from_text(text: &Arc<str>) -> Value {
    Value::String(text.clone())
}

fn from_option(text: &Option<Arc<str>>) -> Value {
    text.as_ref().map_or(Value::Null, from_text)
}

fn from_number(number: u64) -> Value {
    Value::from(i64::try_from(number).expect("nothing is counted past 2^63"))
}

fn from_moment(moment: Timestamp) -> Value {
    from_number(moment.epoch_ms)
}

fn text(value: &Value, key: &str) -> Option<Arc<str>> {
    value.get(key)?.as_str().map(Arc::from)
}

fn number(value: &Value, key: &str) -> Option<u64> {
    u64::try_from(value.get(key)?.as_i64()?).ok()
}

fn moment(value: &Value, key: &str) -> Option<Timestamp> {
    number(value, key).map(Timestamp::from_epoch_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

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
        };
        let plan = kept.catalogue.plan_update(update, "id-2".into(), at(9)).unwrap();
        let updated = kept.keep(plan);
        let activity = ActivityKey { place: place(), name: "approve".into() };
        let plan = kept.catalogue.plan_activity(&activity, at(7));
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
        kept.keep(Plan::Change(Change::MachineGone(first.key.clone()), ()));
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
        let names: Vec<_> =
            kept.catalogue.machines(&place()).iter().map(|m| m.key.name.to_string()).collect();
        assert_eq!(names, ["c", "a", "b"]);
        let elsewhere = Place { region: "eu-west-1".into(), ..place() };
        assert!(kept.catalogue.machines(&elsewhere).is_empty());
    }

    #[test]
    fn an_entry_that_cannot_be_read_is_named() {
        let entries = vec![("machine/1/r/m".to_owned(), Arc::from("{}"))];
        assert!(Catalogue::load(&entries).unwrap_err().contains("machine/1/r/m"));
    }
}
