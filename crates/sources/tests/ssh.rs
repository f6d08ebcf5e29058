//! Repositories behind SSH.

mod support;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bridgehead_api::config_map::KnownHosts;
use bridgehead_sources::{Limits, RepoAccess};
use bridgehead_test_harness::git::GitSshServer;

use support::{Bench, Canned, config_map, limits, listed, report, request, source};

fn known_hosts(text: &str) -> Arc<KnownHosts> {
    let data = [("ssh_known_hosts".to_owned(), text.to_owned())].into();
    let (known, problems) = KnownHosts::read(&data);
    assert!(problems.is_empty(), "{problems:?}");
    Arc::new(known)
}

fn with_key(url: &str, key: &Path, hosts: &str) -> RepoAccess {
    let mut access = RepoAccess::anonymous(url);
    let text = std::fs::read_to_string(key).expect("a key");
    access.credentials.ssh_private_key = Some(text.into());
    access.known_hosts = known_hosts(hosts);
    access
}

fn start() -> GitSshServer {
    std::thread::scope(|scope| scope.spawn(GitSshServer::start).join()).expect("no panic").expect("a server")
}

#[tokio::test]
async fn a_key_and_a_known_host_open_the_door() {
    let server = start();
    let mut repository = server.create("app").expect("a repository");
    repository.write("a.yaml", config_map("a", "1")).expect("a file");
    let first = repository.commit("first").expect("a commit");
    repository.write("a.yaml", config_map("a", "2")).expect("a file");
    let second = repository.commit("second").expect("a commit");

    let bench = Bench::new();
    let hosts = server.known_hosts().expect("a line");
    let access = with_key(repository.url(), &server.client_key(), &hosts);
    let refs =
        bench.repositories.advertise(&access).await.unwrap_or_else(|error| panic!("{}", error.report()));
    assert_eq!(refs.refs["refs/heads/main"].as_str(), second);
    for commit in [&first, &second] {
        let rendered = bench
            .repositories
            .render(&request(&access, commit, source(".")))
            .await
            .unwrap_or_else(|error| panic!("{}", error.report()));
        assert_eq!(listed(&rendered), ["a a.yaml:1"]);
    }
    let missing = with_key(&server.url("nowhere"), &server.client_key(), &hosts);
    let message = report(bench.repositories.advertise(&missing).await);
    assert!(message.contains("there is no such repository"), "{message}");
}

#[tokio::test]
async fn a_wrong_key_is_named_by_its_fingerprint() {
    let server = start();
    let repository = server.create("app").expect("a repository");
    let bench = Bench::new();
    let hosts = server.known_hosts().expect("a line");
    let stranger = with_key(repository.url(), &server.stranger_key(), &hosts);
    let message = report(bench.repositories.advertise(&stranger).await);
    assert!(message.contains("the server refused user `git` with SSH key SHA256:"), "{message}");

    let mut nobody = stranger.clone();
    nobody.credentials.ssh_private_key = None;
    let message = report(bench.repositories.advertise(&nobody).await);
    assert!(message.contains("asks for credentials and none are configured"), "{message}");

    let mut broken = stranger.clone();
    broken.credentials.ssh_private_key = Some("-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n".into());
    let message = report(bench.repositories.advertise(&broken).await);
    assert!(message.contains("the SSH private key cannot be read"), "{message}");
}

#[tokio::test]
async fn host_keys_are_strict() {
    let server = start();
    let repository = server.create("app").expect("a repository");
    let bench = Bench::new();
    let unknown = with_key(repository.url(), &server.client_key(), "");
    let message = report(bench.repositories.advertise(&unknown).await);
    assert!(message.contains("no host key is known for `[127.0.0.1]:"), "{message}");
    assert!(message.contains("it showed ssh-ed25519 SHA256:"), "{message}");
    assert!(message.contains("ssh-keyscan -p "), "{message}");

    let forged = server.forged_known_hosts().expect("a line");
    let changed = with_key(repository.url(), &server.client_key(), &forged);
    let message = report(bench.repositories.advertise(&changed).await);
    assert!(message.contains("is not the known one"), "{message}");

    let mut insecure = changed.clone();
    insecure.insecure = true;
    bench.repositories.advertise(&insecure).await.unwrap_or_else(|error| panic!("{}", error.report()));
}

