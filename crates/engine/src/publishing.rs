//! The engine's operations on versions, aliases and tags: short changes of the catalogue.

use std::sync::Arc;

use crate::catalogue::{
    Alias, CreateAlias, PublishVersion, Resolved, Revision, TagChange, TaggedKey, Tags, UpdateAlias, Version,
};
use crate::engine::Engine;
use crate::requests::{EngineError, MachineKey};

impl Engine {
    /// What a start of a machine, of a version or through an alias runs. An alias with two versions
    /// draws one anew at each call.
    ///
    /// # Errors
    ///
    /// [`EngineError::NoSuchMachine`], also if there is no such version or alias;
    /// [`EngineError::MachineDeleting`]; [`EngineError::Damaged`] if there is no such revision.
    pub fn resolve(&self, key: &MachineKey, qualifier: Option<&str>) -> Result<Resolved, EngineError> {
        self.commons().resolve(key, qualifier)
    }

    /// A revision by its number.
    pub fn revision(&self, number: u64) -> Option<Arc<Revision>> {
        self.commons().revision(number)
    }

    /// The revisions of a machine, the last one first. Looks at all that there are in the store.
    ///
    /// # Errors
    ///
    /// [`EngineError::NoSuchMachine`].
    pub fn revisions(&self, key: &MachineKey) -> Result<Vec<Arc<Revision>>, EngineError> {
        let catalogue = self.commons().catalogue();
        let machine = catalogue.machine(key).ok_or(EngineError::NoSuchMachine)?;
        Ok(catalogue.revisions(machine))
    }

    /// Gives the revision that a machine has a version; the one that it has comes back as it is.
    ///
    /// # Errors
    ///
    /// [`EngineError::NoSuchMachine`], [`EngineError::MachineDeleting`],
    /// [`EngineError::OtherRevision`], [`EngineError::TooManyVersions`], [`EngineError::Stopped`].
    pub async fn publish_version(&self, request: PublishVersion) -> Result<Arc<Version>, EngineError> {
        let now = self.now();
        self.change(|catalogue| catalogue.plan_publish(request, now)).await
    }

    /// A version of a machine.
    pub fn version(&self, key: &MachineKey, number: u64) -> Option<Arc<Version>> {
        self.commons().catalogue().version(key, number).cloned()
    }

    /// The versions of a machine, the last one first; none if there is no such machine.
    pub fn versions(&self, key: &MachineKey) -> Vec<Arc<Version>> {
        self.commons().catalogue().versions(key).rev().cloned().collect()
    }

    /// Deletes a version. One that is not there is no trouble; executions that run go on.
    ///
    /// # Errors
    ///
    /// [`EngineError::VersionInUse`] while an alias leads to it, [`EngineError::Stopped`].
    pub async fn delete_version(&self, key: &MachineKey, number: u64) -> Result<(), EngineError> {
        self.change(|catalogue| catalogue.plan_version_gone(key, number)).await
    }

    /// Creates an alias; one that is the same comes back as it is.
    ///
    /// # Errors
    ///
    /// [`EngineError::NoSuchMachine`], [`EngineError::MachineDeleting`],
    /// [`EngineError::NoSuchVersion`], [`EngineError::AliasExists`],
    /// [`EngineError::TooManyAliases`], [`EngineError::Stopped`].
    pub async fn create_alias(&self, request: CreateAlias) -> Result<Arc<Alias>, EngineError> {
        let now = self.now();
        self.change(|catalogue| catalogue.plan_alias(request, now)).await
    }

    /// Changes an alias: the next start through it sees that.
    ///
    /// # Errors
    ///
    /// [`EngineError::NoSuchAlias`], [`EngineError::MachineDeleting`],
    /// [`EngineError::NoSuchVersion`], [`EngineError::Stopped`].
    pub async fn update_alias(&self, request: UpdateAlias) -> Result<Arc<Alias>, EngineError> {
        let now = self.now();
        self.change(|catalogue| catalogue.plan_alias_update(request, now)).await
    }

    /// Deletes an alias; the versions stay.
    ///
    /// # Errors
    ///
    /// [`EngineError::NoSuchAlias`], [`EngineError::Stopped`].
    pub async fn delete_alias(&self, key: &MachineKey, name: &str) -> Result<(), EngineError> {
        self.change(|catalogue| catalogue.plan_alias_gone(key, name)).await
    }

    /// An alias of a machine.
    pub fn alias(&self, key: &MachineKey, name: &str) -> Option<Arc<Alias>> {
        self.commons().catalogue().alias(key, name).cloned()
    }

    /// The aliases of a machine, by name; none if there is no such machine.
    pub fn aliases(&self, key: &MachineKey) -> Vec<Arc<Alias>> {
        self.commons().catalogue().aliases(key).cloned().collect()
    }

    /// The tags of a machine or an activity; `None` if there is no such thing.
    pub fn tags(&self, key: &TaggedKey) -> Option<Tags> {
        self.commons().catalogue().tags(key)
    }

    /// Changes the tags of a machine or an activity.
    ///
    /// # Errors
    ///
    /// [`EngineError::NoSuchMachine`] and [`EngineError::NoSuchActivity`],
    /// [`EngineError::TooManyTags`], [`EngineError::Stopped`].
    pub async fn change_tags(&self, key: &TaggedKey, change: TagChange) -> Result<(), EngineError> {
        self.change(|catalogue| catalogue.plan_tags(key, &change)).await
    }
}
