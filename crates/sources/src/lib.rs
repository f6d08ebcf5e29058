//! Git repositories and the renderers.
