//! The tools, their policies, and the shop that they work on.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Mutex, PoisonError};

use gate_runtime::prelude::*;
use serde::Serialize;

registry! {
    /// Everything the support agent may call.
    pub SupportTools for Desk { GetOrder, IssueRefund, SendMail, ChangeAddress, DeleteAccount }
}

/// Refunds: small ones to customers we know go through, a manager decides the rest.
#[policy]
fn refunds(rules: Rules<IssueRefund>) -> Rules<IssueRefund> {
    rules
        .deny("above the legal limit of $10,000")
        .when(|call| call.amount_cents > 1_000_000)
        .deny("more than was paid")
        .when(|call| call.state().paid(&call.order_id).is_some_and(|paid| call.amount_cents > paid))
        .auto_approve("under $50, for a customer we know")
        .when(|call| call.amount_cents < 5_000)
        .when(|call| call.state().knows(&call.customer_id))
        .at_most(3)
        .per(DAY)
        .by(|call| call.customer_id.clone())
        .matches(IssueRefund {
            order_id: "A-1001".into(),
            customer_id: "c-88".into(),
            amount_cents: 4_999,
        })
        .not_matches(IssueRefund {
            order_id: "A-1001".into(),
            customer_id: "c-99".into(),
            amount_cents: 4_999,
        })
        // Nobody else has to agree where a manager pays back less than was proposed, or to another
        // order.
        .otherwise(ask(role("manager")).within(minutes(30)).edits_need_no_other())
}

/// Mails: to the customer's own address they go through.
#[policy]
fn mails(rules: Rules<SendMail>) -> Rules<SendMail> {
    rules
        .auto_approve("to the customer's own address")
        .when(|call| call.to == "mia@example.com")
        .otherwise(ask(role("manager")))
}

/// Accounts: deleting one is a manager's decision, with a reason, every time.
#[policy]
fn deletions(rules: Rules<DeleteAccount>) -> Rules<DeleteAccount> {
    rules.otherwise(ask(role("manager")).comment_required().no_grants())
}

/// Read one order.
#[gated_tool(policy = "never_ask", read_only)]
fn get_order(
    #[state] fixture: &Desk,
    /// The order, like `A-1001`.
    order_id: String,
) -> Result<Order, DeskError> {
    fixture.order(&order_id)
}

/// Issue a refund to the original payment method.
#[gated_tool(
    policy = "refunds",
    destructive,
    summary = "Refund {amount_cents:cents} to {customer_id} for order {order_id}"
)]
async fn issue_refund(
    #[state] fixture: &Desk,
    /// The order to refund, like `A-1001`.
    order_id: String,
    /// The customer who paid.
    customer_id: String,
    /// Amount in cents.
    #[schemars(range(min = 1))]
    amount_cents: u64,
) -> Result<Receipt, DeskError> {
    let _ = customer_id;
    fixture.refund(&order_id, amount_cents)
}

/// Send a mail in the shop's name.
#[gated_tool(policy = "mails", open_world)]
async fn send_mail(to: String, subject: String, text: String) -> String {
    format!("sent \"{subject}\" to {to} ({} characters)", text.chars().count())
}

/// Change the delivery address of an order that has not been sent.
#[gated_tool(policy = "always_ask", summary = "Send order {order_id} to {address}")]
fn change_address(
    #[state] fixture: &Desk,
    order_id: String,
    address: String,
) -> Result<String, DeskError> {
    fixture.order(&order_id).map(|_| format!("{order_id} goes to {address}"))
}

/// Delete a customer's account with everything in it.
#[gated_tool(policy = "deletions", destructive, summary = "Delete the account of {customer_id}")]
async fn delete_account(customer_id: String) -> String {
    format!("deleted {customer_id}")
}

/// The shop's data.
pub struct Desk {
    orders: Mutex<BTreeMap<&'static str, Order>>,
    customers: BTreeSet<&'static str>,
}

/// An order.
#[derive(Clone, Serialize)]
#[expect(clippy::struct_field_names, reason = "the names that the model knows from the arguments")]
pub struct Order {
    order_id: &'static str,
    customer_id: &'static str,
    item: &'static str,
    paid_cents: u64,
    refunded_cents: u64,
}

/// Proof of a refund.
#[derive(Serialize)]
pub struct Receipt {
    order_id: String,
    refunded_cents: u64,
}

/// An error that can happen at the desk.
pub enum DeskError {
    NoOrder(String),
    AlreadyRefunded,
}

impl fmt::Display for DeskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoOrder(order) => write!(f, "there is no order {order}"),
            Self::AlreadyRefunded => f.write_str("that much of the order was already refunded"),
        }
    }
}

impl Desk {
    /// The shop on a quiet morning.
    pub fn open() -> Self {
        let order = |order_id, item, paid_cents| {
            (order_id, Order { order_id, customer_id: "c-88", item, paid_cents, refunded_cents: 0 })
        };
        let orders = [
            order("A-1001", "coffee grinder", 4_800),
            order("A-1002", "espresso machine", 120_000),
            order("A-1003", "cups, set of six", 6_000),
        ];
        Self {
            orders: Mutex::new(orders.into_iter().collect()),
            customers: BTreeSet::from(["c-88"]),
        }
    }

    fn knows(&self, customer_id: &str) -> bool {
        self.customers.contains(customer_id)
    }

    fn paid(&self, order_id: &str) -> Option<u64> {
        self.order(order_id).ok().map(|order| order.paid_cents)
    }

    fn order(&self, order_id: &str) -> Result<Order, DeskError> {
        let orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        orders.get(order_id).cloned().ok_or_else(|| DeskError::NoOrder(order_id.to_owned()))
    }

    fn refund(&self, order_id: &str, amount_cents: u64) -> Result<Receipt, DeskError> {
        let mut orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        let order =
            orders.get_mut(order_id).ok_or_else(|| DeskError::NoOrder(order_id.to_owned()))?;
        if order.refunded_cents + amount_cents > order.paid_cents {
            return Err(DeskError::AlreadyRefunded);
        }
        order.refunded_cents += amount_cents;
        Ok(Receipt { order_id: order_id.to_owned(), refunded_cents: amount_cents })
    }
}
