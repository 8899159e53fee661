//! Has the crate built anew when the console was: the files that it embeds come, go and change their
//! names, which cargo cannot see by itself.

use std::path::Path;

fn main() {
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../console/dist");
    // Cargo takes a folder that is missing for one that has changed, and would build this crate, and
    // all above it, each time. Where it cannot be made that is all that happens.
    let _ = std::fs::create_dir_all(&built);
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={}", built.display());
}
