// mistakes: 1
#![allow(unused, private_interfaces)]
use gate_runtime::prelude::*;

use std::cell::RefCell;

pub struct Billing {
    currency: RefCell<String>,
}

pub struct App {
    billing: Billing,
}

impl Provides<Billing> for App {
    fn provide(&self) -> &Billing {
        &self.billing
    }
}

/// Name the currency.
#[gated_tool(policy = "never_ask")]
pub async fn currency(#[state] billing: &Billing) -> String {
    billing.currency.borrow().clone()
}

registry! {
    /// All.
    pub Tools for App { Currency }
}

fn main() {}
