//! What the benchmarks over HTTP share: the load, the server as a process, the limits of the
//! machine, the report.

pub mod client;
pub mod limits;
pub mod report;
pub mod server;

/// Bytes in MiB.
pub fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

/// An empty folder at `path`, on the disk that is measured; what was there is removed.
///
/// # Errors
///
/// It cannot be removed or made.
pub fn new_folder(path: &std::path::Path) -> std::io::Result<()> {
    match std::fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => (),
    }
    std::fs::create_dir_all(path)
}

/// A definition with so many `Pass` states in a row.
pub fn chain(states: usize) -> String {
    let states: Vec<String> = (1..=states)
        .map(|at| {
            let next =
                if at == states { r#""End":true"#.to_owned() } else { format!(r#""Next":"S{}""#, at + 1) };
            format!(r#""S{at}":{{"Type":"Pass",{next}}}"#)
        })
        .collect();
    format!(r#"{{"StartAt":"S1","States":{{{}}}}}"#, states.join(","))
}

/// Order number `n`, the input of most executions that are started: about 60 bytes, as text within a JSON
/// string. `more` is what else is in it, in the same way, from the comma on.
pub fn order(n: u64, more: &str) -> String {
    format!(r#"{{\"order\":{n},\"customer\":\"c-1029\",\"total\":99.5{more}}}"#)
}

/// The body of a StartExecution with this input, as text within a JSON string; with a name of its own if `named`
/// gives it a number.
pub fn start_body(machine: &str, named: Option<u64>, input: &str) -> String {
    let name = named.map(|n| format!(r#","name":"run-{n}""#)).unwrap_or_default();
    format!(r#"{{"stateMachineArn":"{machine}"{name},"input":"{input}"}}"#)
}
