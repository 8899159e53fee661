//! Tags: what people write on machines and activities, 50 each at most.

use std::sync::Arc;

use super::{Activity, ActivityKey, Catalogue, Change, Plan};
use crate::requests::{EngineError, Machine, MachineKey};

/// How many tags one thing may have. Source: the API reference of TagResource.
pub const TAGS_MAX: usize = 50;

/// Keys with values, in the order in which the keys came.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tags {
    tags: Vec<(Arc<str>, Arc<str>)>,
}

impl Tags {
    /// Puts a value under a key; a key that is there keeps its place.
    pub fn put(&mut self, key: Arc<str>, value: Arc<str>) {
        match self.tags.iter_mut().find(|(known, _)| *known == key) {
            Some((_, old)) => *old = value,
            None => self.tags.push((key, value)),
        }
    }

    /// Keys and values.
    pub fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &Arc<str>)> {
        self.tags.iter().map(|(key, value)| (key, value))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.tags.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.tags.is_empty()
    }

    fn changed(&self, change: &TagChange) -> Result<Tags, EngineError> {
        let mut tags = self.clone();
        match change {
            TagChange::Put(new) => {
                for (key, value) in new.iter() {
                    tags.put(key.clone(), value.clone());
                }
                if tags.len() > TAGS_MAX {
                    return Err(EngineError::TooManyTags);
                }
            }
            TagChange::Remove(keys) => tags.tags.retain(|(key, _)| !keys.contains(key)),
        }
        Ok(tags)
    }
}

/// What becomes of tags.
#[derive(Debug, Clone)]
pub enum TagChange {
    /// These are put, over those of the same keys.
    Put(Tags),
    /// Those of these keys go; a key that is not there is no trouble.
    Remove(Vec<Arc<str>>),
}

/// What can have tags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TaggedKey {
    /// A machine.
    Machine(MachineKey),
    /// An activity.
    Activity(ActivityKey),
}

impl Catalogue {
    /// The tags of a thing; `None` if there is no such thing.
    pub fn tags(&self, key: &TaggedKey) -> Option<Tags> {
        match key {
            TaggedKey::Machine(key) => self.machines.get(key).map(|machine| machine.tags.clone()),
            TaggedKey::Activity(key) => self.activities.get(key).map(|activity| activity.tags.clone()),
        }
    }

    /// Plans a change of tags. It makes no revision of a machine.
    ///
    /// # Errors
    ///
    /// [`EngineError::NoSuchMachine`] and [`EngineError::NoSuchActivity`],
    /// [`EngineError::TooManyTags`].
    pub fn plan_tags(&self, key: &TaggedKey, change: &TagChange) -> Result<Plan<()>, EngineError> {
        let (old, new, change) = match key {
            TaggedKey::Machine(key) => {
                let machine = self.machines.get(key).ok_or(EngineError::NoSuchMachine)?;
                let tags = machine.tags.changed(change)?;
                let tagged = Machine { tags: tags.clone(), ..Machine::clone(machine) };
                (&machine.tags, tags, Change::Tagged(Arc::new(tagged)))
            }
            TaggedKey::Activity(key) => {
                let activity = self.activities.get(key).ok_or(EngineError::NoSuchActivity)?;
                let tags = activity.tags.changed(change)?;
                (&activity.tags, tags.clone(), Change::Activity(Activity { tags, ..activity.clone() }))
            }
        };
        if *old == new { Ok(Plan::Nothing(())) } else { Ok(Plan::Change(change, ())) }
    }
}
