//! Compares generated expressions with the official JavaScript; see `conformance/jsonata-differential`.

#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a command starts the reference and has options"
)]

mod compare;
mod forms;
mod generate;
mod oracle;
mod shrink;
mod words;

use std::io::Write;

use stepwell_value::Value;

use crate::compare::{Verdict, compare};
use crate::generate::{Piece, Random, any, broken, input, members};
use crate::oracle::Oracle;
use crate::shrink::shrink;

/// How many cases are sent before their answers are read.
const BATCH: usize = 100;

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let option = |name: &str, default: u64| {
        let at = args.iter().position(|arg| arg == name);
        at.and_then(|at| args.get(at + 1)).map_or(default, |text| text.parse().expect("a whole number"))
    };
    let (count, seed, show) = (option("--count", 10_000), option("--seed", 1), option("--show", 20));
    let mut oracle = Oracle::start();
    let (mut same, mut values, mut native, mut other) = (0u64, 0u64, 0u64, 0u64);
    let (mut budget, mut known, mut different) = (0u64, 0u64, 0u64);
    let show_known = args.iter().any(|arg| arg == "--show-known");
    let mut done = 0;
    while done < count {
        let batch = BATCH.min((count - done) as usize);
        let mut cases = Vec::with_capacity(batch);
        for index in 0..batch {
            let mut random = Random(seed.wrapping_mul(1_000_003).wrapping_add(done + index as u64));
            random.next();
            let depth = 1 + random.below(4);
            let piece = any(&mut random, depth);
            let data = if random.below(4) == 0 { input(&mut random, 3) } else { members(&mut random, 3) };
            let piece = if random.below(10) == 0 {
                Piece::Tree(vec![Piece::Text(broken(&mut random, &piece.text()))])
            } else {
                piece
            };
            oracle.send(&piece.text(), &data);
            cases.push((piece, data));
        }
        oracle.questions.flush().expect("node listens");
        let answers: Vec<Value> = (0..batch).map(|_| oracle.receive()).collect();
        for ((piece, data), answer) in cases.into_iter().zip(answers) {
            match compare(&piece.text(), &data, &answer) {
                Verdict::Same => {
                    same += 1;
                    values += u64::from(answer.get("r").is_some());
                }
                Verdict::Native => native += 1,
                Verdict::Budget => budget += 1,
                Verdict::OtherError => other += 1,
                Verdict::Known(how) => {
                    known += 1;
                    if show_known {
                        println!("known: {}\n  on {data}\n  is {how}", piece.text());
                    }
                }
                Verdict::Different(_) => {
                    different += 1;
                    if different <= show {
                        let (text, data) = shrink(piece, data, &mut oracle);
                        let Verdict::Different(how) = compare(&text, &data, &oracle.ask(&text, &data)) else {
                            continue;
                        };
                        println!("{text}\n  on {data}\n  is {how}");
                    }
                }
            }
        }
        done += batch as u64;
    }
    println!(
        "seed {seed}: {count} cases, {same} the same ({values} with a value), {native} errors of JavaScript itself, {other} with another error of several, {budget} out of budget here, {known} known differences, {different} different"
    );
    std::process::exit(i32::from(different > 0));
}
