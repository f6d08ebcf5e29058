//! Servers and disks that fail, at every step.

mod support;

use std::time::{Duration, Instant};

use bridgehead_sources::{
    ErrorKind, Limits, Proxy, ProxyEnvironment, RepoAccess, Repositories, RepositoryProblem, Settings,
    SourceError,
};
use bridgehead_test_harness::git::{Fault, Step};

use support::{
    Bench, Canned, bare_repositories, config_map, limits, listed, noise, open_server, report, request, source,
};

/// The problem behind an error.
fn problem<T: std::fmt::Debug>(outcome: &Result<T, SourceError>) -> &RepositoryProblem {
    outcome.as_ref().expect_err("it fails").repository_problem().expect("it is the repository's")
}

#[tokio::test]
async fn a_server_that_hangs_hangs_nothing_and_heals() {
    let server = open_server();
    let mut repository = server.create("app").expect("a repository");
    repository.write("a.yaml", config_map("a", "1")).expect("a file");
    let commit = repository.commit("first").expect("a commit");
    let access = RepoAccess::anonymous(repository.url());
    let patience = Duration::from_millis(300);

    let stages = [
        (Step::Advertisement, Fault::Hang),
        (Step::Advertisement, Fault::HangAfter(10)),
        (Step::ListRefs, Fault::Hang),
        (Step::ListRefs, Fault::HangAfter(30)),
        (Step::Fetch, Fault::Hang),
        (Step::Fetch, Fault::HangAfter(3)),
        (Step::Fetch, Fault::HangAfter(100)),
    ];
    for (step, fault) in stages {
        let bench = Bench::with(Limits { idle: patience, ..limits() });
        let request = request(&access, &commit, source("."));
        server.set_fault(step, Some(fault));
        let started = Instant::now();
        let outcome = match step {
            Step::Fetch => bench.repositories.render(&request).await.map(drop),
            _ => bench.repositories.advertise(&access).await.map(drop),
        };
        assert!(
            matches!(problem(&outcome), RepositoryProblem::TimedOut { .. }),
            "{step:?} {fault:?}: {outcome:?}"
        );
        assert_eq!(outcome.as_ref().err().map(SourceError::kind), Some(ErrorKind::Upstream));
        assert!(started.elapsed() >= patience, "{step:?} {fault:?}");
        server.set_fault(step, None);
        // A slow machine may need longer than the patience that the fault was given.
        let patient = Bench::new();
        patient.repositories.advertise(&access).await.expect("refs");
        let rendered = patient.repositories.render(&request).await.expect("manifests");
        assert_eq!(listed(&rendered), ["a a.yaml:1"]);
    }
}

#[tokio::test]
async fn the_whole_exchange_has_a_deadline_of_its_own() {
    let server = open_server();
    let repository = server.create("app").expect("a repository");
    server.set_fault(Step::Advertisement, Some(Fault::Hang));
    let bench = Bench::with(Limits { advertise: Duration::from_millis(200), ..limits() });
    let outcome = bench.repositories.advertise(&RepoAccess::anonymous(repository.url())).await;
    let message = report(outcome);
    assert!(message.contains("timed out after 200 ms while waiting for the first answer"), "{message}");
}

#[tokio::test]
async fn a_server_that_dies_in_the_middle_is_told_with_what_had_come() {
    let server = open_server();
    let mut repository = server.create("app").expect("a repository");
    for index in 0..200 {
        repository.write(&format!("{index}.yaml"), config_map(&format!("c{index}"), "1")).expect("a file");
    }
    let commit = repository.commit("first").expect("a commit");
    let access = RepoAccess::anonymous(repository.url());
    let request = request(&access, &commit, source("."));
    let bench = Bench::new();
    bench.repositories.advertise(&access).await.expect("refs");

    for fault in [Fault::CutAfter(2000), Fault::CutAfter(20), Fault::CutAfter(3), Fault::Close] {
        server.set_fault(Step::Fetch, Some(fault));
        let outcome = bench.repositories.render(&request).await;
        assert!(matches!(problem(&outcome), RepositoryProblem::BrokenOff { .. }), "{fault:?}: {outcome:?}");
        if fault == Fault::CutAfter(2000) {
            let message = report(outcome);
            assert!(message.contains("broke off while reading the pack"), "{message}");
            assert!(message.contains("bytes had come"), "{message}");
        }
    }
    // Nothing of the broken packs is left.
    let bare = bare_repositories(bench.folder.path());
    let left = std::fs::read_dir(bare[0].join("objects/pack")).expect("a folder").count();
    assert_eq!(left, 0);
    server.set_fault(Step::Fetch, None);
    assert_eq!(bench.repositories.render(&request).await.expect("manifests").manifests.len(), 200);
}

