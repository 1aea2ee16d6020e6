//! The integration tests, one binary; what they share is under `support`.

#![allow(
    clippy::disallowed_methods,
    reason = "tests make and break files as they like"
)]

mod layering;
mod support;
