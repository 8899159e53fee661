//! Compares generated paths with Jayway's JsonPath; see `conformance/jsonpath-differential`.

#![expect(clippy::disallowed_methods, clippy::disallowed_types, reason = "a command starts the reference")]

mod compare;
mod generate;
mod oracle;

use std::collections::BTreeMap;
use std::io::Write;

use stepwell_value::Value;

use crate::compare::{Verdict, compare};
use crate::generate::{Case, Random, case};
use crate::oracle::Oracle;

/// How many cases are sent before their answers are read.
const BATCH: usize = 100;

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let option = |name: &str, default: u64| {
        let at = args.iter().position(|arg| arg == name);
        at.and_then(|at| args.get(at + 1)).map_or(default, |text| text.parse().expect("a whole number"))
    };
    let (count, seed, show) = (option("--count", 10_000), option("--seed", 1), option("--show", 20));
    let show_known = args.iter().any(|arg| arg == "--show-known");
    let mut oracle = Oracle::start();
    let (mut same, mut values, mut failures, mut different) = (0u64, 0u64, 0u64, 0u64);
    let mut known: BTreeMap<&'static str, u64> = BTreeMap::new();
    let mut done = 0;
    while done < count {
        let batch = (BATCH as u64).min(count - done);
        let cases: Vec<Case> = (0..batch)
            .map(|index| {
                let mut random = Random(seed.wrapping_mul(1_000_003).wrapping_add(done + index));
                random.next();
                case(&mut random)
            })
            .collect();
        cases.iter().for_each(|case| oracle.send(&case.text(), &case.document));
        oracle.questions.flush().expect("java listens");
        let answers: Vec<Value> = cases.iter().map(|_| oracle.receive()).collect();
        for (case, answer) in cases.into_iter().zip(answers) {
            match compare(&case.text(), case.broken, &case.document, &answer) {
                Verdict::Same => {
                    same += 1;
                    values += u64::from(answer.get("r").is_some());
                    failures += u64::from(answer.get("e").is_some());
                }
                Verdict::Known(what) => {
                    *known.entry(what).or_default() += 1;
                    if show_known {
                        println!("known, {what}: {}\n  on {}\n  is {answer}", case.text(), case.document);
                    }
                }
                Verdict::Different(_) => {
                    different += 1;
                    if different <= show {
                        let case = shrink(case, &mut oracle);
                        let answer = oracle.ask(&case.text(), &case.document);
                        if let Verdict::Different(how) =
                            compare(&case.text(), case.broken, &case.document, &answer)
                        {
                            println!("{}\n  on {}\n  is {how}", case.text(), case.document);
                        }
                    }
                }
            }
        }
        done += batch;
    }
    println!(
        "seed {seed}: {count} cases, {same} the same ({values} with a value, {failures} that fail), known differences {known:?}, {different} different"
    );
    std::process::exit(i32::from(different > 0));
}

/// The smallest path and document that still differ.
fn shrink(mut case: Case, oracle: &mut Oracle) -> Case {
    'again: for _ in 0..500 {
        for smaller in case.smaller() {
            let answer = oracle.ask(&smaller.text(), &smaller.document);
            if matches!(
                compare(&smaller.text(), smaller.broken, &smaller.document, &answer),
                Verdict::Different(_)
            ) {
                case = smaller;
                continue 'again;
            }
        }
        break;
    }
    case
}
