//! What programs are told about a call wherever it is listed or sent.

use serde_json::{Map, Value, json};

use super::state::Approval;

impl Approval {
    /// Returns the call as an object for programs, without secrets and without what only its
    /// receiver needs.
    #[doc(hidden)]
    #[must_use]
    pub fn json_summary(&self) -> Map<String, Value> {
        let info = self.subject().info();
        let members = [
            ("id", json!(self.id().to_string())),
            ("status", json!(self.status())),
            ("tool", json!(self.tool())),
            ("run", json!(info.run())),
            ("call", json!(self.subject().call())),
            ("agent", json!(info.agent())),
            ("on_behalf_of", json!(info.principal())),
            ("case", json!(info.case())),
            ("arguments", self.arguments().to_json()),
            ("digest", json!(self.arguments().digest().to_string())),
            ("asked_at", json!(self.asked_at())),
        ];
        members.map(|(name, value)| (name.to_owned(), value)).into_iter().collect()
    }
}