#[tokio::test]
async fn a_server_that_says_nothing_hangs_nothing() {
    let bench = Bench::with(Limits { connect: Duration::from_millis(400), ..limits() });
    let silent = Canned::silent(b"");
    let greets = Canned::silent(b"SSH-2.0-Silent_1.0\r\n");
    for server in [silent, greets] {
        let access = RepoAccess::anonymous(format!("ssh://git@127.0.0.1:{}/a.git", server.port));
        let message = report(bench.repositories.advertise(&access).await);
        assert!(message.contains("timed out after 400 ms while the SSH login"), "{message}");
    }
    let bench = Bench::new();
    let closes = Canned::answer(b"");
    let access = RepoAccess::anonymous(format!("ssh://git@127.0.0.1:{}/a.git", closes.port));
    let message = report(bench.repositories.advertise(&access).await);
    assert!(message.contains("broke off while the SSH login"), "{message}");
}

/// OpenSSH's own server, with and without leave for version 2 of the protocol.
#[tokio::test]
async fn openssh_is_understood() {
    let Some(program) = ["/usr/sbin/sshd", "/usr/bin/sshd"].into_iter().find(|path| Path::new(path).exists())
    else {
        // The tests above speak to a server of another make.
        eprintln!("sshd is not installed: nothing shown here");
        return;
    };
    let root =
        std::process::Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n");
    if !root {
        eprintln!("sshd lets its own user in only as root: nothing shown here");
        return;
    }
    for accept in ["", "AcceptEnv GIT_PROTOCOL"] {
        for key_type in ["ed25519", "ecdsa", "rsa"] {
            openssh(program, accept, key_type).await;
        }
    }
}

async fn openssh(program: &str, accept: &str, key_type: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    for name in ["host", "client"] {
        let made = std::process::Command::new("ssh-keygen")
            .args(["-q", "-t", key_type, "-N", "", "-f"])
            .arg(at(name))
            .status()
            .expect("ssh-keygen");
        assert!(made.success());
    }
    let port = {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        listener.local_addr().expect("a port").port()
    };
    let config = format!(
        "Port {port}\nListenAddress 127.0.0.1\nHostKey {}\nAuthorizedKeysFile {}\nStrictModes no\nUsePAM no\n\
         PermitRootLogin prohibit-password\nPidFile none\n{accept}\n",
        at("host").display(),
        at("client.pub").display()
    );
    std::fs::write(at("config"), config).expect("a file");
    std::fs::create_dir_all("/run/sshd").expect("a folder");
    let mut command = std::process::Command::new(program);
    command.args(["-D", "-e", "-f"]).arg(at("config"));
    let mut process =
        bridgehead_test_harness::Process::spawn("sshd", &mut command, &at("log")).expect("sshd");
    let end = std::time::Instant::now() + bridgehead_test_harness::deadline();
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        process.must_run().expect("sshd runs");
        assert!(std::time::Instant::now() < end, "{}", process.log_tail());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }

    let mut repository =
        bridgehead_test_harness::git::Repository::local(folder.path(), "app").expect("a repository");
    repository.write("a.yaml", config_map("a", "1")).expect("a file");
    let first = repository.commit("first").expect("a commit");
    repository.write("a.yaml", config_map("a", "2")).expect("a file");
    let second = repository.commit("second").expect("a commit");
    // Over version 0 this server gives out tips only.
    bridgehead_test_harness::git::git(
        repository.bare(),
        &["config", "uploadpack.allowAnySHA1InWant", "false"],
    )
    .expect("a setting");

    let public = std::fs::read_to_string(at("host.pub")).expect("a key");
    let hosts = format!("[127.0.0.1]:{port} {public}");
    let url = format!("ssh://root@127.0.0.1:{port}{}", repository.url());
    let access = with_key(&url, &at("client"), &hosts);
    let bench = Bench::new();
    let refs =
        bench.repositories.advertise(&access).await.unwrap_or_else(|error| {
            panic!("{key_type} {accept}: {}\n{}", error.report(), process.log_tail())
        });
    assert_eq!(refs.refs["refs/heads/main"].as_str(), second);
    for commit in [&second, &first] {
        let rendered = bench
            .repositories
            .render(&request(&access, commit, source(".")))
            .await
            .unwrap_or_else(|error| panic!("{key_type} {accept}: {}", error.report()));
        assert_eq!(listed(&rendered), ["a a.yaml:1"]);
    }
    let unknown = "1234567890123456789012345678901234567890";
    let message = report(bench.repositories.render(&request(&access, unknown, source("."))).await);
    assert!(message.contains("does not have commit 1234"), "{message}");
    let missing = with_key(&format!("ssh://root@127.0.0.1:{port}/nowhere"), &at("client"), &hosts);
    let message = report(bench.repositories.advertise(&missing).await);
    assert!(message.contains("there is no such repository"), "{message}");
}
