//! Instructions of the hot paths, counted by callgrind: they do not depend on the clock of the
//! machine or on what runs beside, so they compare across machines and from commit to commit.
//!
//! Each path is run twice, with few and with many executions; the difference of the two, divided by
//! that of the executions, is what one execution costs: start and end of the server cancel. Counted is
//! the server's process outside the kernel. valgrind lets one thread run at a time, so how many
//! executions share a commit differs from that of a real run.

use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use stepwell_bench::chain;
use stepwell_bench::client::{self, Plan};
use stepwell_bench::report::Figure;
use stepwell_bench::server::Server;

use crate::parts;
use crate::setting::{SOME, Setting, start_body};
use crate::starts::CHAIN_STATES;

/// How many executions the two runs of a path have.
const EXECUTIONS: [u64; 2] = [500, 2_500];

/// How often the server is asked for the end, which takes it instructions too.
const PAUSE: Duration = Duration::from_millis(500);

/// What a path must come to of what it cost at the commit that closed issue 2.
const RATIO_MAX: f64 = 0.5;

/// That commit. `instructions --profiled FILE` with the server that is built from it counts again.
const THEN_COMMIT: &str = "7b95b57";

struct HotPath {
    name: &'static str,
    /// Instructions per transition at [`THEN_COMMIT`], where the path was there: means of two counts,
    /// which differed by 3 %.
    then: Option<f64>,
    r#type: &'static str,
    operation: &'static str,
    in_flight: usize,
}

const PATHS: [HotPath; 3] = [
    HotPath {
        name: "Standard, one in flight",
        then: Some(19_230.0),
        r#type: "STANDARD",
        operation: "StartExecution",
        in_flight: 1,
    },
    HotPath {
        name: "Standard, 64 in flight",
        then: Some(12_560.0),
        r#type: "STANDARD",
        operation: "StartExecution",
        in_flight: SOME,
    },
    HotPath {
        name: "Express sync",
        then: None,
        r#type: "EXPRESS",
        operation: "StartSyncExecution",
        in_flight: 1,
    },
];

/// What was counted, by function and object.
type Costs = HashMap<(String, String), f64>;

/// Instructions per execution and per transition.
pub fn instructions(setting: &mut Setting) -> io::Result<()> {
    if Command::new("valgrind").arg("--version").output().is_err() {
        return Err(io::Error::other("valgrind is not on this machine"));
    }
    let mut missing = Vec::new();
    for path in &PATHS {
        eprintln!("  {}", path.name);
        match measure(setting, path) {
            Ok(costs) => tell(setting, path, &costs),
            Err(error) => missing.push(format!("{}: {error}", path.name)),
        }
    }
    match missing.is_empty() {
        true => Ok(()),
        false => Err(io::Error::other(missing.join("; "))),
    }
}

fn tell(setting: &mut Setting, path: &HotPath, costs: &Costs) {
    let executions = (EXECUTIONS[1] - EXECUTIONS[0]) as f64;
    let each = costs.values().sum::<f64>() / executions;
    let figure = |what: &str, value| Figure::new(format!("instructions, {}: {what}", path.name), "", value);
    let now = figure("per transition", each / CHAIN_STATES as f64);
    let now = match path.then {
        None => now,
        Some(then) => {
            let name = format!("limit: the same at {THEN_COMMIT}, {}", path.name);
            now.beside(setting.computed(name, "", then)).ratio_below(RATIO_MAX)
        }
    };
    setting.report.add(now);
    setting.report.add(figure("per execution", each));
    let title = format!("Instructions per execution of ten Pass states, {}", path.name);
    setting.tables.extend(parts::tables(&title, "instructions", costs, executions));
}

/// What the additional executions cost, by function.
fn measure(setting: &Setting, path: &HotPath) -> io::Result<Costs> {
    let few = run(setting, path, EXECUTIONS[0])?;
    let mut costs = run(setting, path, EXECUTIONS[1])?;
    for (function, cost) in few {
        *costs.entry(function).or_default() -= cost;
    }
    Ok(costs)
}

fn run(setting: &Setting, path: &HotPath, count: u64) -> io::Result<Costs> {
    let folder = &setting.options.folder;
    stepwell_bench::new_folder(folder)?;
    let out = folder.join("callgrind.out");
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--quiet", "--tool=callgrind"]);
    valgrind.arg(format!("--callgrind-out-file={}", out.display())).arg(&setting.options.profiled);
    let server = Server::start_by(valgrind, &folder.join("data"))?;
    let machine = server.create_machine("Load", path.r#type, &chain(CHAIN_STATES))?;
    let outcome = client::drive(Plan {
        address: server.address,
        in_flight: path.in_flight,
        time: Duration::from_secs(3_600),
        requests_max: count,
        request: &mut |n, out| client::put_request(path.operation, &start_body(&machine, n), out),
    })?;
    if let Some(refusal) = outcome.first_refusal {
        return Err(io::Error::other(format!("a start was refused: {refusal}")));
    }
    if path.r#type == "STANDARD" {
        server.wait_closed_asking(count, PAUSE)?;
    }
    server.stop()?;
    read(&out)
}

/// Reads what callgrind wrote: for each function what it cost itself. The format is described in
/// valgrind's manual, "Callgrind Format Specification".
fn read(path: &Path) -> io::Result<Costs> {
    let text = std::fs::read_to_string(path)?;
    let mut costs = Costs::new();
    // A name is written once, with its number; then the number alone.
    let (mut functions, mut objects) = (HashMap::new(), HashMap::new());
    let (mut function, mut object) = (String::new(), String::new());
    let mut is_call = false;
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("fn=") {
            function = named(name, &mut functions);
        } else if let Some(name) = line.strip_prefix("cfn=") {
            named(name, &mut functions);
        } else if let Some(name) = line.strip_prefix("ob=") {
            object = named(name, &mut objects);
        } else if let Some(name) = line.strip_prefix("cob=") {
            named(name, &mut objects);
        } else if line.starts_with("calls=") {
            is_call = true;
        } else if line.starts_with(|first: char| first.is_ascii_digit() || "+-*".contains(first)) {
            // The line after a call has what the function called cost, which is not its caller's own.
            if !std::mem::take(&mut is_call) {
                let cost = line.split(' ').nth(1).and_then(|cost| cost.parse::<f64>().ok());
                let cost = cost.ok_or_else(|| io::Error::other(format!("callgrind wrote {line:?}")))?;
                *costs.entry((function.clone(), object.clone())).or_default() += cost;
            }
        }
    }
    Ok(costs)
}

/// The name that `(number) name` or `(number)` stands for.
fn named(text: &str, names: &mut HashMap<String, String>) -> String {
    match text.split_once(' ') {
        Some((number, name)) => {
            names.insert(number.to_owned(), name.to_owned());
            name.to_owned()
        }
        None => names.get(text).cloned().unwrap_or_else(|| text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_costs_what_it_does_itself() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("callgrind.out");
        let text = "events: Ir\n\nob=(1) /bin/a\nfl=(1) a.c\nfn=(1) main\n16 400\ncob=(2) /lib/b\ncfn=(2) work\n\
                    calls=3 50\n16 900\n+1 7\n\nob=(2)\nfn=(2)\n50 900\n";
        std::fs::write(&path, text).unwrap();
        let costs = read(&path).unwrap();
        assert_eq!(costs[&("main".to_owned(), "/bin/a".to_owned())], 407.0);
        assert_eq!(costs[&("work".to_owned(), "/lib/b".to_owned())], 900.0);
    }
}
