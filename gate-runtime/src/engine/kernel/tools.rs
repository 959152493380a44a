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
use crate::logic::bound::ErasedTool;
use crate::logic::redact::SecretRedaction;
use crate::logic::scrub::SecretScrubber;
use crate::logic::spec::ToolSpec;
use crate::provenance::CallFacts;

/// One tool of a gate.
pub(crate) struct GateTool {
    pub(crate) name: ToolName,
    pub(crate) descriptor: &'static Descriptor,
    pub(crate) spec: &'static ToolSpec,
    pub(crate) tool: ErasedTool,
    /// The digest of the tool's own policy, and of it with each agent's.
    pub(crate) policy: Digest,
    pub(crate) agents: Vec<(AgentName, Digest)>,
    /// The assessment of its last call. Most calls are judged alike.
    pub(crate) last: Mutex<Option<Arc<Assessment>>>,
    /// Set once a rule of it asked where a value came from.
    pub(crate) asks_origins: AtomicBool,
    /// The texts that its schema lets people choose from.
    pub(crate) choices: Arc<BTreeSet<String>>,
}

impl GateTool {
    /// Returns the way in which its secrets are taken out and put back.
    pub(crate) fn redaction<'a>(&self, keys: &'a CommitmentKeys) -> SecretRedaction<'a> {
        SecretRedaction { schema: self.descriptor.input_schema(), keys }
    }

    /// The arguments of a call as they are stored.
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

    /// Returns the secrets among the arguments of a call, to be kept out of what others read.
    pub(crate) fn secrets(&self, arguments: &Value) -> SecretScrubber {
        if self.spec.has_secrets {
            SecretScrubber::of(self.descriptor.input_schema(), arguments)
        } else {
            SecretScrubber::default()
        }
    }

    /// Returns what a body gave back, without the secrets among its arguments.
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

    /// Returns an assessment as the last call has it, where they are the same: then it is kept
    /// once.
    pub(crate) fn share(&self, assessment: Arc<Assessment>) -> Arc<Assessment> {
        let mut last = lock(&self.last);
        if let Some(known) = last.as_ref().filter(|known| known.is_same(&assessment)) {
            return Arc::clone(known);
        }
        *last = Some(Arc::clone(&assessment));
        assessment
    }

    /// Returns what a call of it says of its values.
    pub(crate) fn facts(&self, arguments: &Value, now: Timestamp) -> CallFacts {
        let today = now.to_zoned_datetime(TimeZone::UTC).date();
        CallFacts::new(
            self.name.as_str(),
            arguments.clone(),
            Arc::clone(&self.choices),
            Some(today),
        )
    }

    /// The digest of the policies that judge an agent's calls of the tool.
    pub(crate) fn policy_digest(&self, agent: &AgentName) -> Digest {
        self.agents
            .iter()
            .find(|(name, _)| name == agent)
            .map_or(self.policy, |(_, digest)| *digest)
    }
}

/// The tools, in the order in which the registry lists them, and found by their names.
pub(crate) struct GateTools {
    listed: Vec<GateTool>,
    places: HashMap<ToolName, usize>,
}

impl GateTools {
    pub(crate) fn new(listed: Vec<GateTool>) -> Self {
        let places =
            listed.iter().enumerate().map(|(place, tool)| (tool.name.clone(), place)).collect();
        Self { listed, places }
    }

    /// Returns a tool and its place.
    pub(crate) fn by_name(&self, name: &str) -> Option<(usize, &GateTool)> {
        let place = *self.places.get(name)?;
        Some((place, self.listed.get(place)?))
    }
}

impl Deref for GateTools {
    type Target = [GateTool];

    fn deref(&self) -> &[GateTool] {
        &self.listed
    }
}
