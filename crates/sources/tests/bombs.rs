//! Repositories that are small on the wire and very large when they are read.

mod support;

use std::time::Duration;

use bridgehead_sources::{Limits, RepoAccess};
use bridgehead_test_harness::git::Repository;
use git2::{FileMode, Oid};

use support::{Bench, config_map, directory, limits, listed, report, request, source};

/// Ten levels of folders, each with ten names for the same folder below: 10^10 folders in eleven objects.
fn folders_in_folders(repository: &Repository) -> String {
    let git = git2::Repository::open_bare(repository.bare()).expect("a repository");
    let mut below = git.treebuilder(None).and_then(|builder| builder.write()).expect("a tree");
    for _ in 0..10 {
        let mut builder = git.treebuilder(None).expect("a builder");
        for name in 0..10 {
            builder.insert(name.to_string(), below, FileMode::Tree.into()).expect("a name");
        }
        below = builder.write().expect("a tree");
    }
    commit(&git, below)
}

fn commit(git: &git2::Repository, tree: Oid) -> String {
    let author = git2::Signature::new("Test", "test@example.com", &git2::Time::new(0, 0)).expect("an author");
    let tree = git.find_tree(tree).expect("a tree");
    git.commit(Some("refs/heads/main"), &author, &author, "bomb", &tree, &[]).expect("a commit").to_string()
}

#[tokio::test]
async fn folders_that_hold_the_same_folder_many_times_are_counted_every_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let repository = Repository::local(folder.path(), "bomb").expect("a repository");
    let commit = folders_in_folders(&repository);
    let access = RepoAccess::anonymous(repository.url());
    let recursive = || directory("", |directory| directory.recurse = true);
    let told = async |limits: Limits| {
        report(Bench::with(limits).repositories.render(&request(&access, &commit, recursive())).await)
    };
    let message = told(limits()).await;
    assert!(
        message.contains("the number of folders of the source is over the bound of 50000 folders"),
        "{message}"
    );
    let message = told(Limits { entries: 200, ..limits() }).await;
    assert!(
        message.contains("the number of names in folders of the source is over the bound of 200 names"),
        "{message}"
    );
    let endless = Limits { folders: usize::MAX, entries: usize::MAX, ..limits() };
    let message = told(Limits { render: Duration::from_millis(1), ..endless }).await;
    assert!(message.contains("reading the manifests took longer than the bound of 0.001 s"), "{message}");
}

#[tokio::test]
async fn a_render_that_nobody_waits_for_gives_its_place_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let bomb = Repository::local(folder.path(), "bomb").expect("a repository");
    let endless = folders_in_folders(&bomb);
    let mut healthy = Repository::local(folder.path(), "healthy").expect("a repository");
    healthy.write("a.yaml", config_map("a", "1")).expect("a file");
    let commit = healthy.commit("first").expect("a commit");
    let bounds =
        Limits { folders: usize::MAX, entries: usize::MAX, render: Duration::MAX, workers: 1, ..limits() };
    let bench = Bench::with(bounds);
    let recursive = directory("", |directory| directory.recurse = true);
    let endless = request(&RepoAccess::anonymous(bomb.url()), &endless, recursive);
    let waiting = tokio::time::timeout(Duration::from_millis(200), bench.repositories.render(&endless)).await;
    assert!(waiting.is_err(), "it does not end by itself");
    let healthy = request(&RepoAccess::anonymous(healthy.url()), &commit, source(""));
    let rendered = bench.repositories.render(&healthy).await.expect("manifests");
    assert_eq!(listed(&rendered), ["a a.yaml:1"]);
}

#[tokio::test]
async fn aliases_of_all_files_together_are_bounded() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut repository = Repository::local(folder.path(), "aliases").expect("a repository");
    let list = vec!["*a"; 900].join(", ");
    for name in 0..20 {
        let manifest = config_map(&name.to_string(), "1");
        let text = format!("{manifest}x: &a {}\ny: [{list}]\n", "x".repeat(10_000));
        repository.write(&format!("many/{name}.yaml"), &text).expect("a file");
        if name == 0 {
            repository.write("one/0.yaml", &text).expect("a file");
        }
    }
    let commit = repository.commit("aliases").expect("a commit");
    let bench = Bench::new();
    let access = RepoAccess::anonymous(repository.url());
    let one = bench.repositories.render(&request(&access, &commit, source("one"))).await.expect("manifests");
    assert!(one.bytes > 9_000_000, "the cache counts what was written out: {}", one.bytes);
    let message = report(bench.repositories.render(&request(&access, &commit, source("many"))).await);
    assert!(message.contains("the memory of the manifests up to `many/"), "{message}");
    assert!(message.contains("over the bound of 83886080 bytes"), "{message}");
}

#[tokio::test]
async fn a_links_target_is_not_read_if_it_is_larger_than_a_path_can_be() {
    let folder = tempfile::tempdir().expect("a folder");
    let repository = Repository::local(folder.path(), "links").expect("a repository");
    let git = git2::Repository::open_bare(repository.bare()).expect("a repository");
    let target = git.blob(&vec![b'/'; 8 << 20]).expect("a blob");
    let mut builder = git.treebuilder(None).expect("a builder");
    builder.insert("a.yaml", target, FileMode::Link.into()).expect("a name");
    let commit = commit(&git, builder.write().expect("a tree"));
    let access = RepoAccess::anonymous(repository.url());
    let message = report(Bench::new().repositories.render(&request(&access, &commit, source(""))).await);
    assert!(
        message
            .contains("symbolic link `a.yaml` leaves the repository (it points to `more than 4096 bytes`)"),
        "{message}"
    );
}
