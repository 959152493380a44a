//! The pages.

mod answers;
mod approval;
mod case;
mod edit;
mod frame;
mod grant;
mod grant_scope;
mod grants_and_freezes;
mod history;
mod link;
mod overview;
mod pending;
mod precedents;
mod query;
mod rules;
mod sign_in;
mod span;
mod timeline;

pub(crate) use answers::{DecisionDraft, ProblemForm};
pub(crate) use approval::{approval, changed};
pub(crate) use case::{CaseHistory, case};
pub(crate) use edit::{confirm, edit};
pub(crate) use frame::{FormToken, notice, welcome};
pub(crate) use grant::{confirm_grant, grant};
pub(crate) use grants_and_freezes::grants_and_freezes;
pub(crate) use history::history;
pub(crate) use link::link;
pub(crate) use overview::{Overview, overview};
pub(crate) use pending::pending;
pub(crate) use precedents::ShownPrecedents;
pub(crate) use rules::{RulesView, rules};
pub(crate) use sign_in::sign_in;
pub(crate) use span::TimeSpan;
