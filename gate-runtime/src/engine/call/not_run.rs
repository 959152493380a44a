//! Converts errors into the reason why a call does not run.

use gate_core::call::NotRun;

pub(crate) fn unavailable(error: impl std::fmt::Display) -> NotRun {
    NotRun::Unavailable { problem: error.to_string() }
}

pub(crate) fn invalid(error: impl std::fmt::Display) -> NotRun {
    NotRun::Invalid { problem: error.to_string() }
}
