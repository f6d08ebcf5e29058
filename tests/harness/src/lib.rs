//! Real clusters, Git servers and binaries for tests.
