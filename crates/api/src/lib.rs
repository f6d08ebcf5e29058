//! Argo CD's resources, Secrets, ConfigMaps, annotations and ids as Rust types.
