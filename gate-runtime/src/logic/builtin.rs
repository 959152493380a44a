//! Ready-made policies that read no field, for any tool.

use gate_core::approval::anyone;

use super::tool::Tool;
use super::tool::policy::{Policy, PolicySource, approve, deny};

/// Declares a ready-made policy, whose text is its own source. The example after it is only for the
/// documentation.
macro_rules! builtin {
    ($(#[doc = $doc:literal])* $name:ident: $otherwise:expr, $(#[doc = $example:literal])*) => {
        $(#[doc = $doc])*
        ///
        $(#[doc = $example])*
        pub fn $name<T: Tool>() -> Policy<T> {
            let source = PolicySource {
                name: stringify!($name),
                about: concat!($($doc, "\n"),*),
                text: concat!("{ rules.otherwise(", stringify!($otherwise), ") }"),
                tokens: stringify!($otherwise),
                line: 0,
                column: 0,
            };
            Policy::builtin(&source, $otherwise.into())
        }
    };
}

builtin! {
    /// Approves every call without a person: for tools that change nothing.
    never_ask: approve(),
    /// ```
    /// use gate_runtime::prelude::*;
    ///
    /// /// Read one order.
    /// #[gated_tool(policy = "never_ask", read_only)]
    /// fn get_order(order_id: String) -> String {
    ///     format!("{order_id}: paid")
    /// }
    ///
    /// assert_eq!(GetOrder::policy().view().otherwise().verdict(), Verdict::Approve);
    /// ```
}

builtin! {
    /// Asks any reviewer about every call.
    always_ask: anyone(),
    /// ```
    /// use gate_runtime::prelude::*;
    ///
    /// /// Delete an account.
    /// #[gated_tool(policy = "always_ask", destructive)]
    /// fn delete_account(user_id: String) -> String {
    ///     format!("deleted {user_id}")
    /// }
    ///
    /// assert_eq!(DeleteAccount::policy().view().otherwise().verdict(), Verdict::Ask);
    /// ```
}

builtin! {
    /// Denies every call.
    always_deny: deny(),
    /// ```
    /// use gate_runtime::prelude::*;
    ///
    /// /// Drop a table.
    /// #[gated_tool(policy = "always_deny", destructive)]
    /// fn drop_table(name: String) -> String {
    ///     format!("dropped {name}")
    /// }
    ///
    /// assert_eq!(DropTable::policy().view().otherwise().verdict(), Verdict::Deny);
    /// ```
}
