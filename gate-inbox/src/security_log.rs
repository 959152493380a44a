//! The security log: sign-ins, failures, reads of records. Events of `tracing`, target
//! `gate::security`.
//!
//! It contains names, network addresses, ids and paths; never a token, and nothing of a call's
//! arguments. Failures are logged up to the rate limit, so that nobody can fill the log.

use std::net::IpAddr;

use gate_runtime::id::ReviewerId;

/// Somebody signed in.
pub(crate) fn signed_in(who: &ReviewerId, from: IpAddr) {
    tracing::info!(target: "gate::security", event = "signed_in", %who, %from);
}

/// Somebody tried to sign in, and nobody has that token.
pub(crate) fn sign_in_failed(from: IpAddr) {
    tracing::warn!(target: "gate::security", event = "sign_in_failed", %from);
}

/// Somebody signed out.
pub(crate) fn signed_out(who: &ReviewerId) {
    tracing::info!(target: "gate::security", event = "signed_out", %who);
}

/// A program came with a token that nobody has, or one of the wrong kind.
pub(crate) fn token_refused(from: IpAddr, why: &str) {
    tracing::warn!(target: "gate::security", event = "token_refused", %from, why);
}

/// Somebody read records, or took an export with them.
pub(crate) fn records_read(who: &ReviewerId, what: &str) {
    tracing::info!(target: "gate::security", event = "records_read", %who, what);
}
