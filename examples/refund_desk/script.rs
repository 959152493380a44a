//! The scripted conversation: what the customer, the agent and, without a terminal, the reviewer
//! say.

use anyhow::Context as _;
use serde_json::{Value, json};

/// The customer's lines. The agent answers each with one of its scenes.
pub const CUSTOMER: [&str; 5] = [
    "Hi, my coffee grinder (A-1001) was charged twice. The second charge was $24.",
    "And the espresso machine (A-1002) leaks. I want $15,000 for the damage!",
    "Fine. Then just $120 back for the repair of it.",
    "The cups (A-1003) came with two of six broken. I'd like all $60 back.",
    "Thanks. I am done with this shop: delete my account and everything in it.",
];

/// The lines that the manager types, where nobody sits at the terminal.
pub const MANAGER: &str = "\
a\nissue_refund\nthe repair bill is plausible\n\
e\namount_cents\n2000\n\nissue_refund\ntwo of six are broken, so a third\n\
r\nan account with refunds under way is not deleted: ask her again next week\n";

/// The agent's lines, response by response.
pub struct Script {
    responses: std::vec::IntoIter<Value>,
}

impl Script {
    pub fn new() -> Self {
        let refund = |id: &str, order: &str, cents: u64| {
            call(
                id,
                "issue_refund",
                &json!({"order_id": order, "customer_id": "c-88", "amount_cents": cents}),
            )
        };
        let responses = vec![
            calls(
                "Let me look at that order.",
                &[call("call_1", "get_order", &json!({"order_id": "A-1001"}))],
            ),
            calls("That is a double charge. I refund it.", &[refund("call_2", "A-1001", 2_400)]),
            says("Done: $24 are on their way to you."),
            calls("I see what I can do.", &[refund("call_3", "A-1002", 1_500_000)]),
            says("I am sorry: that is more than I am allowed to refund, and nothing was refunded."),
            calls("I refund the repair.", &[refund("call_4", "A-1002", 12_000)]),
            says("Done: $120 for the repair, approved by our manager."),
            calls("I refund the cups.", &[refund("call_5", "A-1003", 6_000)]),
            says("Our manager changed it: $20 for the two broken cups, and that is what you get."),
            calls(
                "As you wish.",
                &[call("call_6", "delete_account", &json!({"customer_id": "c-88"}))],
            ),
            says(
                "Your account was not deleted: our manager asks you to come back next week, when \
                 the refunds are through.",
            ),
        ];
        Self { responses: responses.into_iter() }
    }

    pub fn reply(&mut self, _messages: &[Value]) -> anyhow::Result<Value> {
        self.responses.next().context("the script is at its end")
    }
}

fn says(text: &str) -> Value {
    json!({"choices": [{"message": {"role": "assistant", "content": text}}]})
}

fn calls(text: &str, calls: &[Value]) -> Value {
    json!({"choices": [{"message": {"role": "assistant", "content": text, "tool_calls": calls}}]})
}

fn call(id: &str, tool: &str, arguments: &Value) -> Value {
    json!({
        "id": id,
        "type": "function",
        "function": {"name": tool, "arguments": arguments.to_string()},
    })
}