#[tokio::test]
async fn every_status_has_its_meaning() {
    let server = open_server();
    let repository = server.create("app").expect("a repository");
    let mut access = RepoAccess::anonymous(repository.url());
    let bench = Bench::new();
    let cases = [
        (401, false, "asks for credentials", ErrorKind::Config),
        (401, true, "refused the bearer token", ErrorKind::Config),
        (403, true, "forbids access with the bearer token", ErrorKind::Config),
        (404, false, "no such repository", ErrorKind::Config),
        (429, false, "HTTP 429", ErrorKind::Upstream),
        (500, false, "HTTP 500 while waiting for the first answer", ErrorKind::Upstream),
        (503, false, "HTTP 503", ErrorKind::Upstream),
    ];
    for (status, token, words, kind) in cases {
        access.credentials.bearer_token = token.then(|| "t0ken".into());
        server.set_fault(Step::Advertisement, Some(Fault::Status(status)));
        let error = bench.repositories.advertise(&access).await.expect_err("it fails");
        assert!(error.report().contains(words), "{}", error.report());
        assert!(!error.report().contains("t0ken"), "{}", error.report());
        assert_eq!(error.kind(), kind, "{status}");
    }
}

#[tokio::test]
async fn a_server_known_to_be_new_may_change_under_us() {
    let server = open_server();
    let mut repository = server.create("app").expect("a repository");
    repository.commit("first").expect("a commit");
    let access = RepoAccess::anonymous(repository.url());
    let bench = Bench::new();
    bench.repositories.advertise(&access).await.expect("refs");
    server.set_fault(Step::ListRefs, Some(Fault::Status(500)));
    bench.repositories.advertise(&access).await.expect_err("it fails");
    server.set_fault(Step::ListRefs, None);
    // After a failure the server is asked again what it can do.
    let before = server.count(Step::Advertisement);
    bench.repositories.advertise(&access).await.expect("refs");
    assert_eq!(server.count(Step::Advertisement), before + 1);
}

#[tokio::test]
async fn web_pages_are_not_taken_for_git() {
    let page = Canned::answer(
        b"HTTP/1.1 200 OK\r\ncontent-type: text/html; charset=utf-8\r\ncontent-length: 15\r\nconnection: close\r\n\r\n<html>hi</html>",
    );
    let moved = Canned::answer(
        b"HTTP/1.1 302 Found\r\nlocation: https://login.example.com/?next=x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
    );
    let liar = Canned::answer(
        b"HTTP/1.1 200 OK\r\ncontent-type: application/x-git-upload-pack-advertisement\r\ncontent-length: 15\r\nconnection: close\r\n\r\n<html>hi</html>",
    );
    let bench = Bench::new();
    for (server, words) in [
        (page, "it is `text/html`"),
        (moved, "it redirects to `https://login.example.com:443/`"),
        (liar, "it begins with \"<html>hi</html>\""),
    ] {
        let access = RepoAccess::anonymous(format!("http://127.0.0.1:{}/a.git", server.port));
        let message = report(bench.repositories.advertise(&access).await);
        assert!(message.contains("the answer is not Git's") && message.contains(words), "{message}");
    }
}

