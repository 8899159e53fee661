//! Activities.

use std::sync::Arc;

use stepwell_model::{Arn, ArnResource, Timestamp};

use super::{Catalogue, Change, Encryption, Plan, Tags};
use crate::requests::{EngineError, Place};

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

/// An activity.
#[derive(Debug, Clone, PartialEq)]
pub struct Activity {
    /// Where it is.
    pub place: Place,
    /// Its name.
    pub name: Arc<str>,
    /// When it was created.
    pub created_at: Timestamp,
    /// With which key it is to be encrypted, for good.
    pub encryption: Encryption,
    /// Its tags.
    pub tags: Tags,
}

impl Activity {
    /// What makes it this one.
    pub fn key(&self) -> ActivityKey {
        ActivityKey { place: self.place.clone(), name: self.name.clone() }
    }
}

/// Creates an activity.
#[derive(Debug, Clone)]
pub struct CreateActivity {
    /// Which one.
    pub key: ActivityKey,
    /// As in [`Activity`].
    pub encryption: Encryption,
    /// At most [`TAGS_MAX`](super::TAGS_MAX).
    pub tags: Tags,
}

impl Catalogue {
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

    /// Plans a new activity. One that exists comes back as it is, whatever its tags, if it is
    /// encrypted alike. Source: the API reference of CreateActivity.
    pub fn plan_activity(
        &self,
        request: CreateActivity,
        now: Timestamp,
    ) -> Result<Plan<Activity>, EngineError> {
        let CreateActivity { key, encryption, tags } = request;
        match self.activities.get(&key) {
            Some(activity) if activity.encryption == encryption => Ok(Plan::Nothing(activity.clone())),
            Some(_) => Err(EngineError::ActivityExists),
            None => {
                let ActivityKey { place, name } = key;
                let activity = Activity { place, name, created_at: now, encryption, tags };
                Ok(Plan::Change(Change::Activity(activity.clone()), activity))
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
}
