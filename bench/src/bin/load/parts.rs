//! From the name of a function to the part of the program that it belongs to, and the tables by part.
//!
//! A function that was inlined counts as the one it was inlined into. What the standard library does
//! for a type of ours counts as ours: dropping an execution is the language's work.

use std::collections::HashMap;

use stepwell_bench::report::short;

use crate::setting::Table;

/// How many functions a table has.
const FUNCTIONS_MAX: usize = 15;

/// The part of the program that the function `name` of the file `object` belongs to.
pub fn part(name: &str, object: &str) -> &'static str {
    const OURS: [(&str, &str); 11] = [
        ("stepwell_asl", "the language (asl)"),
        ("stepwell_engine", "the engine"),
        ("stepwell_store_sqlite", "the store (store-sqlite)"),
        ("stepwell_store", "the store (store-sqlite)"),
        ("stepwell_server", "the server"),
        ("stepwell_api", "the operations (api)"),
        ("stepwell_value", "values and JSON (value, model)"),
        ("stepwell_model", "values and JSON (value, model)"),
        ("stepwell_jsonata", "JSONata"),
        ("stepwell_jsonpath", "JSONPath"),
        ("stepwell", "the binary"),
    ];
    const OTHERS: [(&str, &str); 15] = [
        ("hyper", HTTP),
        ("http", HTTP),
        ("tokio", HTTP),
        ("mio", HTTP),
        ("bytes", HTTP),
        ("rusqlite", SQLITE),
        ("sqlite3", SQLITE),
        ("hashbrown", RUST),
        ("foldhash", RUST),
        ("sha2", DIGESTS),
        ("sha1", DIGESTS),
        ("hmac", DIGESTS),
        ("md5", DIGESTS),
        ("crc32fast", DIGESTS),
        ("memchr", RUST),
    ];
    let is_ours = |prefix: &str| name.match_indices(prefix).any(|(at, _)| is_word(name, at, prefix.len()));
    if object == KERNEL {
        let abouts = [NETWORK, DISK, THREADS, INTERRUPTS];
        return abouts.into_iter().find(|about| *about == name).unwrap_or(OTHER_CALLS);
    }
    if name.starts_with("mi_") || name.starts_with("_mi_") {
        return "the allocator (mimalloc)";
    }
    if let Some((_, part)) = OURS.iter().find(|(prefix, _)| is_ours(prefix)) {
        return part;
    }
    if let Some((_, part)) = OTHERS.iter().find(|(prefix, _)| is_ours(prefix)) {
        return part;
    }
    if object.contains("libc") || object.contains("ld-linux") || object.contains("libpthread") {
        return "the system's library: memcpy, calls of the kernel";
    }
    match name.contains("::") || name.starts_with('<') || name.starts_with("__rust") {
        true => RUST,
        // What has no path is C, and SQLite is the C that is left.
        false => SQLITE,
    }
}

/// The object of what happens in the kernel; its functions are the parts that follow.
pub const KERNEL: &str = "kernel";
/// Sending, receiving, and waiting for either.
pub const NETWORK: &str = "kernel: network";
/// Writing, reading, flushing.
pub const DISK: &str = "kernel: disk";
/// Waiting for other threads, and waking them.
pub const THREADS: &str = "kernel: waiting for threads, waking them";
/// What no call has asked for.
pub const INTERRUPTS: &str = "kernel: faults and interrupts";
/// The other calls.
pub const OTHER_CALLS: &str = "kernel: other calls";

const HTTP: &str = "HTTP and tasks (hyper, tokio)";
const SQLITE: &str = "SQLite";
const RUST: &str = "Rust's own library";
const DIGESTS: &str = "digests and checksums";

/// Whether the path's segment at this place is exactly this word: the length is that of the word.
fn is_word(name: &str, at: usize, length: usize) -> bool {
    let is_letter =
        |letter: Option<char>| letter.is_some_and(|letter| letter.is_alphanumeric() || letter == '_');
    !is_letter(name[..at].chars().next_back())
        && !is_letter(name[at + length..].chars().next())
        && !name[..at].ends_with("::")
}

/// Two tables of what was counted by function and object: by part, and the functions with the most.
/// `per` is what a count is divided by, `all` what shares are of.
pub fn tables(title: &str, unit: &str, costs: &HashMap<(String, String), f64>, per: f64) -> [Table; 2] {
    let all: f64 = costs.values().sum();
    let mut by_part: HashMap<&str, f64> = HashMap::new();
    for ((name, object), cost) in costs {
        *by_part.entry(part(name, object)).or_default() += cost;
    }
    let row =
        |(name, cost): (String, f64)| vec![name, short(cost / per), format!("{:.1} %", 100.0 * cost / all)];
    let head = |first: &str| vec![first.to_owned(), unit.to_owned(), "share".to_owned()];
    let mut parts: Vec<(String, f64)> =
        by_part.into_iter().map(|(part, cost)| (part.to_owned(), cost)).collect();
    let mut functions: Vec<(String, f64)> =
        costs.iter().map(|((name, _), cost)| (shortened(name), *cost)).collect();
    for rows in [&mut parts, &mut functions] {
        rows.sort_by(|one, other| other.1.total_cmp(&one.1));
    }
    functions.truncate(FUNCTIONS_MAX);
    let table = |title: String, first: &str, rows: Vec<(String, f64)>| Table {
        title,
        lines: std::iter::once(head(first)).chain(rows.into_iter().map(row)).collect(),
    };
    [
        table(format!("{title}, by part"), "part", parts),
        table(format!("{title}, the functions with the most of their own"), "function", functions),
    ]
}

/// A name that fits into a table: without the hash at its end, and cut.
fn shortened(name: &str) -> String {
    const WIDTH: usize = 90;
    let name = match name.rsplit_once("::h") {
        Some((path, hash)) if hash.len() == 16 && hash.chars().all(|digit| digit.is_ascii_hexdigit()) => path,
        _ => name,
    };
    match name.chars().count() > WIDTH {
        true => name.chars().take(WIDTH - 3).chain("...".chars()).collect(),
        false => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_belongs_to_the_part_whose_type_it_is_for() {
        let part = |name| part(name, "stepwell");
        assert_eq!(part("stepwell_engine::shard::Shard::turn"), "the engine");
        assert_eq!(part("<stepwell_asl::Execution as core::ops::drop::Drop>::drop"), "the language (asl)");
        assert_eq!(part("core::ptr::drop_in_place<stepwell_value::Value>"), "values and JSON (value, model)");
        assert_eq!(part("stepwell_store_sqlite::commit::write"), "the store (store-sqlite)");
        assert_eq!(part("hyper::proto::h1::conn::Conn<I,B,T>::poll_read_head"), HTTP);
        assert_eq!(part("alloc::raw_vec::finish_grow"), RUST);
        assert_eq!(part("sqlite3VdbeExec"), SQLITE);
        assert_eq!(part("balance_nonroot"), SQLITE);
        assert_eq!(part("mi_malloc"), "the allocator (mimalloc)");
    }
}
