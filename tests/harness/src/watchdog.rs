//! What must not outlive this process, and the small shell that sees to it.
//!
//! A destructor does not run when a process is killed, and statics are never dropped. So each
//! process that starts children also starts one `sh` which reads a pipe: each line adds or
//! removes a process group or a folder. The kernel closes the pipe when the owner is gone,
//! whatever the reason; the shell then kills the groups, removes the folders and ends.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result};

/// Ctrl-C reaches every process of the terminal's group: the watchdog sits in a group of its
/// own and ignores what the terminal sends. Removing a folder is tried again because a killed
/// writer may still be in its last system call.
const SCRIPT: &str = r#"
trap '' HUP INT TERM
groups=' '
while read -r verb rest; do
    case $verb in
        +group) groups="$groups$rest " ;;
        -group) case $groups in *" $rest "*) groups="${groups%% $rest *} ${groups#* $rest }" ;; esac ;;
        +folder) set -- "$@" "$rest" ;;
        -folder) for folder do shift; [ "$folder" = "$rest" ] || set -- "$@" "$folder"; done ;;
    esac
done
for group in $groups; do kill -s KILL -- "-$group" 2>/dev/null; done
for folder do
    attempts=0
    until rm -rf -- "$folder" 2>/dev/null || [ $attempts -ge 50 ]; do
        attempts=$((attempts + 1))
        sleep 0.1
    done
done
"#;

struct Watchdog {
    pipe: ChildStdin,
    _child: Child,
}

static WATCHDOG: Mutex<Option<Watchdog>> = Mutex::new(None);

/// Starts a child that leads a process group, which is killed when this process ends. Nobody
/// else gets in between, so [`end`] finds each child known.
pub(crate) fn start_watched(command: &mut Command) -> Result<Child> {
    let mut watchdog = lock();
    let pipe = pipe(&mut watchdog)?;
    let mut child = command.process_group(0).spawn()?;
    if let Err(error) = writeln!(pipe, "+group {}", child.id()) {
        let _ = child.kill();
        let _ = child.wait();
        return Err(error).context("failed to tell the watchdog what to watch");
    }
    Ok(child)
}

/// Ends this process without running destructors; what it has started ends with it. For handlers
/// of signals: a child or a folder that is being made at this moment is waited for, and goes too.
pub fn end(code: i32) -> ! {
    let _watchdog = lock();
    std::process::exit(code)
}

/// The process group has ended: its number may be given to somebody else.
pub(crate) fn forget_group(group: u32) {
    // Without a watchdog there is nothing that could act on the old number.
    let _ = tell(&format!("-group {group}"));
}

/// Makes a folder that is removed when this process ends. As for a child, [`end`] doesn't come
/// in between.
pub(crate) fn make_watched_folder(make: impl FnOnce() -> Result<PathBuf>) -> Result<PathBuf> {
    let mut watchdog = lock();
    let pipe = pipe(&mut watchdog)?;
    let folder = make()?;
    if let Err(error) = writeln!(pipe, "+folder {}", folder.display()) {
        // Ctrl-C may have met the watchdog before it was in a group of its own: nobody else removes it then.
        let _ = std::fs::remove_dir_all(&folder);
        return Err(error).context("failed to tell the watchdog what to watch");
    }
    Ok(folder)
}

/// The folder is kept, or is gone already.
pub(crate) fn forget_folder(folder: &Path) {
    let _ = tell(&format!("-folder {}", folder.display()));
}

fn tell(line: &str) -> Result<()> {
    let mut watchdog = lock();
    writeln!(pipe(&mut watchdog)?, "{line}").context("failed to tell the watchdog what to watch")
}

fn lock() -> MutexGuard<'static, Option<Watchdog>> {
    // The guarded value is replaced as a whole, so a panic elsewhere leaves it usable.
    WATCHDOG.lock().unwrap_or_else(PoisonError::into_inner)
}

fn pipe(watchdog: &mut Option<Watchdog>) -> Result<&mut ChildStdin> {
    let running = match watchdog.take() {
        Some(running) => running,
        None => start()?,
    };
    Ok(&mut watchdog.insert(running).pipe)
}

fn start() -> Result<Watchdog> {
    let mut child = Command::new("sh")
        .args(["-c", SCRIPT, "bridgehead-watchdog"])
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .context("failed to start `sh` as the watchdog of child processes")?;
    let pipe = child.stdin.take().context("the watchdog has no standard input")?;
    Ok(Watchdog { pipe, _child: child })
}
