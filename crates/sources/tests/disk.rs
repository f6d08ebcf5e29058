//! A disk that is full, and is not any more.

mod support;

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use bridgehead_sources::{ErrorKind, RepoAccess, Repositories, RepositoryProblem, Settings};

use support::{config_map, limits, listed, noise, open_server, request, source};

/// A file system in memory of its own, taken away at the end, also of a panic.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn new(size: &str) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        let disk = Self(folder);
        disk.mount(&format!("size={size}")).then_some(disk)
    }

    fn mount(&self, options: &str) -> bool {
        Command::new("mount")
            .args(["-t", "tmpfs", "-o", options, "tmpfs"])
            .arg(self.path())
            .status()
            .is_ok_and(|status| status.success())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount")
            .arg("--lazy")
            .arg(self.path())
            .stderr(std::process::Stdio::null())
            .status();
    }
}

#[tokio::test]
async fn a_full_disk_is_told_and_heals_once_there_is_room() {
    let Some(disk) = SmallDisk::new("1m") else {
        eprintln!("no right to mount a file system: nothing shown here");
        return;
    };
    let server = open_server();
    let settings = Settings { limits: limits(), ..Settings::new(disk.path()) };
    let repositories = Repositories::new(settings).expect("a cache");

    // A small repository fits.
    let mut small = server.create("small").expect("a repository");
    small.write("a.yaml", config_map("small", "1")).expect("a file");
    let small_commit = small.commit("first").expect("a commit");
    let small_request = request(&RepoAccess::anonymous(small.url()), &small_commit, source("."));
    repositories.render(&small_request).await.expect("manifests");

    // A large one does not, and takes nothing down.
    let mut large = server.create("large").expect("a repository");
    large.write("a.yaml", config_map("large", &noise(1, 3 << 20))).expect("a file");
    let large_commit = large.commit("first").expect("a commit");
    let large_request = request(&RepoAccess::anonymous(large.url()), &large_commit, source("."));
    let error = repositories.render(&large_request).await.expect_err("it does not fit");
    assert!(
        matches!(error.repository_problem(), Some(RepositoryProblem::DiskFull { .. })),
        "{}",
        error.report()
    );
    assert_eq!(error.kind(), ErrorKind::Internal);
    assert!(error.hint().is_some_and(|hint| hint.contains("the next poll tries again")));
    small.write("b.yaml", config_map("more", "1")).expect("a file");
    let small_commit = small.commit("second").expect("a commit");
    let small_request = request(&RepoAccess::anonymous(small.url()), &small_commit, source("."));
    assert_eq!(repositories.render(&small_request).await.expect("manifests").manifests.len(), 2);

    // With room it heals without help.
    assert!(disk.mount("remount,size=16m"));
    let rendered =
        repositories.render(&large_request).await.unwrap_or_else(|error| panic!("{}", error.report()));
    assert_eq!(listed(&rendered), ["large a.yaml:1"]);
}

/// A repository of 20,000 files in 500 folders, each folder an application.
#[tokio::test]
async fn a_large_repository_fits_into_little_memory() {
    let server = open_server();
    let mut repository = server.create("large").expect("a repository");
    repository.commit("first").expect("a commit");
    let mut stream =
        String::from("commit refs/heads/large\ncommitter T <t@example.com> 1767225600 +0000\ndata 1\nx\n");
    for application in 0..500_u64 {
        for file in 0..40_u64 {
            let content = config_map(&format!("c{file}"), &noise(application * 40 + file, 5000));
            let length = content.len();
            let _ = writeln!(stream, "M 644 inline apps/{application}/{file}.yaml\ndata {length}\n{content}");
        }
    }
    let mut import = Command::new("git")
        .args(["fast-import", "--quiet"])
        .current_dir(repository.bare())
        .stdin(std::process::Stdio::piped())
        .spawn()
        .expect("git");
    std::io::Write::write_all(import.stdin.as_mut().expect("its input"), stream.as_bytes())
        .expect("a stream");
    drop(import.stdin.take());
    assert!(import.wait().expect("an end").success());
    drop(stream);

    let folder = tempfile::tempdir().expect("a folder");
    let repositories =
        Repositories::new(Settings { limits: limits(), ..Settings::new(folder.path()) }).expect("a cache");
    let access = RepoAccess::anonymous(repository.url());
    let refs = repositories.advertise(&access).await.expect("refs");
    let commit = refs.refs["refs/heads/large"].clone();
    let started = std::time::Instant::now();
    repositories.fetch(&access, &commit, None).await.expect("a commit");
    eprintln!("fetched in {:?}", started.elapsed());
    let before = resident();
    let started = std::time::Instant::now();
    for application in 0..500 {
        let request = request(&access, commit.as_str(), source(&format!("apps/{application}")));
        let rendered = repositories.render(&request).await.expect("manifests");
        assert_eq!(rendered.manifests.len(), 40);
        if application == 0 {
            eprintln!("first render in {:?}", started.elapsed());
        }
    }
    let grown = resident().saturating_sub(before) >> 20;
    eprintln!("500 renders in {:?}, memory grew from {} MiB by {grown} MiB", started.elapsed(), before >> 20);
    // 64 MiB of renders are kept; the pack is mapped, which counts as ours while we read it (60 MiB).
    assert!(grown < 250, "{grown} MiB");
}

/// Bytes of memory of this process.
fn resident() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").expect("it is Linux");
    let pages: u64 = text.split(' ').nth(1).and_then(|word| word.parse().ok()).expect("a number");
    pages * 4096
}
