//! cedar-policy 4.14.1: a `forbid` that errs is skipped, and the call is allowed.

use cedar_policy::{Authorizer, Context, Decision, Entities, EntityUid, PolicySet, Request};

fn decide(policies: &str) -> (Decision, usize) {
    let uid = |text: &str| text.parse::<EntityUid>().unwrap();
    let (agent, action, order) =
        (uid(r#"Agent::"support""#), uid(r#"Action::"refund""#), uid(r#"Order::"A-1""#));
    let request = Request::new(agent, action, order, Context::empty(), None).unwrap();
    let policies: PolicySet = policies.parse().unwrap();
    let answer = Authorizer::new().is_authorized(&request, &policies, &Entities::empty());
    (answer.decision(), answer.diagnostics().errors().count())
}

const LIMIT: &str = "permit(principal, action, resource); forbid(principal, action, resource) when \
                     { context.amount > 100 };";

#[test]
fn a_forbid_that_errs_is_skipped() {
    // The request has no `amount`: the rule that should stop it fails, and does not stop it.
    assert_eq!(decide(LIMIT), (Decision::Allow, 1));
}

#[test]
fn a_misspelt_attribute_is_found_when_it_runs_and_allows() {
    assert_eq!(decide(&LIMIT.replace("amount", "amuont")), (Decision::Allow, 1));
}
