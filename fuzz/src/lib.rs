//! What the fuzz targets share: an allocator that counts, the codes that errors may have, and a scope.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use stepwell_jsonpath::Scope;
use stepwell_value::Value;

/// The system's allocator, and how many bytes are taken from it.
pub struct Counting;

static HELD: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

fn taken(bytes: usize) {
    let held = HELD.fetch_add(bytes, Ordering::Relaxed) + bytes;
    PEAK.fetch_max(held, Ordering::Relaxed);
}

// SAFETY: every call goes on to the system's allocator unchanged; only numbers are kept beside.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        taken(layout.size());
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        taken(layout.size());
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Ordering::Relaxed);
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // The old and the new may be there at the same time.
        taken(size);
        let moved = unsafe { System.realloc(memory, layout, size) };
        HELD.fetch_sub(layout.size(), Ordering::Relaxed);
        moved
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// What `work` gives, and how many bytes it held at most beside those held before.
pub fn measured<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let before = HELD.load(Ordering::Relaxed);
    PEAK.store(before, Ordering::Relaxed);
    let result = work();
    (result, PEAK.load(Ordering::Relaxed).saturating_sub(before))
}

/// Whether errors may have this code: those of the reference, and the few that are ours.
pub fn is_known(code: &str) -> bool {
    let (letter, digits) = code.split_at(1);
    let known = match letter {
        "S" | "T" | "D" => true,
        "U" => matches!(digits, "1001" | "1002" | "1003" | "1004" | "1005"),
        _ => false,
    };
    known && digits.len() == 4 && digits.bytes().all(|digit| digit.is_ascii_digit())
}

/// Text and input: the bytes up to the first 0xFF, and the rest as JSON, `{}` if it is none.
pub fn split(bytes: &[u8]) -> (String, Value) {
    let end = bytes.iter().position(|byte| *byte == 0xFF).unwrap_or(bytes.len());
    let text = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let json = std::str::from_utf8(bytes.get(end + 1..).unwrap_or_default()).unwrap_or_default();
    (text, Value::parse(json).unwrap_or_else(|_| Value::object::<&str>([])))
}

/// Evaluates something over an input, with a variable `x` and a context object that are the same, and
/// sees to it that not much memory is taken.
pub fn scope_over<T>(input: &Value, work: impl FnOnce(&Scope) -> T) -> T {
    let scope = Scope {
        input,
        context: &|| input.clone(),
        variable: &|name| (name == "x").then(|| input.clone()),
        random: &|| 0x1234_5678_9ABC_DEF0,
    };
    let (result, memory) = measured(|| work(&scope));
    assert!(memory <= MEMORY_MAX, "{memory} bytes were taken");
    result
}

/// How much an evaluation may take.
const MEMORY_MAX: usize = 256 << 20;
