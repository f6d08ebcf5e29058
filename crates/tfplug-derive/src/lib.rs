//! The derive macro of tfplug.
