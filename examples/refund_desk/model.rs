//! The model that takes the agent's part: a script, or a real one.

use anyhow::Context as _;
use async_openai::Client;
use async_openai::config::OpenAIConfig;
use serde_json::{Value, json};

use crate::script::Script;

/// The agent's mind.
pub enum Model {
    /// A play with fixed lines.
    Script(Script),
    /// A model behind an OpenAI-compatible server.
    Real { client: Box<Client<OpenAIConfig>>, name: String },
}

impl Model {
    /// A real model if `OPENAI_API_KEY` is set, else the script.
    pub fn from_environment() -> Self {
        let Ok(key) = std::env::var("OPENAI_API_KEY") else { return Self::Script(Script::new()) };
        let mut config = OpenAIConfig::new().with_api_key(key);
        if let Ok(base) = std::env::var("OPENAI_BASE_URL") {
            config = config.with_api_base(base);
        }
        let name = std::env::var("OPENAI_MODEL").unwrap_or_else(|_| "gpt-4o".to_owned());
        Self::Real { client: Box::new(Client::with_config(config)), name }
    }

    pub fn is_scripted(&self) -> bool {
        matches!(self, Self::Script(_))
    }

    pub fn name(&self) -> &str {
        match self {
            Self::Script(_) => "a script",
            Self::Real { name, .. } => name,
        }
    }

    /// The model's response to the conversation so far, as Chat Completions sends it.
    pub async fn reply(&mut self, messages: &[Value]) -> anyhow::Result<Value> {
        match self {
            Self::Script(script) => script.reply(messages),
            Self::Real { client, name } => {
                let request =
                    json!({"model": name, "messages": messages, "tools": crate::tools()?});
                let response: Result<Value, _> = client.chat().create_byot(request).await;
                response.context(
                    "the model's server did not answer: check OPENAI_BASE_URL, OPENAI_API_KEY and \
                     OPENAI_MODEL",
                )
            }
        }
    }
}
