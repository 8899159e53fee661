//! Where blocks of slices lie: rows of one size, which are used again and never deleted.
//!
//! A block that is written again takes one page and touches no other. A slot is free if no slice that is
//! complete names it and nobody looks at one that did. So what a crash left of a slice that was being
//! written is free when the store is opened, without being looked for.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashSet};
use std::sync::{Mutex, MutexGuard};

/// See the documentation of the module.
pub(crate) struct Slots(Mutex<Pool>);

struct Pool {
    /// The lowest first, so that what is written together lies together.
    free: BinaryHeap<Reverse<u32>>,
    /// From here on there is no row yet.
    end: u32,
}

impl Slots {
    /// Those of a table in which the rows below `end` are there, of which `used` are in use.
    pub fn new(end: u32, used: &HashSet<u32>) -> Slots {
        let free = (0..end).filter(|slot| !used.contains(slot)).map(Reverse).collect();
        Slots(Mutex::new(Pool { free, end }))
    }

    /// A slot to write to.
    pub fn take(&self) -> u32 {
        let mut pool = self.pool();
        match pool.free.pop() {
            Some(Reverse(slot)) => slot,
            None => {
                pool.end = pool.end.checked_add(1).expect("16 TB of names are not reached");
                pool.end - 1
            }
        }
    }

    /// Gives slots back.
    pub fn free(&self, slots: &[u32]) {
        self.pool().free.extend(slots.iter().copied().map(Reverse));
    }

    fn pool(&self) -> MutexGuard<'_, Pool> {
        self.0.lock().expect("nobody panics while holding the pool")
    }
}