#[tokio::test]
async fn a_move_of_the_repository_is_followed() {
    let server = open_server();
    let mut repository = server.create("app").expect("a repository");
    repository.write("a.yaml", config_map("a", "1")).expect("a file");
    let commit = repository.commit("first").expect("a commit");
    let answer = format!(
        "HTTP/1.1 301 Moved Permanently\r\nlocation: {}/info/refs?service=git-upload-pack\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
        repository.url()
    );
    let old = Canned::answer(answer.into_bytes().leak());
    let access = RepoAccess::anonymous(format!("http://127.0.0.1:{}/old.git", old.port));
    let rendered =
        Bench::new().repositories.render(&request(&access, &commit, source("."))).await.expect("manifests");
    assert_eq!(listed(&rendered), ["a a.yaml:1"]);
}

#[tokio::test]
async fn unreachable_servers_are_told_apart() {
    // Without a network it takes a resolver long to say that it knows nothing.
    let patient = Limits { connect: Duration::from_mins(2), idle: Duration::from_mins(2), ..limits() };
    let patient = Bench::with(Limits { advertise: Duration::from_mins(2), ..patient });
    let hasty = Bench::with(Limits { connect: Duration::from_millis(500), ..limits() });
    let closed = {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        listener.local_addr().expect("a port").port()
    };
    let silent = Canned::silent(b"");
    let cases = [
        (format!("http://127.0.0.1:{closed}/a"), "no connection to"),
        (format!("ssh://git@127.0.0.1:{closed}/a"), "no connection to"),
        ("https://nowhere.invalid/a".to_owned(), "the name `nowhere.invalid` cannot be resolved"),
        ("ssh://git@nowhere.invalid/a".to_owned(), "the name `nowhere.invalid` cannot be resolved"),
    ];
    // A port that is open and says nothing, not even TLS.
    let silent = (format!("https://127.0.0.1:{}/a", silent.port), "it does not answer in time");
    let cases = cases.map(|(url, words)| (&patient, url, words)).into_iter();
    for (bench, url, words) in cases.chain([(&hasty, silent.0, silent.1)]) {
        let error = bench.repositories.advertise(&RepoAccess::anonymous(url)).await.expect_err("it fails");
        assert!(error.report().contains(words), "{}", error.report());
        assert_eq!(error.kind(), ErrorKind::Upstream);
    }
}

#[tokio::test]
async fn a_proxy_is_used_but_for_its_exceptions() {
    let proxy = Canned::answer(
        b"HTTP/1.1 200 OK\r\ncontent-type: text/x-proxy\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
    );
    let bench = Bench::new();
    let mut access = RepoAccess::anonymous("http://nowhere.invalid/a.git");
    let url = format!("http://127.0.0.1:{}", proxy.port);
    access.proxy = Some(Proxy { url: url.clone(), no_proxy: String::new() });
    let message = report(bench.repositories.advertise(&access).await);
    assert!(message.contains("it is `text/x-proxy`"), "{message}");
    access.proxy = Some(Proxy { url, no_proxy: "nowhere.invalid".into() });
    let message = report(bench.repositories.advertise(&access).await);
    assert!(message.contains("cannot be resolved"), "{message}");
}

