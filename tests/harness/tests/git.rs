//! Git servers are real, and show the faults that they are told to show.

use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use anyhow::Result;
use bridgehead_test_harness::git::{Fault, GitServer, GitServerOptions, GitSshServer, Repository, Step, git};
use bridgehead_test_harness::{Process, deadline};

/// A client's command with nothing of the machine's configuration.
fn client(arguments: &[&str]) -> Command {
    let mut command = Command::new("git");
    command
        .args(arguments)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_TERMINAL_PROMPT", "0");
    command
}

fn clone(url: &str, to: &Path) -> Result<Output> {
    Ok(client(&["clone", "--quiet", url]).arg(to).output()?)
}

fn filled(server: &GitServer) -> Result<(Repository, String)> {
    let mut repository = server.create("team/apps")?;
    repository.write("web/deployment.yaml", "kind: Deployment\n")?;
    // Random enough not to be compressed away: the faults count bytes.
    let noise: Vec<u8> =
        (0_u64..200_000).map(|n| (n.wrapping_mul(2_654_435_761) >> 13).to_le_bytes()[0]).collect();
    repository.write("noise", noise)?;
    let commit = repository.commit("first")?;
    Ok((repository, commit))
}

#[test]
fn a_clone_a_push_and_a_fetch_go_through() -> Result<()> {
    let server = GitServer::start()?;
    let (mut repository, commit) = filled(&server)?;
    let folder = tempfile::tempdir()?;
    let copy = folder.path().join("copy");
    assert!(clone(repository.url(), &copy)?.status.success());
    assert_eq!(git(&copy, &["rev-parse", "HEAD"])?, commit);

    repository.write("web/service.yaml", "kind: Service\n")?;
    let second = repository.commit("second")?;
    repository.tag("v1.0.0", Some("a release"))?;
    git(&copy, &["pull", "--quiet", "--tags"])?;
    assert_eq!(git(&copy, &["rev-parse", "HEAD"])?, second);
    assert_eq!(git(&copy, &["rev-parse", "v1.0.0^{commit}"])?, second);

    git(&copy, &["switch", "--quiet", "--create", "feature"])?;
    git(&copy, &["push", "--quiet", "origin", "feature"])?;
    assert_eq!(git(repository.bare(), &["rev-parse", "feature"])?, second);
    assert_eq!(server.count(Step::Push), 1);
    assert_eq!(server.count(Step::PushAdvertisement), 1);
    assert_eq!(server.count(Step::Advertisement), 2);
    assert!(server.exchanges().iter().all(|it| it.repository == "team/apps" && it.status == Some(200)));
    Ok(())
}

#[test]
fn the_same_content_has_the_same_commits() -> Result<()> {
    let (one, other) = (GitServer::start()?, GitServer::start()?);
    assert_eq!(filled(&one)?.1, filled(&other)?.1);
    Ok(())
}

#[test]
fn a_rewound_branch_moves_back_on_the_server() -> Result<()> {
    let server = GitServer::start()?;
    let (mut repository, first) = filled(&server)?;
    repository.write("more", "more")?;
    repository.commit("second")?;
    repository.rewind()?;
    assert_eq!(git(repository.bare(), &["rev-parse", "main"])?, first);
    Ok(())
}

#[test]
fn credentials_are_asked_for_and_checked() -> Result<()> {
    let options =
        GitServerOptions { credentials: Some(("git".to_owned(), "secret".to_owned())), ..Default::default() };
    let server = GitServer::start_with(options)?;
    let (repository, _) = filled(&server)?;
    let folder = tempfile::tempdir()?;
    assert!(!clone(repository.url(), &folder.path().join("without"))?.status.success());
    let wrong = repository.url().replace("http://", "http://git:guess@");
    assert!(!clone(&wrong, &folder.path().join("wrong"))?.status.success());
    let right = repository.url().replace("http://", "http://git:secret@");
    assert!(clone(&right, &folder.path().join("right"))?.status.success());
    Ok(())
}

