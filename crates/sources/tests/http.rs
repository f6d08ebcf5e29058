//! Repositories behind a real Git server over HTTP.

mod support;

use bridgehead_sources::RepoAccess;
use bridgehead_test_harness::git::Step;

use support::{Bench, config_map, listed, open_server, request, source};

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

    let bench = Bench::new();
    let access = RepoAccess::anonymous(repository.url());
    let refs = bench.repositories.advertise(&access).await.expect("refs");
    assert_eq!(refs.head.as_ref().map(|commit| commit.as_str()), Some(second.as_str()));
    assert_eq!(refs.refs["refs/heads/main"].as_str(), second);
    assert_eq!(refs.refs["refs/tags/v1.0.0"].as_str(), first);
    assert_eq!(refs.refs["refs/tags/light"].as_str(), first);

    // Once the server is known, a poll is one request.
    let before = server.exchanges().len();
    bench.repositories.advertise(&access).await.expect("refs");
    assert_eq!(server.exchanges().len(), before + 1);
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

    let bench = Bench::new();
    let access = RepoAccess::anonymous(repository.url());
    let rendered =
        bench.repositories.render(&request(&access, &commit, source("app"))).await.expect("manifests");
    assert_eq!(listed(&rendered), ["a app/two.yaml:2", "b app/two.yaml:9"]);

    // The same again costs no request.
    let before = server.exchanges().len();
    bench.repositories.render(&request(&access, &commit, source("app"))).await.expect("manifests");
    assert_eq!(server.exchanges().len(), before);
    assert_eq!(server.count(Step::Fetch), 1);
}