#[tokio::test]
async fn the_environments_proxies_serve_repositories_without_one_of_their_own() {
    let answer = |kind: &str| {
        format!(
            "HTTP/1.1 200 OK\r\ncontent-type: text/{kind}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        )
    };
    let (environment, own) = (answer("environment"), answer("own"));
    let (environment, own) =
        (Canned::answer(environment.leak().as_bytes()), Canned::answer(own.leak().as_bytes()));
    let folder = tempfile::tempdir().expect("a folder");
    let with = |variables: &[(&str, String)]| {
        let proxies = ProxyEnvironment::read(|name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone())
        });
        Repositories::new(Settings { limits: limits(), proxies, ..Settings::new(folder.path()) })
            .expect("a cache")
    };
    let address = format!("127.0.0.1:{}", environment.port);
    let told =
        async |repositories: &Repositories, access: &RepoAccess| report(repositories.advertise(access).await);

    let mut access = RepoAccess::anonymous("http://nowhere.invalid/a.git");
    for (name, value) in
        [("HTTP_PROXY", &address), ("http_proxy", &format!("http://{address}")), ("ALL_PROXY", &address)]
    {
        let message = told(&with(&[(name, value.clone())]), &access).await;
        assert!(message.contains("it is `text/environment`"), "{name}: {message}");
    }
    let both = |no_proxy: &str| {
        with(&[
            ("HTTP_PROXY", address.clone()),
            ("HTTPS_PROXY", address.clone()),
            ("NO_PROXY", no_proxy.to_owned()),
        ])
    };
    let message = told(&both("example.com, .invalid"), &access).await;
    assert!(message.contains("cannot be resolved"), "{message}");
    // What is behind TLS is asked for with CONNECT.
    let https = RepoAccess::anonymous("https://nowhere.invalid/a.git");
    let message = told(&both("example.com"), &https).await;
    assert!(!message.contains("cannot be resolved"), "{message}");
    let message = told(&both("*"), &https).await;
    assert!(message.contains("cannot be resolved"), "{message}");
    // Nobody's loopback is behind a proxy.
    let loopback = RepoAccess::anonymous(format!("http://127.0.0.1:{}/a.git", own.port));
    assert!(told(&both(""), &loopback).await.contains("it is `text/own`"));

    access.proxy = Some(Proxy { url: format!("http://127.0.0.1:{}", own.port), no_proxy: String::new() });
    let message = told(&both("nowhere.invalid"), &access).await;
    assert!(message.contains("it is `text/own`"), "{message}");
    access.proxy = None;
    let message = told(&with(&[("HTTP_PROXY", "http://[".into())]), &access).await;
    assert!(message.contains("the proxy in HTTP_PROXY cannot be read"), "{message}");
}

#[tokio::test]
async fn credentials_that_cannot_be_used_are_told() {
    let bench = Bench::new();
    let mut access = RepoAccess::anonymous("https://127.0.0.1/a.git");
    access.credentials.tls_client_cert_data = "no certificate".into();
    access.credentials.tls_client_cert_key = Some("no key".into());
    let message = report(bench.repositories.advertise(&access).await);
    assert!(message.contains("the client certificate or its key cannot be read"), "{message}");
    let mut access = RepoAccess::anonymous("https://127.0.0.1/a.git");
    access.credentials.bearer_token = Some("two\nlines".into());
    let message = report(bench.repositories.advertise(&access).await);
    assert!(message.contains("the token cannot be sent"), "{message}");
    let mut access = RepoAccess::anonymous("https://127.0.0.1/a.git");
    access.credentials.github_app.private_key = Some("key".into());
    let message = report(bench.repositories.advertise(&access).await);
    assert!(message.contains("this release cannot log in as a GitHub App"), "{message}");
}

#[tokio::test]
async fn a_fetch_that_is_given_up_leaves_nothing_behind() {
    let server = open_server();
    let mut repository = server.create("app").expect("a repository");
    repository.write("a.yaml", config_map("a", "1")).expect("a file");
    let commit = repository.commit("first").expect("a commit");
    let access = RepoAccess::anonymous(repository.url());
    let request = request(&access, &commit, source("."));
    let bench = Bench::new();
    server.set_fault(Step::Fetch, Some(Fault::HangAfter(100)));
    {
        let render = bench.repositories.render(&request);
        tokio::pin!(render);
        // Given up as soon as the server has begun to answer.
        while server.count(Step::Fetch) == 0 {
            tokio::select! {
                outcome = &mut render => panic!("{outcome:?}"),
                () = tokio::time::sleep(Duration::from_millis(5)) => {}
            }
        }
    }
    server.set_fault(Step::Fetch, None);
    let rendered = bench.repositories.render(&request).await.expect("manifests");
    assert_eq!(listed(&rendered), ["a a.yaml:1"]);
}

type Damage<'d> = dyn Fn(&Bench) + 'd;

