//! The command lines of the control plane's processes.
//!
//! Every process runs in the cluster's folder, so that sockets and files go by short names: a
//! socket's path may not be longer than about 100 bytes.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::kubeconfig::{Credentials, kubeconfig};
use super::{Options, SERVICE_RANGE};
use crate::certificates::{Authority, signing_key, write_private};
use crate::process::Process;

/// etcd listens on a socket in the cluster's folder, which only its owner may enter: no port,
/// no certificate, and nobody else can read the Secrets in it.
const ETCD_SOCKET: &str = "unix://etcd.socket:0";
const ETCD_PEER_SOCKET: &str = "unix://peer.socket:0";

const ADMIN_CONFIG: &str = "kubeconfig.yaml";
const STAGES: &str = include_str!("stages.yaml");

/// Everything but the policy's level is the default; the stage at the start of a request is
/// left out because each request then has one line, and a watch two.
const AUDIT_POLICY: &str = "apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: Metadata
";

/// The default limits of 20 and 50 requests per second make a burst of objects wait for the
/// controllers rather than for what is measured.
const QPS: u32 = 1000;
const BURST: u32 = 2000;

/// What processes of one cluster are made from.
pub(super) struct Components<'a> {
    pub(super) program: &'a Path,
    pub(super) folder: &'a Path,
    pub(super) port: u16,
    pub(super) options: &'a Options,
}

