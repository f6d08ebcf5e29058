//! What a process leaves for the next one. Alone in its binary: a process that another test starts would hold the
//! cache's lock for the moment before it becomes another program.

mod support;

use bridgehead_sources::RepoAccess;

use support::{Bench, config_map, open_server, request, source};

#[tokio::test]
async fn a_restart_finds_what_was_fetched() {
    let server = open_server();
    let mut repository = server.create("app").expect("a repository");
    repository.write("a.yaml", config_map("a", "1")).expect("a file");
    let commit = repository.commit("first").expect("a commit");
    let access = RepoAccess::anonymous(repository.url());
    let request = request(&access, &commit, source("."));

    let Bench { folder, repositories } = Bench::new();
    repositories.render(&request).await.expect("manifests");
    let settings = || bridgehead_sources::Settings::new(folder.path());
    // A second process beside the first takes a part of its own.
    let beside = bridgehead_sources::Repositories::new(settings()).expect("a cache");
    let before = server.exchanges().len();
    beside.render(&request).await.expect("manifests");
    assert!(server.exchanges().len() > before);
    drop((repositories, beside));

    let before = server.exchanges().len();
    let again = bridgehead_sources::Repositories::new(settings()).expect("a cache");
    again.render(&request).await.expect("manifests");
    assert_eq!(server.exchanges().len(), before);
}
