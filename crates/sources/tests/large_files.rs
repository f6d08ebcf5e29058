//! Repositories with files that are too large to be manifests: servers are asked to leave them out.

mod support;

use bridgehead_sources::{Limits, RepoAccess};
use bridgehead_test_harness::git::{GitServer, Repository, Step, git};

use support::{
    Bench, bare_repositories, config_map, directory, limits, listed, noise, open_server, packs, report,
    request, source, without_version_2,
};

fn small_files() -> Limits {
    Limits { file_bytes: 100_000, ..limits() }
}

/// A manifest of about so many bytes that do not compress well.
fn manifest(name: &str, bytes: usize) -> String {
    config_map(name, &noise(7, bytes))
}

fn repository(server: &GitServer, name: &str) -> Repository {
    let repository = server.create(name).expect("a repository");
    repository.write("app/a.yaml", config_map("a", "1")).expect("a file");
    repository.write("film.bin", noise(1, 900_000)).expect("a file");
    repository.write("large/b.yaml", manifest("b", 150_000)).expect("a file");
    repository
}

#[tokio::test]
async fn large_files_are_not_fetched_where_the_server_can_leave_them_out() {
    let server = open_server();
    let mut repository = repository(&server, "app");
    let commit = repository.commit("first").expect("a commit");
    for url in [repository.url().to_owned(), without_version_2(repository.url())] {
        let bench = Bench::with(small_files());
        let access = RepoAccess::anonymous(url);
        let rendered =
            bench.repositories.render(&request(&access, &commit, source("app"))).await.expect("manifests");
        assert_eq!(listed(&rendered), ["a app/a.yaml:1"]);
        let sizes = packs(&bare_repositories(bench.folder.path())[0]);
        assert!(sizes.iter().sum::<u64>() < 10_000, "{sizes:?}");

        // Who wants one is told, at once, and everybody else keeps what is here.
        let before = server.count(Step::Fetch);
        let message = report(bench.repositories.render(&request(&access, &commit, source("large"))).await);
        let words =
            "file `large/b.yaml`, which the server left out for its size, is over the bound of 100000 bytes";
        assert!(message.contains(words), "{message}");
        assert_eq!(server.count(Step::Fetch), before);
        let all = directory("", |directory| {
            directory.recurse = true;
            directory.exclude = "large/*".into();
        });
        let rendered = bench.repositories.render(&request(&access, &commit, all)).await.expect("manifests");
        assert_eq!(listed(&rendered), ["a app/a.yaml:1"]);
    }
}

#[tokio::test]
async fn a_server_that_leaves_out_nothing_is_read_as_before() {
    let server = open_server();
    let mut repository = repository(&server, "app");
    git(repository.bare(), &["config", "uploadpack.allowFilter", "false"]).expect("a setting");
    let commit = repository.commit("first").expect("a commit");
    let bench = Bench::with(small_files());
    let access = RepoAccess::anonymous(repository.url());
    let message = report(bench.repositories.render(&request(&access, &commit, source("large"))).await);
    assert!(message.contains("file `large/b.yaml` (1500"), "{message}");
    let rendered =
        bench.repositories.render(&request(&access, &commit, source("app"))).await.expect("manifests");
    assert_eq!(listed(&rendered), ["a app/a.yaml:1"]);
}

#[tokio::test]
async fn a_file_that_becomes_small_enough_is_fetched_though_its_large_form_is_not_here() {
    let server = open_server();
    let mut repository = repository(&server, "app");
    let bench = Bench::with(small_files());
    let access = RepoAccess::anonymous(repository.url());
    // The server may send it as what differs from the large one.
    for (size, fits) in [(150_000, false), (90_000, true), (150_000, false), (80_000, true), (80_100, true)] {
        repository.write("large/b.yaml", manifest("b", size)).expect("a file");
        let commit = repository.commit("next").expect("a commit");
        let outcome = bench.repositories.render(&request(&access, &commit, source("large"))).await;
        match outcome {
            Ok(rendered) => assert!(fits && listed(&rendered) == ["b large/b.yaml:1"], "{size}"),
            Err(error) => assert!(!fits && error.report().contains("left out"), "{size}: {}", error.report()),
        }
        let app = request(&access, &commit, source("app"));
        assert_eq!(listed(&bench.repositories.render(&app).await.expect("manifests")), ["a app/a.yaml:1"]);
    }
}

#[tokio::test]
async fn many_packs_become_one_without_the_files_that_were_left_out() {
    let server = open_server();
    let mut repository = repository(&server, "app");
    let bench = Bench::with(Limits { packs: 3, ..small_files() });
    let access = RepoAccess::anonymous(repository.url());
    for round in 0..6 {
        repository.write("app/a.yaml", config_map("a", &round.to_string())).expect("a file");
        let commit = repository.commit("next").expect("a commit");
        let rendered =
            bench.repositories.render(&request(&access, &commit, source("app"))).await.expect("manifests");
        assert_eq!(rendered.manifests[0].0.value()["data"]["key"], round);
    }
    let sizes = packs(&bare_repositories(bench.folder.path())[0]);
    assert!(sizes.len() <= 3, "{sizes:?}");
    let commit = repository.head().expect("a commit");
    let message = report(bench.repositories.render(&request(&access, &commit, source("large"))).await);
    assert!(message.contains("left out for its size"), "{message}");
}

#[tokio::test]
async fn a_pack_that_went_is_fetched_again_and_not_taken_for_left_out() {
    let server = open_server();
    let mut repository = repository(&server, "app");
    let access = RepoAccess::anonymous(repository.url());
    let bench = Bench::with(small_files());
    let first = repository.commit("first").expect("a commit");
    bench.repositories.render(&request(&access, &first, source("app"))).await.expect("manifests");
    let bare = bare_repositories(bench.folder.path()).remove(0);
    let of_first: Vec<_> = std::fs::read_dir(bare.join("objects/pack")).expect("packs").flatten().collect();
    repository.write("other/c.yaml", config_map("c", "1")).expect("a file");
    let second = repository.commit("second").expect("a commit");
    bench.repositories.render(&request(&access, &second, source("other"))).await.expect("manifests");
    for file in of_first {
        std::fs::remove_file(file.path()).expect("a pack");
    }
    let rendered =
        bench.repositories.render(&request(&access, &second, source("app/."))).await.expect("manifests");
    assert_eq!(listed(&rendered), ["a app/a.yaml:1"]);
}

#[tokio::test]
async fn a_bound_that_was_raised_brings_the_files_that_were_left_out() {
    let server = open_server();
    let mut repository = repository(&server, "app");
    let commit = repository.commit("first").expect("a commit");
    let folder = tempfile::tempdir().expect("a folder");
    let access = RepoAccess::anonymous(repository.url());
    let open = |limits| {
        let settings = bridgehead_sources::Settings::new(folder.path());
        let settings = bridgehead_sources::Settings { limits, ..settings };
        bridgehead_sources::Repositories::new(settings).expect("a cache")
    };
    let repositories = open(small_files());
    report(repositories.render(&request(&access, &commit, source("large"))).await);
    drop(repositories);
    let repositories = open(limits());
    let rendered = repositories.render(&request(&access, &commit, source("large"))).await.expect("manifests");
    assert_eq!(listed(&rendered), ["b large/b.yaml:1"]);
}
