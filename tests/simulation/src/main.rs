//! `bridgehead-simulation [--seed N] [--runs N] [--threads N] [--trace] [--keep-going]`

use std::process::ExitCode;
use std::time::Instant;

use bridgehead_simulation::many::{Pace, Summary, run_all};
use bridgehead_simulation::run::Report;
use bridgehead_simulation::scenario::generate;

struct Arguments {
    seed: u64,
    runs: u64,
    pace: Pace,
    trace: bool,
}

fn arguments() -> Result<Arguments, String> {
    let mut arguments = Arguments { seed: 1, runs: 1, pace: Pace::default(), trace: false };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut number = || {
            let value = words.next().unwrap_or_default();
            value.parse::<u64>().map_err(|_| format!("{word} takes a number, not `{value}`"))
        };
        match word.as_str() {
            "--seed" => arguments.seed = number()?,
            "--runs" => arguments.runs = number()?,
            "--threads" => arguments.pace.threads = usize::try_from(number()?).unwrap_or(1),
            "--trace" => arguments.trace = true,
            "--keep-going" => arguments.pace.enough = usize::MAX,
            other => return Err(format!("unknown argument `{other}`")),
        }
    }
    Ok(arguments)
}

#[allow(clippy::print_stdout, reason = "this program's output is its purpose")]
fn main() -> ExitCode {
    let Arguments { seed, runs, pace, trace } = match arguments() {
        Ok(arguments) => arguments,
        Err(message) => {
            eprintln!(
                "{message}\nusage: bridgehead-simulation [--seed N] [--runs N] [--threads N] [--trace] [--keep-going]"
            );
            return ExitCode::from(2);
        }
    };
    println!("seeds {seed} to {}", seed + runs.saturating_sub(1));
    let begin = Instant::now();
    let look = |seed: u64, report: &Report| {
        if trace {
            println!("{report}");
        }
        if let Some(problem) = report.problems.first() {
            println!("seed {seed} has failed: {problem}");
        }
    };
    let Summary { runs, writes, passes, lives, failed } = run_all(seed..seed + runs, pace, generate, look);
    println!(
        "{runs} runs, {writes} writes, {passes} passes, {lives} lives of the agent in {:.1} s",
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
