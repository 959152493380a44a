//! The model that takes the agent's part: a script, or a real one.

use serde_json::Value;

use crate::script::Script;

/// The agent's mind.
pub enum Model {
    /// A play with fixed lines.
    Script(Script),
    /// A model behind an OpenAI-compatible server.
    #[cfg(feature = "openai")]
    Real(Box<real::Model>),
}

impl Model {
    /// Returns a real model if `OPENAI_API_KEY` is set, else the script.
    pub fn from_environment() -> Self {
        #[cfg(feature = "openai")]
        if let Ok(key) = std::env::var("OPENAI_API_KEY") {
            return Self::Real(Box::new(real::Model::new(&key)));
        }
        Self::Script(Script::new())
    }

    pub fn is_scripted(&self) -> bool {
        matches!(self, Self::Script(_))
    }

    pub fn name(&self) -> &str {
        match self {
            Self::Script(_) => "a script",
            #[cfg(feature = "openai")]
            Self::Real(model) => &model.name,
        }
    }

    /// Returns the model's response to the conversation so far, as Chat Completions sends it.
    #[cfg_attr(not(feature = "openai"), expect(clippy::unused_async, reason = "a script is there"))]
    pub async fn reply(&mut self, messages: &[Value]) -> anyhow::Result<Value> {
        match self {
            Self::Script(script) => script.reply(messages),
            #[cfg(feature = "openai")]
            Self::Real(model) => model.reply(messages).await,
        }
    }
}

#[cfg(feature = "openai")]
mod real {
    use anyhow::Context as _;
    use async_openai::Client;
    use async_openai::config::OpenAIConfig;
    use gate_runtime::dialect::openai;
    use gate_runtime::prelude::*;
    use serde_json::{Value, json};

    use crate::desk::SupportTools;

    pub struct Model {
        client: Client<OpenAIConfig>,
        pub name: String,
    }

    impl Model {
        pub fn new(key: &str) -> Self {
            let mut config = OpenAIConfig::new().with_api_key(key);
            if let Ok(base) = std::env::var("OPENAI_BASE_URL") {
                config = config.with_api_base(base);
            }
            let name = std::env::var("OPENAI_MODEL").unwrap_or_else(|_| "gpt-4o".to_owned());
            Self { client: Client::with_config(config), name }
        }

        pub async fn reply(&self, messages: &[Value]) -> anyhow::Result<Value> {
            let tools = openai::strict_tools(SupportTools::descriptors())?;
            let request = json!({"model": self.name, "messages": messages, "tools": tools});
            let response: Result<Value, _> = self.client.chat().create_byot(request).await;
            response.context(
                "the model's server did not answer: check OPENAI_BASE_URL, OPENAI_API_KEY and \
                 OPENAI_MODEL",
            )
        }
    }
}