#[test]
fn tls_is_verified_with_the_servers_own_authority() -> Result<()> {
    let server = GitServer::start_with(GitServerOptions { tls: true, ..Default::default() })?;
    let (repository, _) = filled(&server)?;
    let folder = tempfile::tempdir()?;
    let output = clone(repository.url(), &folder.path().join("stranger"))?;
    assert!(!output.status.success());
    let authority = folder.path().join("ca.crt");
    std::fs::write(&authority, server.authority().expect("a server with TLS has one"))?;
    let output = client(&["clone", "--quiet", repository.url()])
        .arg(folder.path().join("friend"))
        // Wins over whatever the machine sets.
        .env("GIT_SSL_CAINFO", &authority)
        .output()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

#[test]
fn faults_show_at_their_step_and_go_away_again() -> Result<()> {
    let server = GitServer::start()?;
    let (repository, _) = filled(&server)?;
    let folder = tempfile::tempdir()?;
    let faults = [
        (Step::Advertisement, Fault::Status(500)),
        (Step::Advertisement, Fault::Close),
        (Step::Advertisement, Fault::CutAfter(10)),
        (Step::Fetch, Fault::CutAfter(1_000)),
        (Step::Fetch, Fault::Status(503)),
    ];
    for (index, (step, fault)) in faults.into_iter().enumerate() {
        server.set_fault(step, Some(fault));
        let output = clone(repository.url(), &folder.path().join(index.to_string()))?;
        assert!(!output.status.success(), "{step:?} {fault:?}");
        server.set_fault(step, None);
    }
    assert!(clone(repository.url(), &folder.path().join("good"))?.status.success());
    Ok(())
}

#[test]
fn a_server_that_hangs_goes_on_when_the_fault_is_taken_away() -> Result<()> {
    let server = GitServer::start()?;
    let (repository, _) = filled(&server)?;
    let folder = tempfile::tempdir()?;
    server.set_fault(Step::Advertisement, Some(Fault::Hang));
    let mut command = client(&["clone", "--quiet", repository.url()]);
    command.arg(folder.path().join("copy"));
    let mut clone = Process::spawn("clone", &mut command, &folder.path().join("log"))?;
    while server.count(Step::Advertisement) == 0 {
        clone.must_run()?;
        std::thread::sleep(Duration::from_millis(5));
    }
    server.set_fault(Step::Advertisement, None);
    assert!(clone.wait(deadline())?.success(), "{}", clone.log_tail());

    // Dropping a server does not wait for those that hang.
    server.set_fault(Step::Fetch, Some(Fault::HangAfter(100)));
    let mut command = client(&["clone", "--quiet", repository.url()]);
    command.arg(folder.path().join("never"));
    let mut clone = Process::spawn("clone", &mut command, &folder.path().join("log"))?;
    while server.count(Step::Fetch) < 2 {
        clone.must_run()?;
        std::thread::sleep(Duration::from_millis(5));
    }
    drop(server);
    assert!(!clone.wait(deadline())?.success());
    Ok(())
}

#[test]
fn ssh_lets_in_the_known_key_alone() -> Result<()> {
    let server = GitSshServer::start()?;
    let mut repository = server.create("apps")?;
    repository.write("file", "content")?;
    let commit = repository.commit("first")?;
    let folder = tempfile::tempdir()?;
    let clone = |name: &str, key: &Path, hosts: String| -> Result<Output> {
        let known = folder.path().join(format!("{name}.hosts"));
        std::fs::write(&known, hosts)?;
        let ssh = format!(
            "ssh -F none -i {} -o IdentitiesOnly=yes -o BatchMode=yes -o UserKnownHostsFile={}",
            key.display(),
            known.display()
        );
        let mut command = client(&["clone", "--quiet", repository.url()]);
        Ok(command.arg(folder.path().join(name)).env("GIT_SSH_COMMAND", ssh).output()?)
    };
    let output = clone("good", &server.client_key(), server.known_hosts()?)?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(git(&folder.path().join("good"), &["rev-parse", "HEAD"])?, commit);
    assert!(!clone("stranger", &server.stranger_key(), server.known_hosts()?)?.status.success());
    assert!(!clone("forged", &server.client_key(), server.forged_known_hosts()?)?.status.success());
    Ok(())
}
