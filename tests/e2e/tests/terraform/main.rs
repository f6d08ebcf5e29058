//! A real Terraform with the real provider, and the real agent on a real API server.

mod configuration;
mod destroy;
mod drift;
mod hand_over;
mod nothing;
mod replacement;
mod rules;
mod wait;
