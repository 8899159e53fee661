//! Aliases: names that lead to one version of a machine, or to two by weight.

use std::sync::Arc;

use stepwell_model::Timestamp;

use super::{Catalogue, Change, Plan};
use crate::requests::{EngineError, MachineKey};

/// How many aliases a machine may have. Source: the service quotas of Step Functions.
const ALIASES_MAX: usize = 100;

/// What the weights of an alias make together, in percent.
pub(super) const WEIGHT_SUM: u64 = 100;

/// An alias of a machine.
#[derive(Debug, Clone, PartialEq)]
pub struct Alias {
    /// Its name within the machine, not of digits alone.
    pub name: Arc<str>,
    /// What was said of it.
    pub description: Option<Arc<str>>,
    /// One or two, of different versions, whose weights make 100 together.
    pub routes: Vec<Route>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last changed, or created.
    pub updated_at: Timestamp,
}

/// Where an alias leads, and how often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    /// To the version of this number.
    pub version: u64,
    /// In so many of a hundred starts: 0 to 100.
    pub weight: u8,
}

/// Creates an alias. The caller has checked name and weights.
#[derive(Debug, Clone)]
pub struct CreateAlias {
    /// Of which machine.
    pub key: MachineKey,
    /// Under which name.
    pub name: Arc<str>,
    /// What is said of it.
    pub description: Option<Arc<str>>,
    /// As in [`Alias`].
    pub routes: Vec<Route>,
}

/// Changes an alias; `None` keeps what is. The caller has checked the weights.
#[derive(Debug, Clone)]
pub struct UpdateAlias {
    /// Of which machine.
    pub key: MachineKey,
    /// Which alias.
    pub name: Arc<str>,
    /// What is said of it.
    pub description: Option<Arc<str>>,
    /// As in [`Alias`].
    pub routes: Option<Vec<Route>>,
}

impl Alias {
    /// The version that one start runs. `draw` is asked only where there is a choice.
    pub(super) fn pick(&self, draw: impl FnOnce() -> u64) -> u64 {
        match &self.routes[..] {
            [first, second] if draw() % WEIGHT_SUM >= u64::from(first.weight) => second.version,
            [first, ..] => first.version,
            [] => 0,
        }
    }

    /// Whether it leads to a version, be it with no weight.
    pub fn leads_to(&self, version: u64) -> bool {
        self.routes.iter().any(|route| route.version == version)
    }
}

impl Catalogue {
    /// The alias of this name.
    pub fn alias(&self, key: &MachineKey, name: &str) -> Option<&Arc<Alias>> {
        self.aliases.get(key)?.get(name)
    }

    /// The aliases of a machine, by name.
    pub fn aliases(&self, key: &MachineKey) -> impl Iterator<Item = &Arc<Alias>> {
        self.aliases.get(key).into_iter().flat_map(|aliases| aliases.values())
    }

    /// Plans a new alias; one that is the same comes back as it is.
    pub fn plan_alias(&self, request: CreateAlias, now: Timestamp) -> Result<Plan<Arc<Alias>>, EngineError> {
        let CreateAlias { key, name, description, routes } = request;
        self.check_routes(&key, &routes)?;
        if let Some(alias) = self.alias(&key, &name) {
            let same = alias.description == description && alias.routes == routes;
            return if same { Ok(Plan::Nothing(alias.clone())) } else { Err(EngineError::AliasExists) };
        }
        if self.aliases(&key).count() >= ALIASES_MAX {
            return Err(EngineError::TooManyAliases);
        }
        let alias = Arc::new(Alias { name, description, routes, created_at: now, updated_at: now });
        Ok(Plan::Change(Change::Alias(key, alias.clone()), alias))
    }

    /// Plans that an alias is to change; one that is so already keeps its date, since to ask twice is to
    /// ask once. Source: the API reference of UpdateStateMachineAlias, on idempotency.
    pub fn plan_alias_update(
        &self,
        request: UpdateAlias,
        now: Timestamp,
    ) -> Result<Plan<Arc<Alias>>, EngineError> {
        let UpdateAlias { key, name, description, routes } = request;
        let old = self.alias(&key, &name).ok_or(EngineError::NoSuchAlias)?;
        let routes = routes.unwrap_or_else(|| old.routes.clone());
        self.check_routes(&key, &routes)?;
        let description = description.or_else(|| old.description.clone());
        if description == old.description && routes == old.routes {
            return Ok(Plan::Nothing(old.clone()));
        }
        let (created_at, updated_at) = (old.created_at, now.max(old.updated_at));
        let alias = Arc::new(Alias { name, description, routes, created_at, updated_at });
        Ok(Plan::Change(Change::Alias(key, alias.clone()), alias))
    }

    /// Plans that an alias is to go.
    pub fn plan_alias_gone(&self, key: &MachineKey, name: &str) -> Result<Plan<()>, EngineError> {
        let alias = self.alias(key, name).ok_or(EngineError::NoSuchAlias)?;
        Ok(Plan::Change(Change::AliasGone(key.clone(), alias.name.clone()), ()))
    }

    /// What an alias leads to is there, and stays there as long as the alias does.
    fn check_routes(&self, key: &MachineKey, routes: &[Route]) -> Result<(), EngineError> {
        let machine = self.machines.get(key).ok_or(EngineError::NoSuchMachine)?;
        if machine.deleting {
            return Err(EngineError::MachineDeleting);
        }
        match routes.iter().find(|route| self.version(key, route.version).is_none()) {
            Some(route) => Err(EngineError::NoSuchVersion(route.version)),
            None => Ok(()),
        }
    }
}
