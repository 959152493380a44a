//! The tools of a gate.

use std::collections::BTreeSet;
use std::ops::Deref;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use foldhash::HashMap;
use gate_core::assessment::Assessment;
use gate_core::call::{Arguments, CommitmentKeys, Descriptor, ToolOutcome};
use gate_core::id::{AgentName, ToolName};
use gate_core::text::{Digest, SchemaError};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;

use crate::lock::lock;
use crate::logic::erased_tool::ErasedTool;
use crate::logic::secret_redaction::SecretRedaction;
use crate::logic::secret_scrubber::SecretScrubber;
use crate::logic::tool_spec::ToolSpec;
use crate::provenance::CallFacts;

/// One tool of a gate.
pub(crate) struct GateTool {
    pub(crate) name: ToolName,
    pub(crate) descriptor: &'static Descriptor,
    pub(crate) spec: &'static ToolSpec,
    pub(crate) tool: ErasedTool,
    /// The digest of the tool's own policy.
    pub(crate) policy: Digest,
    pub(crate) agents: Vec<(AgentName, Digest)>,
    /// The assessment of its last call, which most calls share.
    pub(crate) last: Mutex<Option<Arc<Assessment>>>,
    /// Set once one of its rules has used the origin of a value.
    pub(crate) asks_origins: AtomicBool,
    /// The texts that its schema offers as choices.
    pub(crate) choices: Arc<BTreeSet<String>>,
}

impl GateTool {
    /// Returns the redaction of its secrets.
    pub(crate) fn redaction<'a>(&self, keys: &'a CommitmentKeys) -> SecretRedaction<'a> {
        SecretRedaction { schema: self.descriptor.input_schema(), keys }
    }

    /// Returns the arguments of a call in the form in which they are stored.
    pub(crate) fn seal(
        &self,
        arguments: &Value,
        keys: &CommitmentKeys,
    ) -> Result<Arguments, SchemaError> {
        if self.spec.has_secrets {
            self.redaction(keys).seal(arguments)
        } else {
            Arguments::new(arguments, Vec::new())
        }
    }

    /// Returns a scrubber for the secrets among the arguments of a call.
    pub(crate) fn secrets(&self, arguments: &Value) -> SecretScrubber {
        if self.spec.has_secrets {
            SecretScrubber::of(self.descriptor.input_schema(), arguments)
        } else {
            SecretScrubber::default()
        }
    }

    /// Returns the outcome of a body without the secrets among its arguments.
    pub(crate) fn clean(&self, arguments: &Value, outcome: ToolOutcome) -> ToolOutcome {
        let scrub = self.secrets(arguments);
        match outcome {
            outcome if scrub.is_empty() => outcome,
            ToolOutcome::Returned { json } => {
                ToolOutcome::Returned { json: scrub.clean_json(&json).into() }
            }
            ToolOutcome::Failed { error } => {
                ToolOutcome::Failed { error: scrub.clean(&error).into() }
            }
        }
    }

    /// Returns the last call's assessment if it is the same, so that it is in memory once.
    pub(crate) fn share(&self, assessment: Arc<Assessment>) -> Arc<Assessment> {
        // The lock is held during comparison and replacement. Concurrent calls may share or replace
        // the assessment in any order.
        let mut last = lock(&self.last);
        if let Some(known) = last.as_ref().filter(|known| known.is_same(&assessment)) {
            return Arc::clone(known);
        }
        *last = Some(Arc::clone(&assessment));
        assessment
    }

    /// Returns the facts of a call that are needed to find the origins of its values.
    pub(crate) fn facts(&self, arguments: &Value, now: Timestamp) -> CallFacts {
        let today = now.to_zoned_datetime(TimeZone::UTC).date();
        CallFacts::new(
            self.name.as_str(),
            arguments.clone(),
            Arc::clone(&self.choices),
            Some(today),
        )
    }

    /// Returns the digest of the policies that evaluate an agent's calls of the tool.
    pub(crate) fn policy_digest(&self, agent: &AgentName) -> Digest {
        self.agents
            .iter()
            .find(|(name, _)| name == agent)
            .map_or(self.policy, |(_, digest)| *digest)
    }
}

/// The tools, in the order of the registry, with an index by name.
pub(crate) struct GateTools {
    listed: Vec<GateTool>,
    indexes: HashMap<ToolName, usize>,
}

impl GateTools {
    pub(crate) fn new(listed: Vec<GateTool>) -> Self {
        let indexes =
            listed.iter().enumerate().map(|(index, tool)| (tool.name.clone(), index)).collect();
        Self { listed, indexes }
    }

    /// Returns a tool and its index.
    pub(crate) fn by_name(&self, name: &str) -> Option<(usize, &GateTool)> {
        let index = *self.indexes.get(name)?;
        Some((index, self.listed.get(index)?))
    }
}

impl Deref for GateTools {
    type Target = [GateTool];

    fn deref(&self) -> &[GateTool] {
        &self.listed
    }
}
