//! Compares the complete code that the macros emit with files, so that reviews show every change.
//!
//! `UPDATE_GOLDEN=1 cargo test -p gate-macros` writes the files again.

use std::fs;
use std::path::Path;

use proc_macro2::TokenStream;
use quote::quote;

/// Compares an expansion, formatted, with the file of its name.
fn compare(name: &str, expansion: TokenStream) {
    let file = syn::parse2(expansion).expect("the expansion is Rust");
    let found = prettyplease::unparse(&file);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("src/golden/{name}.rs"));
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, &found).expect("the golden file can be written");
    }
    let wanted = fs::read_to_string(&path).unwrap_or_default();
    assert!(found == wanted, "{} differs from what is emitted now:\n{found}", path.display());
}

fn tool(name: &str, options: TokenStream, function: &TokenStream) {
    compare(name, crate::tool::gated_tool(options, function));
}

#[test]
fn a_plain_tool() {
    tool(
        "plain",
        quote!(policy = "never_ask"),
        &quote! {
            /// Read one order.
            fn get_order(order_id: String) -> String {
                order_id
            }
        },
    );
}

#[test]
fn a_tool_with_everything() {
    tool(
        "everything",
        quote!(
            policy = "crate::policies::refunds",
            name = "refund",
            title = "Issue a refund",
            summary = "Refund {amount_cents:cents} for order {order_id}",
            destructive,
            idempotent,
            open_world,
            timeout = "30s",
            reconcile = "was_refunded",
            on_error = "ask",
            secret(card)
        ),
        &quote! {
            /// Issue a refund.
            ///
            /// To the original payment method.
            #[cfg(feature = "refunds")]
            #[tracing::instrument(skip_all)]
            pub(crate) async fn issue_refund(
                #[context] context: &CallContext,
                /// The order to refund.
                #[serde(rename = "order")]
                order_id: String,
                #[state] billing: &Billing,
                #[schemars(range(min = 1))] amount_cents: u64,
                card: Card,
                mut note: Option<String>,
            ) -> Result<Receipt, BillingError> {
                billing.refund(context, order_id, amount_cents, card, note.take()).await
            }
        },
    );
}

#[test]
fn a_tool_without_arguments() {
    tool(
        "no_arguments",
        quote!(policy = "never_ask", read_only),
        &quote!(
            #[doc = " Reads the clock."]
            fn now() -> u64 {
                0
            }
        ),
    );
}

#[test]
fn a_tool_that_returns_nothing() {
    tool(
        "no_output",
        quote!(policy = "always_ask"),
        &quote!(
            #[doc = " Rings the bell."]
            pub async fn r#loop(r#type: u8) {
                let _ = r#type;
            }
        ),
    );
}

/// A renamed crate proves that no default path leaks.
#[test]
fn a_tool_of_a_renamed_crate() {
    let options = quote!(policy = "always_ask", crate = ::my::gate);
    let function = quote! {
        /// Work.
        fn work(
            #[state] desk: &Desk,
            #[context] context: &::my::gate::CallContext,
            order: String
        ) -> Result<(), String> {
            Ok(())
        }
    };
    let expansion = crate::tool::gated_tool(options.clone(), &function);
    assert!(!expansion.to_string().contains("gate_runtime"), "{expansion}");
    tool("renamed_crate", options, &function);
}

#[test]
fn a_tool_with_mistakes() {
    tool(
        "mistakes",
        quote!(policy = "refunds", secret(pin)),
        &quote! {
            /// Issue a refund.
            pub fn issue_refund(order_id: String, note: &str) -> Receipt {
                Receipt::of(order_id, note)
            }
        },
    );
}

#[test]
fn a_method_with_mistakes() {
    tool(
        "method",
        quote!(policy = "refunds"),
        &quote!(
            #[doc = " Work."]
            pub fn work(&self, #[state] desk: &Desk) {}
        ),
    );
}

#[test]
fn a_policy() {
    let policy = quote! {
        /// Refunds: small ones go through.
        pub fn refunds(rules: Rules<IssueRefund>) -> Rules<IssueRefund> {
            rules
                .auto_approve("small")
                .when(|call| call.amount_cents < 5_000)
                .otherwise(ask(anyone()))
        }
    };
    compare("policy", crate::policy::policy(TokenStream::new(), &policy));
}

#[test]
fn a_generic_policy_of_a_renamed_crate() {
    let policy = quote! {
        fn ask_a_human<T: Tool>(rules: Rules<T>) -> Rules<T> where T: Named {
            rules
        }
    };
    let expansion = crate::policy::policy(quote!(crate = ::my::gate), &policy);
    assert!(!expansion.to_string().contains("gate_runtime"), "{expansion}");
    compare("generic_policy", expansion);
}

#[test]
fn a_registry() {
    let registry = quote! {
        /// Everything the support agent may call.
        pub SupportTools for Billing { GetOrder, refunds::IssueRefund }
    };
    compare("registry", crate::registry::registry(registry));
}

#[test]
fn an_empty_registry_of_a_renamed_crate() {
    let expansion = crate::registry::registry(quote!(crate = ::my::gate; Nothing for () {}));
    assert!(!expansion.to_string().contains("gate_runtime"), "{expansion}");
    compare("empty_registry", expansion);
}
