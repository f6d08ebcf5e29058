//! Servers that stall while many wait for them.

mod support;

use std::time::Duration;

use bridgehead_sources::{Limits, RepoAccess, RepositoryProblem, SourceError};
use bridgehead_test_harness::git::{Fault, Step};
use futures::future::join_all;
use jiff::Timestamp;

use support::{Bench, config_map, limits, listed, open_server, request, source};

fn is_timeout<T>(outcome: &Result<T, SourceError>) -> bool {
    let problem = outcome.as_ref().err().and_then(SourceError::repository_problem);
    matches!(problem, Some(RepositoryProblem::TimedOut { .. }))
}

#[tokio::test]
async fn who_waits_for_the_same_commit_shares_one_attempt_and_its_failure() {
    let server = open_server();
    let mut repository = server.create("app").expect("a repository");
    for index in 0..20 {
        repository.write(&format!("{index}/a.yaml"), config_map("a", "1")).expect("a file");
    }
    let commit = repository.commit("first").expect("a commit");
    let access = RepoAccess::anonymous(repository.url());
    let hour = Duration::from_hours(1);
    let bench = Bench::with(Limits {
        idle: Duration::from_millis(500),
        retry: hour,
        retry_longest: hour,
        ..limits()
    });
    let path = |index: usize| request(&access, &commit, source(&index.to_string()));
    server.set_fault(Step::Fetch, Some(Fault::Hang));
    let all = join_all((0..20).map(async |index| bench.repositories.render(&path(index)).await)).await;
    assert!(all.iter().all(is_timeout), "{all:?}");
    assert_eq!(server.count(Step::Fetch), 1);

    // Until its pause is over, the server is not asked again: not by timers, only by people.
    assert!(is_timeout(&bench.repositories.render(&path(0)).await));
    assert_eq!(server.count(Step::Fetch), 1);
    let since = Some(Timestamp::now());
    let asked = |index| bridgehead_sources::RenderRequest { since, ..path(index) };
    assert!(is_timeout(&bench.repositories.render(&asked(0)).await));
    assert_eq!(server.count(Step::Fetch), 2);
    assert!(is_timeout(&bench.repositories.render(&asked(1)).await), "that was the answer to this one, too");
    assert_eq!(server.count(Step::Fetch), 2);
    server.set_fault(Step::Fetch, None);
    let now = bridgehead_sources::RenderRequest { since: Some(Timestamp::now()), ..path(0) };
    bench.repositories.render(&now).await.expect("manifests");
    bench.repositories.render(&path(1)).await.expect("manifests");
}

#[tokio::test]
async fn other_commits_do_not_wait_for_a_stalled_server_in_turn() {
    let server = open_server();
    let mut repository = server.create("app").expect("a repository");
    let mut commits = Vec::new();
    for index in 0..10 {
        repository.write("a.yaml", config_map("a", &index.to_string())).expect("a file");
        commits.push(repository.commit("next").expect("a commit"));
    }
    let access = RepoAccess::anonymous(repository.url());
    let bench = Bench::with(Limits { idle: Duration::from_millis(500), ..limits() });
    server.set_fault(Step::Fetch, Some(Fault::Hang));
    let requests: Vec<_> = commits.iter().map(|commit| request(&access, commit, source(""))).collect();
    let all = join_all(requests.iter().map(|request| bench.repositories.render(request))).await;
    assert!(all.iter().all(is_timeout), "{all:?}");
    assert_eq!(server.count(Step::Fetch), 1);
}

#[tokio::test]
async fn a_server_that_stalls_leaves_room_for_others() {
    let (stalled, well) = (open_server(), open_server());
    let hour = Duration::from_hours(1);
    let bench = Bench::with(Limits { idle: hour, fetch: hour, ..limits() });
    stalled.set_fault(Step::Fetch, Some(Fault::Hang));
    let mut waiting = Vec::new();
    for index in 0..40 {
        let mut repository = stalled.create(&format!("app-{index}")).expect("a repository");
        let commit = repository.commit("first").expect("a commit");
        let request = request(&RepoAccess::anonymous(repository.url()), &commit, source(""));
        let repositories = bench.repositories.clone();
        waiting.push(tokio::spawn(async move { repositories.render(&request).await.map(drop) }));
    }
    while stalled.count(Step::Fetch) < 8 {
        tokio::task::yield_now().await;
    }
    let mut healthy = well.create("app").expect("a repository");
    healthy.write("a.yaml", config_map("a", "1")).expect("a file");
    let commit = healthy.commit("first").expect("a commit");
    let request = request(&RepoAccess::anonymous(healthy.url()), &commit, source(""));
    let rendered = bench.repositories.render(&request).await.expect("manifests");
    assert_eq!(listed(&rendered), ["a a.yaml:1"]);
    assert_eq!(stalled.count(Step::Fetch), 8);
    waiting.iter().for_each(tokio::task::JoinHandle::abort);
}
