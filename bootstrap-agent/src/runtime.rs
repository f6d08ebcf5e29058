//! The threads of the process.

use std::time::Duration;

use tokio::runtime::{Builder, Runtime};

/// How long threads may tidy up once the work is done, such as the half of a pack on disk. Whatever they leave
/// is tidied up by the next start.
const TIDYING: Duration = Duration::from_secs(2);

/// The runtime that everything asynchronous runs on.
pub(crate) fn start() -> std::io::Result<Runtime> {
    Builder::new_multi_thread().worker_threads(2).enable_all().build()
}

/// Runs `work` to its end. Threads that cannot be interrupted do not hold up the process after that.
pub(crate) fn run<T>(runtime: Runtime, work: impl Future<Output = T>) -> T {
    let outcome = runtime.block_on(work);
    runtime.shutdown_timeout(TIDYING);
    outcome
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    #[test]
    fn a_thread_that_never_ends_does_not_hold_up_the_process() {
        let (sender, receiver) = mpsc::channel::<()>();
        let (begun, has_begun) = mpsc::channel::<()>();
        let runtime = super::start().expect("a runtime");
        let outcome = super::run(runtime, async move {
            drop(tokio::task::spawn_blocking(move || {
                let _ = begun.send(());
                receiver.recv()
            }));
            has_begun.recv().expect("it begins");
            7
        });
        assert_eq!(outcome, 7);
        drop(sender);
    }
}
