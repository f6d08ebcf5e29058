//! A real Terraform with this crate's provider; a test fails where a command doesn't end as it should.

use std::path::Path;

use bridgehead_test_harness::{Cluster, terraform};
use serde_json::Value as Json;

/// One configuration with its state.
pub(crate) struct Terraform {
    inner: terraform::Terraform,
    provider: String,
}

impl Terraform {
    /// With this configuration below a provider block for the cluster, initialised.
    pub(crate) fn with(cluster: &Cluster, configuration: &str) -> Terraform {
        let path = cluster.kubeconfig().display().to_string();
        let provider =
            format!("provider \"bridgehead\" {{\n  kubernetes = {{ config_path = {path:?} }}\n}}\n");
        Terraform::with_provider(&provider, configuration)
    }

    /// With this provider block.
    pub(crate) fn with_provider(provider: &str, configuration: &str) -> Terraform {
        let binary = Path::new(env!("CARGO_BIN_EXE_terraform-provider-bridgehead"));
        let inner = terraform::Terraform::new(binary, &format!("{provider}{configuration}")).unwrap();
        Terraform { inner, provider: provider.to_owned() }
    }

    /// Replaces the configuration below the provider block.
    pub(crate) fn configure(&self, configuration: &str) {
        self.inner.configure(&format!("{}{configuration}", self.provider)).unwrap();
    }

    /// Runs a command that has to succeed. Returns what it printed, on one line.
    pub(crate) fn succeed(&self, arguments: &[&str]) -> String {
        self.inner.succeed(arguments).unwrap()
    }

    /// Runs a command that has to fail. Returns what it printed, on one line.
    pub(crate) fn fail(&self, arguments: &[&str]) -> String {
        self.inner.fail(arguments).unwrap()
    }

    /// Starts a command.
    pub(crate) fn start(&self, arguments: &[&str]) -> terraform::Run {
        self.inner.start(arguments).unwrap()
    }

    /// Applies; a plan after it has to be empty.
    pub(crate) fn apply(&self) -> String {
        self.inner.apply().unwrap()
    }

    /// Destroys everything.
    pub(crate) fn destroy(&self) -> String {
        self.inner.destroy().unwrap()
    }

    /// A plan is empty, also for what has drifted only.
    pub(crate) fn assert_nothing_to_do(&self) {
        self.inner.nothing_to_do().unwrap();
    }

    /// A plan that has something to do.
    pub(crate) fn plan(&self) -> String {
        self.inner.plan().unwrap()
    }

    /// The values of a managed resource or data source, by its address.
    pub(crate) fn values(&self, address: &str) -> Json {
        self.inner.values(address).unwrap()
    }

    /// The state file, which holds what is kept.
    pub(crate) fn state_file(&self) -> String {
        self.inner.state_file().unwrap()
    }

    /// Takes a resource out of the state, and imports it again by this id: the state has to come out the same.
    pub(crate) fn assert_imports(&self, address: &str, id: &str) {
        self.inner.imports(address, id).unwrap();
    }
}