#[tokio::test]
async fn a_damaged_cache_is_fetched_anew() {
    let server = open_server();
    let mut repository = server.create("app").expect("a repository");
    repository.write("one/a.yaml", config_map("a", "1")).expect("a file");
    repository.write("two/b.yaml", config_map("b", "1")).expect("a file");
    let commit = repository.commit("first").expect("a commit");
    let access = RepoAccess::anonymous(repository.url());

    let pack_folder = |bench: &Bench| bare_repositories(bench.folder.path())[0].join("objects/pack");
    let each = |bench: &Bench, change: &dyn Fn(&std::path::Path)| {
        for entry in std::fs::read_dir(pack_folder(bench)).expect("packs").flatten() {
            change(&entry.path());
        }
    };
    let overwrite = |path: &std::path::Path, bytes: &[u8]| {
        std::fs::remove_file(path).expect("a file");
        std::fs::write(path, bytes).expect("a file");
    };
    let damages: Vec<(&str, Box<Damage<'_>>)> = vec![
        ("no packs", Box::new(|bench| each(bench, &|path| std::fs::remove_file(path).expect("a file")))),
        ("empty packs", Box::new(|bench| each(bench, &|path| overwrite(path, b"")))),
        ("no repository", Box::new(|bench| std::fs::remove_dir_all(pack_folder(bench)).expect("a folder"))),
        (
            "flipped bytes",
            Box::new(|bench| {
                each(bench, &|path| {
                    if path.extension().is_some_and(|extension| extension == "pack") {
                        let mut bytes = std::fs::read(path).expect("a pack");
                        bytes[12..].iter_mut().for_each(|byte| *byte ^= 0x55);
                        overwrite(path, &bytes);
                    }
                });
            }),
        ),
    ];
    for (name, damage) in damages {
        let bench = Bench::new();
        bench.repositories.render(&request(&access, &commit, source("one"))).await.expect("manifests");
        damage(&bench);
        let rendered = bench.repositories.render(&request(&access, &commit, source("two"))).await;
        assert_eq!(
            listed(&rendered.unwrap_or_else(|error| panic!("{name}: {}", error.report()))),
            ["b two/b.yaml:1"]
        );
        // And the next commit, for which the server is told what we hold.
        damage(&bench);
        repository.write("two/b.yaml", config_map("b", name)).expect("a file");
        let next = repository.commit(name).expect("a commit");
        bench
            .repositories
            .render(&request(&access, &next, source("two")))
            .await
            .unwrap_or_else(|error| panic!("{name}: {}", error.report()));
    }
}

#[tokio::test]
async fn repositories_used_longest_ago_make_room() {
    let server = open_server();
    let bench = Bench::with(Limits { cache_bytes: 60_000, ..limits() });
    let mut made = Vec::new();
    for (seed, name) in (1..).zip(["one", "two", "three", "four"]) {
        let mut repository = server.create(name).expect("a repository");
        repository.write("a.yaml", config_map(name, &noise(seed, 40_000))).expect("a file");
        let commit = repository.commit("first").expect("a commit");
        let access = RepoAccess::anonymous(repository.url());
        bench.repositories.render(&request(&access, &commit, source("."))).await.expect("manifests");
        made.push((access, commit, repository));
    }
    let left = bare_repositories(bench.folder.path()).len();
    assert!((1..4).contains(&left), "{left}");
    // The oldest is fetched again where it is needed.
    let (access, commit, _) = &made[0];
    let before = server.count(Step::Fetch);
    bench
        .repositories
        .fetch(access, &bridgehead_api::CommitSha::from(commit.as_str()), None)
        .await
        .expect("a commit");
    assert_eq!(server.count(Step::Fetch), before + 1);
}

#[tokio::test]
async fn bounds_are_told_by_name() {
    let server = open_server();
    let mut repository = server.create("app").expect("a repository");
    for index in 0..300 {
        repository.write(&format!("{index}.yaml"), config_map(&format!("c{index}"), "1")).expect("a file");
    }
    let commit = repository.commit("first").expect("a commit");
    let access = RepoAccess::anonymous(repository.url());
    let small_pack = Bench::with(Limits { pack_bytes: 1000, ..limits() });
    let message = report(small_pack.repositories.render(&request(&access, &commit, source("."))).await);
    assert!(message.contains("the pack is larger than the bound of 1000 bytes"), "{message}");
    let small_list = Bench::with(Limits { advertisement_bytes: 50, ..limits() });
    let message = report(small_list.repositories.advertise(&access).await);
    assert!(message.contains("the list of refs is larger than the bound of 50 bytes"), "{message}");
}