impl Components<'_> {
    /// Writes certificates, kubeconfigs and configuration files. Returns the administrator's
    /// kubeconfig and the authority's certificate in PEM.
    pub(super) fn write_files(&self) -> Result<(PathBuf, String)> {
        let authority = Authority::new(&self.options.name)?;
        let certificate = authority.certificate();
        self.write("ca.crt", &certificate)?;
        self.write("ca.key", &authority.key())?;
        let server = authority.server(
            "kube-apiserver",
            &[
                "127.0.0.1",
                "localhost",
                "10.96.0.1",
                "kubernetes",
                "kubernetes.default",
                "kubernetes.default.svc",
                "kubernetes.default.svc.cluster.local",
            ],
        )?;
        self.write("apiserver.crt", &server.certificate)?;
        self.write("apiserver.key", &server.key)?;
        let (private, public) = signing_key()?;
        self.write("tokens.key", &private)?;
        self.write("tokens.pub", &public)?;
        let clients = [
            (ADMIN_CONFIG, "kubernetes-admin", Some("system:masters")),
            ("controller-manager.yaml", "system:kube-controller-manager", None),
            ("scheduler.yaml", "system:kube-scheduler", None),
            ("kwok.yaml", "kwok", Some("system:masters")),
        ];
        for (file, user, group) in clients {
            let identity = authority.client(user, group)?;
            let credentials =
                Credentials::Certificate { certificate: &identity.certificate, key: &identity.key };
            let content = kubeconfig(&self.options.name, &self.server(), &certificate, user, &credentials);
            self.write(file, &content)?;
        }
        self.write("audit-policy.yaml", AUDIT_POLICY)?;
        self.write("stages.yaml", STAGES)?;
        self.write("scheduler-config.yaml", &scheduler_config())?;
        Ok((self.folder.join(ADMIN_CONFIG), certificate))
    }

    pub(super) fn server(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    pub(super) fn etcd(&self) -> Result<Process> {
        self.spawn(
            "etcd",
            &[
                "--name=etcd".to_owned(),
                "--data-dir=etcd".to_owned(),
                // What is in it dies with the test.
                "--unsafe-no-fsync".to_owned(),
                // The write-ahead log is allocated at 64 MB a piece whatever is in it.
                "--snapshot-count=10000".to_owned(),
                "--quota-backend-bytes=8589934592".to_owned(),
                format!("--listen-client-urls={ETCD_SOCKET}"),
                format!("--advertise-client-urls={ETCD_SOCKET}"),
                format!("--listen-peer-urls={ETCD_PEER_SOCKET}"),
                format!("--initial-advertise-peer-urls={ETCD_PEER_SOCKET}"),
                format!("--initial-cluster=etcd={ETCD_PEER_SOCKET}"),
            ],
        )
    }

    pub(super) fn apiserver(&self) -> Result<Process> {
        let issuer = "https://kubernetes.default.svc.cluster.local";
        let mut arguments = vec![
            format!("--etcd-servers={ETCD_SOCKET}"),
            "--bind-address=127.0.0.1".to_owned(),
            format!("--secure-port={}", self.port),
            // The Service `kubernetes` cannot point at loopback; nothing runs that would use it.
            "--advertise-address=127.0.0.1".to_owned(),
            "--endpoint-reconciler-type=none".to_owned(),
            "--tls-cert-file=apiserver.crt".to_owned(),
            "--tls-private-key-file=apiserver.key".to_owned(),
            "--client-ca-file=ca.crt".to_owned(),
            "--authorization-mode=Node,RBAC".to_owned(),
            "--enable-admission-plugins=ServiceAccount,NodeRestriction".to_owned(),
            format!("--service-cluster-ip-range={SERVICE_RANGE}"),
            format!("--service-account-issuer={issuer}"),
            "--service-account-key-file=tokens.pub".to_owned(),
            "--service-account-signing-key-file=tokens.key".to_owned(),
            "--allow-privileged=true".to_owned(),
            "--profiling=false".to_owned(),
            // Hundreds of watches and creations at once come from one test.
            "--max-requests-inflight=3000".to_owned(),
            "--max-mutating-requests-inflight=1000".to_owned(),
        ];
        if self.options.audit_log {
            arguments.extend([
                "--audit-policy-file=audit-policy.yaml".to_owned(),
                format!("--audit-log-path={}", super::AUDIT_LOG),
                // One file: rotation would take lines away from under a count.
                "--audit-log-maxsize=100000".to_owned(),
            ]);
        }
        if let Some(interval) = self.options.compaction_interval {
            arguments.push(format!("--etcd-compaction-interval={}ms", interval.as_millis()));
        }
        arguments.extend(self.options.apiserver_arguments.iter().cloned());
        self.spawn("kube-apiserver", &arguments)
    }

    pub(super) fn controller_manager(&self) -> Result<Process> {
        self.spawn(
            "kube-controller-manager",
            &[
                "--kubeconfig=controller-manager.yaml".to_owned(),
                "--use-service-account-credentials=true".to_owned(),
                "--service-account-private-key-file=tokens.key".to_owned(),
                "--root-ca-file=ca.crt".to_owned(),
                "--cluster-signing-cert-file=ca.crt".to_owned(),
                "--cluster-signing-key-file=ca.key".to_owned(),
                format!("--service-cluster-ip-range={SERVICE_RANGE}"),
                "--leader-elect=false".to_owned(),
                "--secure-port=0".to_owned(),
                "--profiling=false".to_owned(),
                format!("--kube-api-qps={QPS}"),
                format!("--kube-api-burst={BURST}"),
                "--concurrent-deployment-syncs=20".to_owned(),
                "--concurrent-replicaset-syncs=20".to_owned(),
                "--concurrent-namespace-syncs=20".to_owned(),
            ],
        )
    }

    pub(super) fn scheduler(&self) -> Result<Process> {
        self.spawn(
            "kube-scheduler",
            &["--config=scheduler-config.yaml".to_owned(), "--secure-port=0".to_owned()],
        )
    }

    pub(super) fn kwok(&self) -> Result<Process> {
        self.spawn(
            "kwok",
            &[
                "--kubeconfig=kwok.yaml".to_owned(),
                "--config=stages.yaml".to_owned(),
                "--manage-all-nodes=true".to_owned(),
                "--cidr=10.244.0.0/14".to_owned(),
                "--node-ip=10.0.0.1".to_owned(),
                // Heartbeats every 40 s keep a node Ready with little traffic at rest.
                "--node-lease-duration-seconds=40".to_owned(),
            ],
        )
    }

    fn spawn(&self, component: &str, arguments: &[String]) -> Result<Process> {
        let mut command = Command::new(self.program);
        command
            .arg("--exit-with-stdin")
            .arg(component)
            .args(arguments)
            .current_dir(self.folder)
            // Nothing of the user's own reaches it: no kwok folder, no proxy, no kubeconfig.
            .env_clear()
            .env("HOME", self.folder)
            .env("PATH", std::env::var_os("PATH").unwrap_or_default());
        Process::spawn(component, &mut command, &self.folder.join(format!("{component}.log")))
            .with_context(|| format!("cluster `{}`", self.options.name))
    }

    fn write(&self, file: &str, content: &str) -> Result<()> {
        write_private(&self.folder.join(file), content)
    }
}

fn scheduler_config() -> String {
    format!(
        "apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
clientConnection: {{kubeconfig: scheduler.yaml, qps: {QPS}, burst: {BURST}}}
leaderElection: {{leaderElect: false}}
"
    )
}
