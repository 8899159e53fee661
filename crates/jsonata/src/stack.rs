//! How much of the native stack is in use.
//!
//! Depth is limited by count everywhere, so that the outcome is the same in every build; this is for
//! builds whose frames are larger than those the counts were made for.

/// How much of the stack compiling may use, in bytes.
pub(crate) const COMPILE_MAX: usize = 768 * 1024;

/// About where the stack is now.
pub(crate) fn now() -> usize {
    let here = 0u8;
    std::ptr::from_ref(&here).addr()
}

/// Whether more than `bytes` have been used since `from`.
pub(crate) fn exceeds(from: usize, bytes: usize) -> bool {
    from.abs_diff(now()) > bytes
}
