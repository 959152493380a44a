//! Notices for reviewers that a later gate lacks the call's tool or has another version of it, and
//! about the grants that therefore no longer cover the call.

use std::sync::Arc;

use gate_core::approval::{Approval, Status};
use gate_core::call::Descriptor;
use gate_core::id::ToolName;
use gate_core::ports::{KnownTool, RecordFilter, StoreError};
use gate_core::records::{GateEvent, RecordEvent};

use crate::engine::kernel::EngineCore;

impl EngineCore {
    /// Returns the tools that the store knows, if one of these calls depends on them.
    pub(crate) async fn tools_of(
        &self,
        calls: &[Arc<Approval>],
    ) -> Result<Vec<KnownTool>, StoreError> {
        let is_elsewhere =
            |call: &Arc<Approval>| may_run(call) && self.tool(call.tool().as_str()).is_none();
        if !calls.iter().any(is_elsewhere) {
            return Ok(Vec::new());
        }
        Ok(self.store.active_controls(self.now()).await?.tools)
    }

    /// Returns the notice about a call's tool, from this gate's own tools; `None` if there is none.
    pub(crate) fn own_tool_notice(&self, call: &Approval) -> Option<String> {
        let tool = self.tool(call.tool().as_str()).filter(|_| may_run(call))?;
        let message = || {
            format!(
                "This gate has another version of `{}`: here, this is judged again before it \
                 runs, and may be asked again.",
                call.tool()
            )
        };
        (tool.descriptor.digest() != call.subject().tool_digest()).then(message)
    }

    /// Returns the notice about a call's tool, from the tools that the store knows.
    pub(crate) async fn tool_notice(
        &self,
        call: &Approval,
        known: &[KnownTool],
    ) -> Result<Option<String>, StoreError> {
        if !may_run(call) || self.tool(call.tool().as_str()).is_some() {
            return Ok(self.own_tool_notice(call));
        }
        let (name, digest) = (call.tool(), call.subject().tool_digest());
        let Some(own) = known.iter().find(|tool| tool.name == *name && tool.digest == digest)
        else {
            return Ok(None);
        };
        let newer: Vec<&KnownTool> =
            known.iter().filter(|tool| tool.written > own.written).collect();
        let is_newer = |name: &ToolName| newer.iter().any(|tool| tool.name == *name);
        if is_newer(name) {
            return Ok(Some(format!(
                "A gate that was built later has another version of `{name}`: there, this is \
                 judged again before it runs, and may be asked again."
            )));
        }
        if own.written == 0 || newer.is_empty() {
            return Ok(None);
        }
        // Finds the last gate that had the tool. A later gate with some of its other tools has
        // replaced it.
        let last = RecordFilter::after(own.written - 1).limit(1);
        let last = self.store.records(&last).await?;
        let Some(RecordEvent::Gate(GateEvent::GateBuilt { tools, .. })) =
            last.first().map(|record| record.event())
        else {
            return Ok(None);
        };
        let is_replaced = tools.iter().any(|with| is_newer(with.tool()));
        Ok(is_replaced.then(|| {
            format!(
                "A gate that was built later does not have `{name}`, but has other tools of the \
                 one that had it last: if this is approved, it runs only where a gate has the tool."
            )
        }))
    }
}

impl EngineCore {
    /// Returns the grants that would cover a call if its tool and its policies had not changed,
    /// with these changes.
    pub(crate) async fn outdated_permissions(
        &self,
        call: &Approval,
        tool: Option<&Descriptor>,
    ) -> Result<Vec<String>, StoreError> {
        if call.status() != Status::Pending {
            return Ok(Vec::new());
        }
        let now = self.now();
        let mut found = Vec::new();
        for grant in self.store.active_controls(now).await?.grants {
            let Some(mut changes) = grant.outdated_for(call.subject(), call.arguments(), now)
            else {
                continue;
            };
            if let (Some(_), Some(tool)) = (changes.tool, tool) {
                let before = self.store.tool(grant.tool_digest()).await?;
                changes.set_differences(
                    before.into_iter().flat_map(|before| before.differences(tool)),
                );
            }
            let mut message = format!(
                "A standing permission of {} no longer covers such calls, because {} changed",
                grant.by(),
                changes.describe()
            );
            for (at, one) in changes.differences().iter().enumerate() {
                message += if at == 0 { ": " } else { "; " };
                message += &one.to_string();
            }
            found.push(message + ".");
        }
        Ok(found)
    }
}

/// Returns whether a call may still run, so that its tool matters.
fn may_run(call: &Approval) -> bool {
    let is_ours = call.subject().request().is_none() && call.answers().is_none();
    is_ours && matches!(call.status(), Status::Pending | Status::Approved)
}
