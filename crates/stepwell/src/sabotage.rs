//! Builds with the feature `sabotage`: how they are told what to break, and where to crash.
//!
//! | variable              | what                                                                 |
//! |-----------------------|----------------------------------------------------------------------|
//! | `STEPWELL_SABOTAGE`   | the promise that is broken: `skip-fsync`, or one of [`Sabotage::ALL`]  |
//! | `STEPWELL_FAIL_POINT` | `NAME:N`: the server aborts when it passes that point the N-th time    |
//!
//! The crash test has them, to show that it notices, and to crash where it matters. No release does.

use std::env;

use stepwell_engine::{EngineOptions, Sabotage, arm_fail_point};
use stepwell_store_sqlite::SqliteOptions;

use crate::complaint::Complaint;

const SABOTAGE: &str = "STEPWELL_SABOTAGE";
const FAIL_POINT: &str = "STEPWELL_FAIL_POINT";
const SKIP_FSYNC: &str = "skip-fsync";

/// What the store is told.
pub fn store(options: SqliteOptions) -> SqliteOptions {
    SqliteOptions { skips_fsync: env::var(SABOTAGE).is_ok_and(|name| name == SKIP_FSYNC), ..options }
}

/// What the engine is told; arms the fail point as well.
///
/// # Errors
///
/// A [`Complaint`] about a name that nothing has.
pub fn engine(options: EngineOptions) -> Result<EngineOptions, Complaint> {
    if let Ok(wanted) = env::var(FAIL_POINT) {
        let (name, nth) = wanted.split_once(':').unwrap_or((&wanted, "1"));
        let nth = nth.parse().map_err(|_| Complaint::usage("not a number", nth).hint(FAIL_POINT))?;
        arm_fail_point(name, nth).map_err(|why| Complaint::usage(why, name).hint(FAIL_POINT))?;
    }
    let sabotage = match env::var(SABOTAGE) {
        Err(_) => None,
        Ok(name) if name == SKIP_FSYNC => None,
        Ok(name) => {
            let found = Sabotage::ALL.into_iter().find(|(known, _)| *known == name);
            let unknown = || Complaint::usage("no such sabotage", name.as_str()).hint(SABOTAGE);
            Some(found.ok_or_else(unknown)?.1)
        }
    };
    Ok(EngineOptions { sabotage, ..options })
}
