//! The guide: from your first gated tool to policies that scale. Six chapters, each of which runs.
//!
//! 1. [Gate your first tool](first_tool): a function becomes something that a model may propose,
//!    and only a gate can run.
//! 2. [Rules](rules): which calls run by themselves, which never do, and how to be sure of it.
//! 3. [People](people): who is asked, how they answer, and what becomes of the call meanwhile.
//! 4. [Models](models): the loop with OpenAI, Anthropic, Gemini or MCP, and what the gate must hear
//!    of it.
//! 5. [Policies that scale](scale): limits, origins, shared rules, agents, overlays, and tests for
//!    all of that.
//! 6. [Trust](trust): secrets, records, saved runs, and what is left when a process dies.
//!
//! Read the first three before you write anything. The reference is the [crate's front
//! page](crate).

pub mod first_tool;
pub mod models;
pub mod people;
pub mod rules;
pub mod scale;
pub mod trust;
