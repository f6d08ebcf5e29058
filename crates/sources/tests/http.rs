//! Repositories behind a real Git server over HTTP.

mod support;

use bridgehead_api::CommitSha;
use bridgehead_sources::{Limits, RepoAccess};
use bridgehead_test_harness::git::{GitServerOptions, Step, git};

use support::{
    Bench, bare_repositories, config_map, limits, listed, noise, open_server, packs, report, request, serve,
    source, without_version_2,
};

#[tokio::test]
async fn refs_are_listed_with_head_and_peeled_tags() {
    let server = open_server();
    let mut repository = server.create("app").expect("a repository");
    repository.write("a.yaml", config_map("a", "1")).expect("a file");
    let first = repository.commit("first").expect("a commit");
    repository.tag("v1.0.0", Some("annotated")).expect("a tag");
    repository.tag("light", None).expect("a tag");
    repository.write("a.yaml", config_map("a", "2")).expect("a file");
    let second = repository.commit("second").expect("a commit");

    for url in [repository.url().to_owned(), without_version_2(repository.url())] {
        let bench = Bench::new();
        let access = RepoAccess::anonymous(url);
        let refs = bench.repositories.advertise(&access).await.expect("refs");
        assert_eq!(refs.head.as_ref().map(CommitSha::as_str), Some(second.as_str()));
        assert_eq!(refs.refs["refs/heads/main"].as_str(), second);
        assert_eq!(refs.refs["refs/tags/v1.0.0"].as_str(), first);
        assert_eq!(refs.refs["refs/tags/light"].as_str(), first);

        // Once the server is known, a poll is one request.
        let before = server.exchanges().len();
        bench.repositories.advertise(&access).await.expect("refs");
        assert_eq!(server.exchanges().len(), before + 1);

        let metadata = bench
            .repositories
            .commit_metadata(&access, &CommitSha::from(first.as_str()), Some(&refs))
            .await
            .expect("a commit");
        assert_eq!(metadata.author, "Test <test@example.com>");
        assert_eq!(metadata.message, "first");
        assert_eq!(metadata.tags, ["light", "v1.0.0"]);
    }
}

#[tokio::test]
async fn refs_of_other_kinds_are_listed_where_asked() {
    let server = open_server();
    let mut repository = server.create("app").expect("a repository");
    let commit = repository.commit("first").expect("a commit");
    git(repository.bare(), &["update-ref", "refs/pull/1/head", &commit]).expect("a ref");
    git(repository.bare(), &["update-ref", "refs/pull/2/head", &commit]).expect("a ref");
    for url in [repository.url().to_owned(), without_version_2(repository.url())] {
        let bench = Bench::new();
        let mut access = RepoAccess::anonymous(url);
        let refs = bench.repositories.advertise(&access).await.expect("refs");
        assert_eq!(refs.refs.keys().collect::<Vec<_>>(), ["refs/heads/main"]);
        access.additional_refs = vec!["refs/pull/1/head".into()];
        let refs = bench.repositories.advertise(&access).await.expect("refs");
        assert_eq!(refs.refs.keys().collect::<Vec<_>>(), ["refs/heads/main", "refs/pull/1/head"]);
    }
}

#[tokio::test]
async fn an_empty_repository_has_no_refs() {
    let server = open_server();
    let repository = server.create("empty").expect("a repository");
    for url in [repository.url().to_owned(), without_version_2(repository.url())] {
        let refs = Bench::new().repositories.advertise(&RepoAccess::anonymous(url)).await.expect("refs");
        assert_eq!(refs.head, None);
        assert!(refs.refs.is_empty());
    }
}

#[tokio::test]
async fn a_path_is_rendered_with_file_and_line() {
    let server = open_server();
    let mut repository = server.create("app").expect("a repository");
    let two = format!("# head\n{}---\n{}", config_map("a", "1"), config_map("b", "2"));
    repository.write("app/two.yaml", two).expect("a file");
    repository.write("app/values.yaml", "not: a manifest\n").expect("a file");
    repository.write("app/README.md", "text").expect("a file");
    let commit = repository.commit("first").expect("a commit");

    for url in [repository.url().to_owned(), without_version_2(repository.url())] {
        let bench = Bench::new();
        let access = RepoAccess::anonymous(url);
        let fetches = server.count(Step::Fetch);
        let request = request(&access, &commit, source("app"));
        let rendered = bench.repositories.render(&request).await.expect("manifests");
        assert_eq!(listed(&rendered), ["a app/two.yaml:2", "b app/two.yaml:9"]);

        // The same again costs no request.
        let before = server.exchanges().len();
        bench.repositories.render(&request).await.expect("manifests");
        assert_eq!(server.exchanges().len(), before);
        assert_eq!(server.count(Step::Fetch), fetches + 1);
    }
}

