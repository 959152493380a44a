//! The calls and questions of remote agents.

use gate_runtime::id::Role;
use gate_runtime::people::RemoteAgent;
use gate_runtime::policy::{Requirement, ReviewerSelector, anyone, ask, role};
use gate_runtime::remote::{AcceptedAnswers, RemoteCall, RemoteRequest, RequestPriority};
use gate_runtime::tool::Annotations;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::problem::{ApiProblem, INVALID};
use crate::notify::Callbacks;

/// The default time that people have: a day, in seconds.
const DAY: u32 = 86_400;

/// Declares a request of a program, with its own fields and the fields that all requests share.
macro_rules! asked {
    ($(#[$doc:meta])* struct $Name:ident { $($own:tt)* }) => {
        $(#[$doc])*
        #[derive(Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub(super) struct $Name {
            /// Its id within its run. A request with the same id is the same question.
            #[schemars(length(min = 1, max = 256))]
            external_id: String,
            /// The run that it belongs to; a new one if it is left out.
            #[schemars(length(min = 1, max = 256))]
            run: Option<String>,
            $($own)*
            /// The subject, in one line. People see it as the agent's claim.
            #[schemars(length(max = 500))]
            summary: Option<String>,
            /// The agent's reason, which people see as its claim.
            #[schemars(length(max = 50_000))]
            reasoning: Option<String>,
            /// The case it belongs to: all calls of a case are shown together.
            #[schemars(length(min = 1, max = 256))]
            case: Option<String>,
            /// The person for whom the agent works, who does not count among those who decide.
            #[schemars(length(min = 1, max = 256))]
            on_behalf_of: Option<String>,
            /// The role that is asked. By default, any reviewer. A role that the people file
            /// requires is asked in any case.
            #[schemars(length(min = 1, max = 256))]
            required_role: Option<String>,
            /// The number of people who must agree.
            #[serde(default = "one")]
            #[schemars(range(min = 1, max = 20))]
            count: u8,
            /// Requires a reason of a person who approves or answers.
            #[serde(default)]
            comment_required: bool,
            /// The urgency, as the agent claims it.
            #[serde(default)]
            priority: RequestPriority,
            /// The time that people have to decide, in seconds. Defaults to one day. After it, the
            /// call has expired, and does not run.
            #[serde(default = "day")]
            #[schemars(range(min = 1, max = 2_592_000))]
            expires_in: u32,
            /// The URL that receives the decision, in a signed POST.
            #[schemars(url, length(max = 2_000))]
            callback_url: Option<String>,
        }

        impl $Name {
            /// Takes the fields that all requests share.
            fn matter(&mut self) -> AskOptions {
                AskOptions {
                    run: self.run.take(),
                    summary: self.summary.take(),
                    reasoning: self.reasoning.take(),
                    case: self.case.take(),
                    on_behalf_of: self.on_behalf_of.take(),
                    required_role: self.required_role.take(),
                    count: self.count,
                    comment_required: self.comment_required,
                    priority: self.priority,
                    expires_in: self.expires_in,
                    callback_url: self.callback_url.take(),
                }
            }
        }
    };
}

asked! {
    /// A call that a program asks people about before it runs it.
    struct NewApproval {
        /// The name of the function that the program would call.
        #[schemars(length(min = 1, max = 200), regex(pattern = "^[A-Za-z0-9_.-]+$"))]
        tool: String,
        /// The arguments of the call: an object.
        #[schemars(with = "serde_json::Map<String, Value>")]
        arguments: Box<RawValue>,
        /// The purpose of the function.
        #[serde(default)]
        #[schemars(length(max = 10_000))]
        description: String,
        /// The JSON Schema (2020-12) of the arguments. Edited arguments must conform to it.
        #[schemars(with = "Option<serde_json::Map<String, Value>>")]
        schema: Option<Value>,
        /// Marks a call that cannot be undone. A person who approves it types the tool's name.
        #[serde(default)]
        destructive: bool,
        /// Lets people change the arguments.
        #[serde(default = "yes")]
        editable: bool,
    }
}

asked! {
    /// A question that is not a call. People answer it, and nothing runs.
    struct NewQuestion {
        /// The question.
        #[schemars(length(min = 1, max = 10_000))]
        question: String,
        /// The form of a valid answer.
        #[serde(default)]
        kind: AnswerKind,
        /// The choices, for a question of kind `choice`: two or more.
        #[serde(default)]
        #[schemars(length(max = 20))]
        choices: Vec<String>,
    }
}

/// The form of a valid answer to a question.
#[derive(Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum AnswerKind {
    /// `yes` or `no`.
    Approve,
    /// One of the choices, exactly as written.
    Choice,
    /// Any text.
    #[default]
    Text,
}

