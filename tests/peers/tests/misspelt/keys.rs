use rmcp::{tool, tool_router};

struct Tools;

#[tool_router]
impl Tools {
    /// Pays.
    #[tool(nme = "pay")]
    async fn pay(&self) -> String {
        "paid".to_owned()
    }

    /// Refunds.
    #[tool(descriptoin = "refunds")]
    async fn refund(&self) -> String {
        "refunded".to_owned()
    }
}

fn main() {}