#[tokio::test]
async fn a_new_commit_costs_a_small_pack() {
    let server = open_server();
    let mut repository = server.create("app").expect("a repository");
    for index in 0..100 {
        repository
            .write(&format!("app/{index}.yaml"), config_map(&format!("c{index}"), &noise(index, 4000)))
            .expect("a file");
    }
    let first = repository.commit("first").expect("a commit");
    repository.write("app/7.yaml", config_map("c7", "short")).expect("a file");
    let second = repository.commit("second").expect("a commit");

    for url in [repository.url().to_owned(), without_version_2(repository.url())] {
        let bench = Bench::new();
        let access = RepoAccess::anonymous(url);
        bench.repositories.render(&request(&access, &first, source("app"))).await.expect("manifests");
        let rendered =
            bench.repositories.render(&request(&access, &second, source("app"))).await.expect("manifests");
        assert_eq!(rendered.manifests.len(), 100);
        let bare = bare_repositories(bench.folder.path());
        let sizes = packs(&bare[0]);
        assert_eq!(sizes.len(), 2);
        assert!(sizes[0] * 20 < sizes[1], "{sizes:?}");
        // The whole repository is sound in git's own eyes, but for the history that was left out.
        std::fs::write(bare[0].join("shallow"), format!("{first}\n{second}\n")).expect("a file");
        git(&bare[0], &["fsck", "--full", &first, &second]).expect("a sound repository");
    }
}

#[tokio::test]
async fn history_is_left_out() {
    let server = open_server();
    let mut repository = server.create("app").expect("a repository");
    repository.write("a.yaml", config_map("a", "1")).expect("a file");
    let first = repository.commit("first").expect("a commit");
    repository.write("a.yaml", config_map("a", "2")).expect("a file");
    let second = repository.commit("second").expect("a commit");
    repository.write("a.yaml", config_map("a", "3")).expect("a file");
    repository.commit("third").expect("a commit");

    let bench = Bench::new();
    let access = RepoAccess::anonymous(repository.url());
    // In the middle of the history, and no ref's tip.
    bench.repositories.fetch(&access, &CommitSha::from(second.as_str()), None).await.expect("a commit");
    let bare = bare_repositories(bench.folder.path());
    git(&bare[0], &["cat-file", "-e", &second]).expect("it is there");
    git(&bare[0], &["cat-file", "-e", &first]).expect_err("its parent is not");
}

#[tokio::test]
async fn a_server_that_gives_out_tips_only_is_asked_for_the_ref() {
    let server = open_server();
    let mut repository = server.create("app").expect("a repository");
    git(repository.bare(), &["config", "uploadpack.allowAnySHA1InWant", "false"]).expect("a setting");
    repository.write("a.yaml", config_map("a", "1")).expect("a file");
    let first = repository.commit("first").expect("a commit");
    repository.write("a.yaml", config_map("a", "2")).expect("a file");
    let second = repository.commit("second").expect("a commit");

    let access = RepoAccess::anonymous(without_version_2(repository.url()));
    for via_ref in [Some("refs/heads/main"), None] {
        let bench = Bench::new();
        for commit in [&second, &first] {
            bench
                .repositories
                .fetch(&access, &CommitSha::from(commit.as_str()), via_ref)
                .await
                .expect("a commit");
        }
        let unknown = CommitSha::from("1234567890123456789012345678901234567890");
        let message = report(bench.repositories.fetch(&access, &unknown, via_ref).await);
        assert!(message.contains("does not have commit 1234"), "{message}");
    }
}

#[tokio::test]
async fn rewritten_history_is_followed_and_a_lost_commit_told() {
    let server = open_server();
    let mut repository = server.create("app").expect("a repository");
    repository.write("a.yaml", config_map("a", "1")).expect("a file");
    repository.commit("first").expect("a commit");
    repository.write("a.yaml", config_map("lost", "2")).expect("a file");
    let lost = repository.commit("second").expect("a commit");

    let (bench, late) = (Bench::new(), Bench::new());
    let access = RepoAccess::anonymous(repository.url());
    bench.repositories.render(&request(&access, &lost, source("."))).await.expect("manifests");

    repository.rewind().expect("a forced push");
    repository.write("a.yaml", config_map("found", "3")).expect("a file");
    let found = repository.commit("third").expect("a commit");
    git(repository.bare(), &["reflog", "expire", "--expire=now", "--all"]).expect("no reflog");
    git(repository.bare(), &["gc", "--quiet", "--prune=now"]).expect("a clean up");

    let refs = bench.repositories.advertise(&access).await.expect("refs");
    assert_eq!(refs.refs["refs/heads/main"].as_str(), found);
    let rendered =
        bench.repositories.render(&request(&access, &found, source("."))).await.expect("manifests");
    assert_eq!(listed(&rendered), ["found a.yaml:1"]);
    // What we hold we can still render; who comes later cannot.
    bench.repositories.render(&request(&access, &lost, source("."))).await.expect("manifests");
    let message = report(late.repositories.render(&request(&access, &lost, source("."))).await);
    assert!(message.contains(&format!("the server does not have commit {lost} any more")), "{message}");
}

