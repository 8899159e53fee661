//! The branches of an execution, by their ids.
//!
//! Most executions have one, the machine itself, and each event of it looks it up several times. It has a
//! place of its own; those that Parallel and Map began are in a tree.

use std::collections::BTreeMap;
use std::ops::Index;

use crate::execution::Branch;

/// The id of the machine itself.
const MACHINE: u32 = 0;

/// See the documentation of the module. Branches are in boxes: a tree makes room for eleven at once.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Branches {
    machine: Option<Box<Branch>>,
    below: BTreeMap<u32, Box<Branch>>,
}

impl Branches {
    pub(crate) fn get(&self, id: u32) -> Option<&Branch> {
        let branch = if id == MACHINE { self.machine.as_ref() } else { self.below.get(&id) };
        branch.map(|branch| &**branch)
    }

    pub(crate) fn get_mut(&mut self, id: u32) -> Option<&mut Branch> {
        let branch = if id == MACHINE { self.machine.as_mut() } else { self.below.get_mut(&id) };
        branch.map(|branch| &mut **branch)
    }

    pub(crate) fn insert(&mut self, id: u32, branch: Branch) {
        let branch = Box::new(branch);
        if id == MACHINE {
            self.machine = Some(branch);
        } else {
            self.below.insert(id, branch);
        }
    }

    pub(crate) fn remove(&mut self, id: u32) {
        if id == MACHINE {
            self.machine = None;
        } else {
            self.below.remove(&id);
        }
    }

    pub(crate) fn clear(&mut self) {
        *self = Branches::default();
    }

    pub(crate) fn len(&self) -> usize {
        usize::from(self.machine.is_some()) + self.below.len()
    }

    /// All, by their ids.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &Branch)> {
        self.machine.iter().map(|branch| (MACHINE, &**branch)).chain(self.after(MACHINE))
    }

    /// Those with larger ids than this one.
    pub(crate) fn after(&self, id: u32) -> impl Iterator<Item = (u32, &Branch)> {
        self.below.range(id + 1..).map(|(id, branch)| (*id, &**branch))
    }

    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut Branch> {
        self.machine.iter_mut().chain(self.below.values_mut()).map(|branch| &mut **branch)
    }
}

impl Index<u32> for Branches {
    type Output = Branch;

    fn index(&self, id: u32) -> &Branch {
        self.get(id).expect("a branch that takes its turn is there")
    }
}
