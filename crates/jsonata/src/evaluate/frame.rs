//! Variables in scope.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use crate::item::{FrameRef, Item};

/// The variables of a block, a call or a tuple, within those around it.
#[derive(Debug)]
pub(crate) struct Frame {
    parent: Option<FrameRef>,
    variables: RefCell<Vec<(Arc<str>, Item)>>,
    /// Whether a function that was made here refers to it.
    pub captured: Cell<bool>,
}

impl Frame {
    pub fn root() -> FrameRef {
        Rc::new(Frame { parent: None, variables: RefCell::default(), captured: Cell::new(false) })
    }

    pub fn within(parent: &FrameRef, variables: Vec<(Arc<str>, Item)>) -> FrameRef {
        let variables = RefCell::new(variables);
        Rc::new(Frame { parent: Some(parent.clone()), variables, captured: Cell::new(false) })
    }

    pub fn bind(&self, name: &Arc<str>, item: Item) {
        let mut variables = self.variables.borrow_mut();
        match variables.iter_mut().find(|(known, _)| same(known, name)) {
            Some((_, bound)) => *bound = item,
            None => variables.push((name.clone(), item)),
        }
    }

    /// What is bound, here or further out. A variable may be bound to `undefined`.
    pub fn lookup(&self, name: &Arc<str>) -> Option<Item> {
        self.find(name).0
    }

    /// The same, and how many frames and variables have been looked at.
    pub fn find(&self, name: &Arc<str>) -> (Option<Item>, usize) {
        self.inspect(name, Item::clone)
    }

    /// The same for a look at it, without a copy.
    pub fn inspect<T>(&self, name: &Arc<str>, look: impl FnOnce(&Item) -> T) -> (Option<T>, usize) {
        let mut frame = self;
        let mut seen = 0;
        loop {
            let variables = frame.variables.borrow();
            seen += 1 + variables.len();
            if let Some((_, item)) = variables.iter().rev().find(|(known, _)| same(known, name)) {
                return (Some(look(item)), seen);
            }
            drop(variables);
            match frame.parent.as_deref() {
                Some(parent) => frame = parent,
                None => return (None, seen),
            }
        }
    }

    /// Takes all variables out, which breaks the circles of functions that refer to themselves.
    pub fn take(&self) -> Vec<(Arc<str>, Item)> {
        self.variables.take()
    }

    pub fn len(&self) -> usize {
        self.variables.borrow().len()
    }
}

/// Names of one expression are shared, so most comparisons end at the pointer or the length.
fn same(a: &Arc<str>, b: &Arc<str>) -> bool {
    Arc::ptr_eq(a, b) || **a == **b
}
