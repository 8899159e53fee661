//! How entries of the catalogue are written in the store, and read again: JSON objects.
//!
//! A member that an older release did not write is read as what it would have been there; a member
//! that a newer one added is passed over.

use std::sync::Arc;

use stepwell_model::{MachineType, Timestamp};
use stepwell_value::Value;

use super::{Activity, Alias, Encryption, Machine, Published, Revision, Route, Tags, Version, machine_arn};
use crate::requests::{MachineKey, Place};

/// The key of an entry that is found by account, region and name.
pub(super) fn named(kind: &str, place: &Place, name: &str) -> String {
    format!("{kind}/{}/{}/{name}", place.account, place.region)
}

/// The key of an entry below a machine.
pub(super) fn below(kind: &str, machine: &MachineKey, name: &str) -> String {
    format!("{}/{name}", named(kind, &machine.place, &machine.name))
}

/// The place, and what stands behind it, of an entry's key without its kind.
pub(super) fn read_place<'a>(parts: &mut impl Iterator<Item = &'a str>) -> Option<Place> {
    Some(Place { account: parts.next()?.into(), region: parts.next()?.into() })
}

pub(super) fn write_revision(machine: &Machine) -> Value {
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
        ("encryption", write_encryption(&machine.encryption)),
        ("updatedAt", from_moment(machine.updated_at)),
        ("revisionId", from_option(&machine.revision_id)),
    ])
}

pub(super) fn read_revision(revision: u64, value: &Value) -> Option<Revision> {
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
        encryption: read_encryption(value)?,
        updated_at: moment(value, "updatedAt")?,
        revision_id: text(value, "revisionId"),
        machine_arn: machine_arn(&key).into(),
        log: Default::default(),
        meter: Default::default(),
        waits: Default::default(),
        dear: Default::default(),
        parsed: Default::default(),
        key,
    })
}

pub(super) fn write_machine(machine: &Machine) -> Value {
    let published = machine.published.as_ref();
    let published =
        published.map(|published| Value::object([("description", from_option(&published.description))]));
    Value::object([
        ("number", from_number(machine.number)),
        ("type", Value::from(machine.machine_type.as_str())),
        ("logging", from_option(&machine.logging)),
        ("tracing", from_option(&machine.tracing)),
        ("encryption", write_encryption(&machine.encryption)),
        ("createdAt", from_moment(machine.created_at)),
        ("revision", from_number(machine.revision)),
        ("published", published.unwrap_or(Value::Null)),
        ("lastVersion", from_number(machine.last_version)),
        ("tags", write_tags(&machine.tags)),
        ("deleting", Value::from(machine.deleting)),
    ])
}

pub(super) fn read_machine(key: MachineKey, value: &Value, revision: &Revision) -> Option<Machine> {
    let machine_type = machine_type(value.get("type")?)?;
    let published = value.get("published").filter(|published| !published.is_null());
    Some(Machine {
        key,
        number: number(value, "number")?,
        machine_type,
        definition: revision.definition.clone(),
        role_arn: revision.role_arn.clone(),
        logging: text(value, "logging"),
        tracing: text(value, "tracing"),
        encryption: read_encryption(value)?,
        created_at: moment(value, "createdAt")?,
        updated_at: revision.updated_at,
        revision: revision.number,
        revision_id: revision.revision_id.clone(),
        published: published.map(|published| Published { description: text(published, "description") }),
        last_version: number(value, "lastVersion").unwrap_or(0),
        tags: read_tags(value)?,
        deleting: value.get("deleting")?.as_bool()?,
    })
}

pub(super) fn write_version(version: &Version) -> Value {
    Value::object([
        ("revision", from_number(version.revision)),
        ("description", from_option(&version.description)),
        ("createdAt", from_moment(version.created_at)),
    ])
}

pub(super) fn read_version(version: u64, value: &Value) -> Option<Version> {
    Some(Version {
        number: version,
        revision: number(value, "revision")?,
        description: text(value, "description"),
        created_at: moment(value, "createdAt")?,
    })
}

pub(super) fn write_alias(alias: &Alias) -> Value {
    let route = |route: &Route| {
        Value::object([("version", from_number(route.version)), ("weight", from_number(route.weight.into()))])
    };
    Value::object([
        ("description", from_option(&alias.description)),
        ("routes", Value::array(alias.routes.iter().map(route).collect::<Vec<_>>())),
        ("createdAt", from_moment(alias.created_at)),
        ("updatedAt", from_moment(alias.updated_at)),
    ])
}

pub(super) fn read_alias(name: &str, value: &Value) -> Option<Alias> {
    let route = |value: &Value| {
        let weight = u8::try_from(number(value, "weight")?).ok()?;
        Some(Route { version: number(value, "version")?, weight })
    };
    Some(Alias {
        name: name.into(),
        description: text(value, "description"),
        routes: value.get("routes")?.as_array()?.iter().map(route).collect::<Option<_>>()?,
        created_at: moment(value, "createdAt")?,
        updated_at: moment(value, "updatedAt")?,
    })
}

pub(super) fn write_activity(activity: &Activity) -> Value {
    Value::object([
        ("createdAt", from_moment(activity.created_at)),
        ("encryption", write_encryption(&activity.encryption)),
        ("tags", write_tags(&activity.tags)),
    ])
}

pub(super) fn read_activity(place: Place, name: &str, value: &Value) -> Option<Activity> {
    Some(Activity {
        place,
        name: name.into(),
        created_at: moment(value, "createdAt")?,
        encryption: read_encryption(value)?,
        tags: read_tags(value)?,
    })
}

/// Tags keep their order, which an object would not promise.
fn write_tags(tags: &Tags) -> Value {
    let pair = |(key, value): (&Arc<str>, &Arc<str>)| Value::array([from_text(key), from_text(value)]);
    Value::array(tags.iter().map(pair).collect::<Vec<_>>())
}

fn read_tags(value: &Value) -> Option<Tags> {
    let Some(tags) = value.get("tags") else { return Some(Tags::default()) };
    let mut read = Tags::default();
    for pair in tags.as_array()? {
        match pair.as_array().map(|pair| &**pair)? {
            [Value::String(key), Value::String(value)] => read.put(key.clone(), value.clone()),
            _ => return None,
        }
    }
    Some(read)
}

fn write_encryption(encryption: &Encryption) -> Value {
    match encryption {
        Encryption::AwsOwnedKey => Value::Null,
        Encryption::CustomerManagedKey { kms_key_id, reuse_seconds } => Value::object([
            ("kmsKeyId", from_text(kms_key_id)),
            ("reuseSeconds", from_number((*reuse_seconds).into())),
        ]),
    }
}

fn read_encryption(value: &Value) -> Option<Encryption> {
    match value.get("encryption") {
        None | Some(Value::Null) => Some(Encryption::AwsOwnedKey),
        Some(key) => Some(Encryption::CustomerManagedKey {
            kms_key_id: text(key, "kmsKeyId")?,
            reuse_seconds: u32::try_from(number(key, "reuseSeconds")?).ok()?,
        }),
    }
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

/// The number under `key`.
pub(super) fn number(value: &Value, key: &str) -> Option<u64> {
    u64::try_from(value.get(key)?.as_i64()?).ok()
}

fn moment(value: &Value, key: &str) -> Option<Timestamp> {
    number(value, key).map(Timestamp::from_epoch_ms)
}