#[tokio::test]
async fn credentials_are_named_and_never_shown() {
    let server = serve(GitServerOptions {
        credentials: Some(("alice".into(), "s3cret".into())),
        ..GitServerOptions::default()
    });
    let mut repository = server.create("app").expect("a repository");
    repository.write("a.yaml", config_map("a", "1")).expect("a file");
    let commit = repository.commit("first").expect("a commit");
    let bench = Bench::new();

    let mut access = RepoAccess::anonymous(repository.url());
    let message = report(bench.repositories.advertise(&access).await);
    assert!(message.contains("asks for credentials and none are configured"), "{message}");

    access.credentials.username = "alice".into();
    access.credentials.password = Some("wr0ng".into());
    let message = report(bench.repositories.advertise(&access).await);
    assert!(message.contains("refused user name `alice` with its password"), "{message}");
    assert!(!message.contains("wr0ng"), "{message}");
    let message = report(bench.repositories.render(&request(&access, &commit, source("."))).await);
    assert!(message.contains("refused user name `alice`"), "{message}");

    access.credentials.password = Some("s3cret".into());
    bench.repositories.advertise(&access).await.expect("refs");
    bench.repositories.render(&request(&access, &commit, source("."))).await.expect("manifests");

    // In the URL, as some write it; messages leave it out.
    let with = repository.url().replace("http://", "http://alice:s3cret@");
    bench.repositories.advertise(&RepoAccess::anonymous(with.as_str())).await.expect("refs");
    let wrong = repository.url().replace("http://", "http://alice:wr0ng@");
    let message = report(bench.repositories.advertise(&RepoAccess::anonymous(wrong)).await);
    assert!(message.contains("with the password in the URL") && !message.contains("wr0ng"), "{message}");
}

#[tokio::test]
async fn certificates_are_checked_against_what_is_configured() {
    let server = serve(GitServerOptions { tls: true, ..GitServerOptions::default() });
    let other = serve(GitServerOptions { tls: true, ..GitServerOptions::default() });
    let mut repository = server.create("app").expect("a repository");
    repository.write("a.yaml", config_map("a", "1")).expect("a file");
    let commit = repository.commit("first").expect("a commit");
    let bench = Bench::new();

    let mut access = RepoAccess::anonymous(repository.url());
    let message = report(bench.repositories.advertise(&access).await);
    assert!(message.contains("checked against the system's certificate authorities"), "{message}");
    assert!(message.contains("argocd-tls-certs-cm"), "{message}");

    access.certificates = other.authority().map(Into::into);
    let message = report(bench.repositories.advertise(&access).await);
    assert!(message.contains("the certificates for `localhost` in argocd-tls-certs-cm"), "{message}");

    access.certificates = server.authority().map(Into::into);
    bench.repositories.render(&request(&access, &commit, source("."))).await.expect("manifests");

    access.certificates = None;
    access.insecure = true;
    bench.repositories.advertise(&access).await.expect("refs");
}

#[tokio::test]
async fn a_missing_repository_and_a_missing_path_are_told() {
    let server = open_server();
    let mut repository = server.create("app").expect("a repository");
    repository.write("apps/one/a.yaml", config_map("a", "1")).expect("a file");
    let commit = repository.commit("first").expect("a commit");
    let bench = Bench::new();

    let gone = RepoAccess::anonymous(server.url("nowhere"));
    let message = report(bench.repositories.advertise(&gone).await);
    assert!(message.contains("no such repository"), "{message}");

    let access = RepoAccess::anonymous(repository.url());
    let message = report(bench.repositories.render(&request(&access, &commit, source("apps/two/x"))).await);
    assert!(
        message.contains("path `apps/two/x` does not exist; the nearest directory that does is `apps`"),
        "{message}"
    );
    let message =
        report(bench.repositories.render(&request(&access, &commit, source("apps/one/a.yaml"))).await);
    assert!(message.contains("is not a directory"), "{message}");
}

#[tokio::test]
async fn many_packs_become_one() {
    let server = open_server();
    let mut repository = server.create("app").expect("a repository");
    let bench = Bench::with(Limits { packs: 3, ..limits() });
    let access = RepoAccess::anonymous(repository.url());
    let mut commits = Vec::new();
    for index in 0..8 {
        repository.write("a.yaml", config_map("a", &index.to_string())).expect("a file");
        repository.write(&format!("{index}.yaml"), config_map("b", "1")).expect("a file");
        let commit = repository.commit("next").expect("a commit");
        bench.repositories.render(&request(&access, &commit, source("."))).await.expect("manifests");
        commits.push(commit);
        assert!(packs(&bare_repositories(bench.folder.path())[0]).len() <= 4);
    }
    // All are here still, and no request is needed for them.
    let before = server.exchanges().len();
    for commit in &commits {
        bench.repositories.fetch(&access, &CommitSha::from(commit.as_str()), None).await.expect("a commit");
    }
    assert_eq!(server.exchanges().len(), before);
}
