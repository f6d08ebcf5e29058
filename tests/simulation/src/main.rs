//! `bridgehead-simulation [--seed N] [--runs N] [--threads N] [--trace]`

use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use bridgehead_simulation::run::run;
use bridgehead_simulation::scenario::generate;

struct Arguments {
    seed: u64,
    runs: u64,
    threads: usize,
    trace: bool,
    keep_going: bool,
}

fn arguments() -> Result<Arguments, String> {
    let mut arguments = Arguments {
        seed: 1,
        runs: 1,
        threads: thread::available_parallelism().map_or(1, usize::from),
        trace: false,
        keep_going: false,
    };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut number = || {
            let value = words.next().unwrap_or_default();
            value.parse::<u64>().map_err(|_| format!("{word} takes a number, not `{value}`"))
        };
        match word.as_str() {
            "--seed" => arguments.seed = number()?,
            "--runs" => arguments.runs = number()?,
            "--threads" => arguments.threads = usize::try_from(number()?).unwrap_or(1).max(1),
            "--trace" => arguments.trace = true,
            "--keep-going" => arguments.keep_going = true,
            other => return Err(format!("unknown argument `{other}`")),
        }
    }
    Ok(arguments)
}

#[allow(clippy::print_stdout, reason = "this program's output is its purpose")]
fn main() -> ExitCode {
    let arguments = match arguments() {
        Ok(arguments) => arguments,
        Err(message) => {
            eprintln!(
                "{message}\nusage: bridgehead-simulation [--seed N] [--runs N] [--threads N] [--trace] [--keep-going]"
            );
            return ExitCode::from(2);
        }
    };
    println!("seeds {} to {}", arguments.seed, arguments.seed + arguments.runs - 1);
    let begin = Instant::now();
    let next = AtomicU64::new(arguments.seed);
    let end = arguments.seed + arguments.runs;
    let failed = Mutex::new(Vec::new());
    let totals = Mutex::new((0_u64, 0_u64, 0_u64));
    thread::scope(|scope| {
        for _ in 0..arguments.threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    let has_failed = !failed.lock().unwrap_or_else(PoisonError::into_inner).is_empty();
                    if seed >= end || (has_failed && !arguments.keep_going) {
                        return;
                    }
                    let report = run(generate(seed));
                    let mut totals = totals.lock().unwrap_or_else(PoisonError::into_inner);
                    totals.0 += u64::from(report.writes);
                    totals.1 += report.passes;
                    totals.2 += u64::from(report.lives);
                    drop(totals);
                    if arguments.trace {
                        println!("{report}");
                    }
                    if !report.problems.is_empty() {
                        println!("seed {seed} has failed: {}", report.problems[0]);
                        failed.lock().unwrap_or_else(PoisonError::into_inner).push((seed, report));
                    }
                }
            });
        }
    });
    let mut failed = failed.into_inner().unwrap_or_else(PoisonError::into_inner);
    failed.sort_by_key(|(seed, _)| *seed);
    let (writes, passes, lives) = totals.into_inner().unwrap_or_else(PoisonError::into_inner);
    println!(
        "{writes} writes, {passes} passes, {lives} lives of the agent in {:.1} s",
        begin.elapsed().as_secs_f64()
    );
    for (seed, report) in &failed {
        println!("seed {seed}: {} problems; replay with `--seed {seed} --trace`", report.problems.len());
        for problem in report.problems.iter().take(6) {
            println!("  {problem}");
        }
    }
    if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
