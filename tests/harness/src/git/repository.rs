//! Repositories that tests write to and servers read from.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

/// 2026-01-01T00:00:00Z. Commits are a minute apart, so that the same content has the same ids.
const FIRST_COMMIT: u64 = 1_767_225_600;

/// A bare repository with a working tree beside it. Changes go to the bare one directly, past
/// whatever fault its server shows to others.
#[derive(Debug)]
pub struct Repository {
    url: String,
    bare: PathBuf,
    tree: PathBuf,
    commits: u64,
}

impl Repository {
    /// Makes an empty repository with default branch `main`: `<folder>/<name>.git`, and its
    /// working tree in `<trees>/<name>`.
    pub(super) fn create(folder: &Path, trees: &Path, name: &str, url: String) -> Result<Self> {
        let bare = folder.join(format!("{name}.git"));
        let tree = trees.join(name);
        std::fs::create_dir_all(&bare).with_context(|| format!("failed to create `{}`", bare.display()))?;
        std::fs::create_dir_all(&tree).with_context(|| format!("failed to create `{}`", tree.display()))?;
        git(&bare, &["init", "--quiet", "--bare", "--initial-branch=main", "."])?;
        for setting in [
            ["http.receivepack", "true"],
            // Clients may ask for a commit by its id, as hosting services allow.
            ["uploadpack.allowAnySHA1InWant", "true"],
            ["uploadpack.allowFilter", "true"],
            // No background work that outlives a test.
            ["gc.auto", "0"],
            ["receive.autogc", "false"],
        ] {
            git(&bare, &["config", setting[0], setting[1]])?;
        }
        git(&tree, &["init", "--quiet", "--initial-branch=main", "."])?;
        git(&tree, &["config", "gc.auto", "0"])?;
        git(&tree, &["remote", "add", "origin", &bare.display().to_string()])?;
        Ok(Self { url, bare, tree, commits: 0 })
    }

    /// A repository without a server, for local paths; everything is below `folder`.
    pub fn local(folder: &Path, name: &str) -> Result<Self> {
        let url = folder.join(format!("{name}.git")).display().to_string();
        Self::create(folder, &folder.join("trees"), name, url)
    }

    /// The address on its server.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The bare repository's folder.
    pub fn bare(&self) -> &Path {
        &self.bare
    }

    /// The working tree's folder.
    pub fn tree(&self) -> &Path {
        &self.tree
    }

    /// Writes a file into the working tree; folders on the way are made.
    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) -> Result<()> {
        let file = self.tree.join(path);
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder)
                .with_context(|| format!("failed to create `{}`", folder.display()))?;
        }
        std::fs::write(&file, content).with_context(|| format!("failed to write `{}`", file.display()))
    }

    /// Removes a file or a folder from the working tree.
    pub fn remove(&self, path: &str) -> Result<()> {
        let target = self.tree.join(path);
        let outcome =
            if target.is_dir() { std::fs::remove_dir_all(&target) } else { std::fs::remove_file(&target) };
        outcome.with_context(|| format!("failed to remove `{}`", target.display()))
    }

    /// Copies a folder's content into the working tree's root.
    pub fn copy_from(&self, folder: &Path) -> Result<()> {
        copy(folder, &self.tree)
    }

    /// Commits the working tree as it is and pushes the branch. Returns the commit's id.
    pub fn commit(&mut self, message: &str) -> Result<String> {
        git(&self.tree, &["add", "--all"])?;
        let date = format!("{} +0000", FIRST_COMMIT + 60 * self.commits);
        self.commits += 1;
        let mut command = command(&self.tree, &["commit", "--quiet", "--allow-empty", "-m", message]);
        command.env("GIT_AUTHOR_DATE", &date).env("GIT_COMMITTER_DATE", &date);
        run(command)?;
        self.push(&["origin", "HEAD"])?;
        self.head()
    }

    /// The id of the commit that is checked out.
    pub fn head(&self) -> Result<String> {
        git(&self.tree, &["rev-parse", "HEAD"])
    }

    /// Makes or moves a tag to the commit that is checked out; annotated if there is a message.
    pub fn tag(&self, name: &str, message: Option<&str>) -> Result<()> {
        match message {
            Some(message) => git(&self.tree, &["tag", "--force", "--annotate", "-m", message, name])?,
            None => git(&self.tree, &["tag", "--force", name])?,
        };
        self.push(&["--force", "origin", &format!("refs/tags/{name}")])
    }

    /// Makes a branch at the commit that is checked out, or moves to it if it exists; later
    /// commits go there.
    pub fn switch(&self, branch: &str) -> Result<()> {
        let known = git(&self.tree, &["rev-parse", "--verify", "--quiet", &format!("refs/heads/{branch}")]);
        match known {
            Ok(_) => git(&self.tree, &["switch", "--quiet", branch])?,
            Err(_) => git(&self.tree, &["switch", "--quiet", "--create", branch])?,
        };
        self.push(&["origin", "HEAD"])
    }

    /// Takes back the last commit, as a forced push does.
    pub fn rewind(&self) -> Result<()> {
        git(&self.tree, &["reset", "--quiet", "--hard", "HEAD~1"])?;
        self.push(&["--force", "origin", "HEAD"])
    }

    fn push(&self, arguments: &[&str]) -> Result<()> {
        let mut all = vec!["push", "--quiet"];
        all.extend(arguments);
        git(&self.tree, &all).map(drop)
    }
}

/// Runs `git` in a folder, with nothing of the machine's or the user's configuration and a
/// fixed identity. Returns its output without the last line's end.
pub fn git(folder: &Path, arguments: &[&str]) -> Result<String> {
    run(command(folder, arguments))
}

fn run(mut command: Command) -> Result<String> {
    let shown = format!("{command:?}");
    let output = command.output().with_context(|| format!("failed to start {shown}"))?;
    if !output.status.success() {
        bail!("{shown} failed ({}): {}", output.status, String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
}

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("git");
    command.current_dir(folder).args(arguments);
    isolate(&mut command);
    let date = format!("{FIRST_COMMIT} +0000");
    command
        .env("GIT_AUTHOR_NAME", "Test")
        .env("GIT_AUTHOR_EMAIL", "test@example.com")
        .env("GIT_AUTHOR_DATE", &date)
        .env("GIT_COMMITTER_NAME", "Test")
        .env("GIT_COMMITTER_EMAIL", "test@example.com")
        .env("GIT_COMMITTER_DATE", &date);
    command
}

/// Takes away what configures `git` from outside, such as a hook's own repository.
pub(super) fn isolate(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("GIT_") {
            command.env_remove(name);
        }
    }
    command
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("LC_ALL", "C");
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to).with_context(|| format!("failed to create `{}`", to.display()))?;
    let listing = std::fs::read_dir(from).with_context(|| format!("failed to list `{}`", from.display()))?;
    for entry in listing {
        let entry = entry.with_context(|| format!("failed to list `{}`", from.display()))?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if source.is_dir() {
            copy(&source, &target)?;
        } else {
            std::fs::copy(&source, &target)
                .with_context(|| format!("failed to copy `{}`", source.display()))?;
        }
    }
    Ok(())
}