/// The fields that all requests share.
struct AskOptions {
    run: Option<String>,
    summary: Option<String>,
    reasoning: Option<String>,
    case: Option<String>,
    on_behalf_of: Option<String>,
    required_role: Option<String>,
    count: u8,
    comment_required: bool,
    priority: RequestPriority,
    expires_in: u32,
    callback_url: Option<String>,
}

fn yes() -> bool {
    true
}

fn one() -> u8 {
    1
}

fn day() -> u32 {
    DAY
}

impl NewApproval {
    pub(super) fn call(
        mut self,
        agent: &RemoteAgent,
        callbacks: Option<&Callbacks>,
    ) -> Result<RemoteCall, ApiProblem> {
        let case_id = self.matter();
        let hints = Annotations { destructive: self.destructive, ..Annotations::default() };
        let mut call = RemoteCall::new(self.external_id, self.tool, self.arguments.get())
            .describe(self.description)
            .annotations(hints);
        if let Some(schema) = self.schema {
            call = call.schema(schema);
        }
        let fixed = !self.editable;
        case_id.of(call, agent, callbacks, |who| if fixed { who.not_editable() } else { who })
    }
}

impl NewQuestion {
    pub(super) fn call(
        mut self,
        agent: &RemoteAgent,
        callbacks: Option<&Callbacks>,
    ) -> Result<RemoteCall, ApiProblem> {
        let case_id = self.matter();
        let answers = match (self.kind, self.choices.is_empty()) {
            (AnswerKind::Approve, true) => AcceptedAnswers::one_of(["yes", "no"]),
            (AnswerKind::Choice, false) => AcceptedAnswers::one_of(self.choices),
            (AnswerKind::Text, true) => AcceptedAnswers::Text,
            (AnswerKind::Choice, true) => {
                return Err(ApiProblem::new(
                    INVALID,
                    "A question of kind `choice` needs `choices`: the words to choose from.",
                ));
            }
            (AnswerKind::Approve | AnswerKind::Text, false) => {
                return Err(ApiProblem::new(
                    INVALID,
                    "`choices` need a question of kind `choice`: change `kind`, or omit them.",
                ));
            }
        };
        let arguments = json!({ "question": self.question }).to_string();
        let call = RemoteCall::new(self.external_id, "question", arguments)
            .describe("Asks people a question. Nothing runs.");
        case_id.of(call, agent, callbacks, |who| who.answered(answers.clone()))
    }
}

/// Checks a callback URL, so that a URL that would not be called is refused.
fn check(callbacks: Option<&Callbacks>, url: &str) -> Result<(), ApiProblem> {
    let message = "This inbox sends no callbacks: omit `callback_url`, and wait for the decision.";
    let callbacks = callbacks.ok_or_else(|| ApiProblem::new(INVALID, message))?;
    callbacks
        .check(url)
        .map_err(|bad| ApiProblem::new(INVALID, format_args!("`callback_url`: {bad}")))
}

impl AskOptions {
    /// Returns the call with the shared fields, and with all required roles.
    fn of(
        self,
        call: RemoteCall,
        agent: &RemoteAgent,
        callbacks: Option<&Callbacks>,
        option: impl Fn(Requirement) -> Requirement,
    ) -> Result<RemoteCall, ApiProblem> {
        let within = std::time::Duration::from_secs(self.expires_in.into());
        let who = |who: ReviewerSelector| {
            let requirement = ask(who).count(self.count).within(within);
            option(if self.comment_required { requirement.comment_required() } else { requirement })
        };
        let mut request = RemoteRequest::new().priority(self.priority);
        if let Some(summary) = self.summary {
            request = request.summary(summary);
        }
        if let Some(url) = self.callback_url {
            check(callbacks, &url)?;
            request = request.callback(url);
        }
        let mut call = call.request(request);
        if let Some(run) = self.run {
            call = call.run(run);
        }
        if let Some(case) = self.case {
            call = call.case(case);
        }
        if let Some(principal) = self.on_behalf_of {
            call = call.on_behalf_of(principal);
        }
        if let Some(text) = self.reasoning {
            call = call.reasoning(text);
        }
        let named = self.required_role.map_or_else(anyone, role);
        // A role that both the file and the agent name is asked once, with the stricter of the two
        // requirements.
        let is_meant =
            |always: &Role| matches!(&named, ReviewerSelector::Anyone) || named == role(always);
        if !agent.asks().iter().any(is_meant) {
            call = call.ask("the agent asks for it", who(named.clone()));
        }
        for always in agent.asks() {
            let asked = if is_meant(always) {
                who(role(always))
            } else {
                option(ask(role(always)).within(within))
            };
            call = call.ask("the people file asks for it", asked);
        }
        Ok(call)
    }
}
