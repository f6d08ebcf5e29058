//! Connections, discovery, watches, the live cache and writes.
