//! The codec over generated values: what is written reads back the same, here and in go-cty.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod generate;
mod go_cty;
mod round_trip;
