/// Refunds: small ones go through.
#[must_use]
pub fn refunds() -> <Rules<
    IssueRefund,
> as ::gate_runtime::__private::DeclaredRules>::Policy {
    fn refunds(rules: Rules<IssueRefund>) -> Rules<IssueRefund> {
        rules
            .auto_approve("small")
            .when(|call| call.amount_cents < 5_000)
            .otherwise(ask(anyone()))
    }
    ::gate_runtime::Policy::declare(
        &::gate_runtime::__private::PolicySource {
            name: "refunds",
            about: "Refunds: small ones go through.",
            text: "{ rules . auto_approve (\"small\") . when (| call | call . amount_cents < 5_000) . otherwise (ask (anyone ())) }",
            tokens: "{ rules . auto_approve ( \"small\" ) . when ( | call | call . amount_cents < 5_000 ) . otherwise ( ask ( anyone ( ) ) ) }",
            line: 0usize,
            column: 0usize,
        },
        refunds,
    )
}
