//! Standard output belongs to the handshake: one line, and nothing else ever.

use std::io::{self, Write as _};

/// The process's own standard output, taken away from everything else.
#[derive(Debug)]
pub(super) struct Stdout {
    #[cfg(unix)]
    file: std::fs::File,
}

impl Stdout {
    /// Takes standard output over. What the rest of the process or a child prints from now on
    /// goes to standard error, where the host logs it.
    #[cfg(unix)]
    pub(super) fn claim() -> io::Result<Self> {
        let file = nix::unistd::dup(io::stdout())?.into();
        nix::unistd::dup2_stdout(io::stderr())?;
        Ok(Self { file })
    }

    /// Standard output, shared with the rest of the process.
    #[cfg(not(unix))]
    pub(super) fn claim() -> io::Result<Self> {
        Ok(Self {})
    }

    /// Prints `line` and flushes.
    pub(super) fn print_line(&mut self, line: &str) -> io::Result<()> {
        #[cfg(unix)]
        let output = &mut self.file;
        #[cfg(not(unix))]
        let mut output = io::stdout().lock();
        output.write_all(format!("{line}\n").as_bytes())?;
        output.flush()
    }
}
