//! How much an evaluation may cost.

use std::cell::{Cell, OnceCell};
use std::ops::Deref;
use std::rc::Rc;

use crate::error::{MEMORY, Raised, Step};

/// The limits of one evaluation. The defaults suit documents of a few hundred kilobytes: a bomb ends
/// within a second and 64 MiB, and no honest expression comes near.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Budget {
    /// How many steps: an evaluated node, an item visited, a small block of bytes made. Steps take
    /// well under a microsecond, but for one thing: a regular expression that has to look at the whole
    /// of a long text for every match. Give a clock in `Environment::expired` to bound that in time;
    /// it is asked between matches, and one search of a megabyte takes a second at the very worst.
    pub fuel: u64,
    /// How deep evaluations may nest. What the native stack allows bounds it too, at
    /// [`Budget::stack_bytes`].
    pub depth: usize,
    /// How many bytes of the native stack the evaluation may use.
    pub stack_bytes: usize,
    /// How many bytes the values made by the evaluation may hold at one time. The input and what of
    /// it is shared does not count.
    pub memory_bytes: usize,
    /// How large the result may be, in bytes of JSON at the least.
    pub output_bytes: usize,
}

impl Default for Budget {
    fn default() -> Budget {
        Budget {
            fuel: 12_000_000,
            depth: 2_000,
            stack_bytes: 1024 * 1024,
            memory_bytes: 32 * 1024 * 1024,
            output_bytes: 16 * 1024 * 1024,
        }
    }
}

impl Budget {
    /// What AWS Step Functions allows, as far as it was measured there: evaluations nest at most 100
    /// deep. (Its memory limit is between 16 and 64 MiB and counts in its own way.)
    pub fn step_functions() -> Budget {
        Budget { depth: 100, ..Budget::default() }
    }
}

/// How many bytes are held now, and how many may be.
#[derive(Debug)]
pub(crate) struct Meter {
    held: Cell<usize>,
    limit: usize,
}

impl Meter {
    pub fn new(limit: usize) -> Rc<Meter> {
        Rc::new(Meter { held: Cell::new(0), limit })
    }

    pub fn charge(&self, bytes: usize) -> Step<()> {
        let held = self.held.get().saturating_add(bytes);
        if held > self.limit {
            return Err(Raised::text(MEMORY, format!("the expression needs more than {} bytes", self.limit)));
        }
        self.held.set(held);
        Ok(())
    }

    pub fn credit(&self, bytes: usize) {
        self.held.set(self.held.get().saturating_sub(bytes));
    }

    /// Whether so many bytes more would fit.
    pub fn fits(&self, bytes: usize) -> bool {
        self.held.get().saturating_add(bytes) <= self.limit
    }
}

/// A meter that is made when something is first charged.
#[derive(Debug)]
pub(crate) struct LazyMeter {
    meter: OnceCell<Rc<Meter>>,
    limit: usize,
}

impl LazyMeter {
    pub fn new(limit: usize) -> LazyMeter {
        LazyMeter { meter: OnceCell::new(), limit }
    }
}

impl Deref for LazyMeter {
    type Target = Rc<Meter>;

    fn deref(&self) -> &Rc<Meter> {
        self.meter.get_or_init(|| Meter::new(self.limit))
    }
}

/// Bytes charged for as long as this lives.
#[derive(Debug)]
pub(crate) struct Hold {
    meter: Rc<Meter>,
    bytes: usize,
}

impl Hold {
    pub fn new(meter: &Rc<Meter>) -> Hold {
        Hold { meter: meter.clone(), bytes: 0 }
    }

    pub fn charge(&mut self, bytes: usize) -> Step<()> {
        self.meter.charge(bytes)?;
        self.bytes += bytes;
        Ok(())
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.meter.credit(self.bytes);
    }
}
