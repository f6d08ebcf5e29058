//! What a provider offers, by name.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::operations::{
    ErasedDataSource, ErasedEphemeral, ErasedResource, OfDataSource, OfEphemeral, OfResource,
};
use super::{DataSource, EphemeralResource, Function, Resource};
use crate::diagnostic::{Diagnostic, Diagnostics};

/// What a provider offers. `C` is its client.
pub struct Registry<C> {
    pub(crate) resources: BTreeMap<String, Arc<dyn ErasedResource<C>>>,
    pub(crate) data_sources: BTreeMap<String, Arc<dyn ErasedDataSource<C>>>,
    pub(crate) ephemeral: BTreeMap<String, Arc<dyn ErasedEphemeral<C>>>,
    pub(crate) functions: BTreeMap<String, Arc<dyn Function>>,
    pub(crate) problems: Diagnostics,
}

impl<C: Send + Sync + 'static> Registry<C> {
    pub(crate) fn new() -> Registry<C> {
        Registry {
            resources: BTreeMap::new(),
            data_sources: BTreeMap::new(),
            ephemeral: BTreeMap::new(),
            functions: BTreeMap::new(),
            problems: Diagnostics::new(),
        }
    }

    /// Offers a resource.
    pub fn resource<R: Resource<Client = C>>(&mut self, resource: R) -> &mut Registry<C> {
        let erased = OfResource::new(resource);
        let name = erased.schema().name.clone();
        self.problems.extend(erased.schema().problems());
        if self.resources.insert(name.clone(), Arc::new(erased)).is_some() {
            self.twice("resource", &name);
        }
        self
    }

    /// Offers a data source.
    pub fn data_source<D: DataSource<Client = C>>(&mut self, data_source: D) -> &mut Registry<C> {
        let erased = OfDataSource::new(data_source);
        let name = erased.schema().name.clone();
        self.problems.extend(erased.schema().problems());
        if self.data_sources.insert(name.clone(), Arc::new(erased)).is_some() {
            self.twice("data source", &name);
        }
        self
    }

    /// Offers an ephemeral resource.
    pub fn ephemeral<E: EphemeralResource<Client = C>>(&mut self, ephemeral: E) -> &mut Registry<C> {
        let erased = OfEphemeral::new(ephemeral);
        let name = erased.schema().name.clone();
        self.problems.extend(erased.schema().problems());
        if self.ephemeral.insert(name.clone(), Arc::new(erased)).is_some() {
            self.twice("ephemeral resource", &name);
        }
        self
    }

    /// Offers a function.
    pub fn function(&mut self, function: impl Function) -> &mut Registry<C> {
        let name = function.signature().name;
        if self.functions.insert(name.clone(), Arc::new(function)).is_some() {
            self.twice("function", &name);
        }
        self
    }

    fn twice(&mut self, kind: &str, name: &str) {
        let summary = format!("The {kind} `{name}` is offered twice");
        self.problems.push(Diagnostic::error(summary).detail("This is a bug in the provider."));
    }
}
