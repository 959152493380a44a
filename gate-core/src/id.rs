//! Names and identifiers. Each is a type of its own, so that nobody can mix them up.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Declares a name: shared text with a type of its own.
macro_rules! name {
    ($(#[$doc:meta])* $Name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $Name(Arc<str>);

        impl $Name {
            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The same text, shared.
            #[allow(dead_code, reason = "only some names are shared as texts")]
            pub(crate) fn shared(&self) -> Arc<str> {
                Arc::clone(&self.0)
            }
        }

        impl From<&str> for $Name {
            fn from(text: &str) -> Self {
                Self(text.into())
            }
        }

        impl From<String> for $Name {
            fn from(text: String) -> Self {
                Self(text.into())
            }
        }

        impl From<&$Name> for $Name {
            fn from(name: &$Name) -> Self {
                name.clone()
            }
        }

        impl AsRef<str> for $Name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $Name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl PartialEq<str> for $Name {
            fn eq(&self, other: &str) -> bool {
                &*self.0 == other
            }
        }

        impl PartialEq<&str> for $Name {
            fn eq(&self, other: &&str) -> bool {
                &*self.0 == *other
            }
        }

        impl fmt::Display for $Name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $Name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }
    };
}

name! {
    /// One run of an agent: everything it does for one task or conversation.
    ///
    /// ```
    /// use gate_runtime::id::RunId;
    /// assert_eq!(RunId::from("run-42").as_str(), "run-42");
    /// ```
    RunId
}

name! {
    /// The id that the model gave to one proposed call; unique within its run.
    ///
    /// ```
    /// use gate_runtime::id::CallId;
    /// assert_eq!(CallId::from("call_1"), "call_1");
    /// ```
    CallId
}

name! {
    /// The name under which a model calls a tool.
    ///
    /// ```
    /// use gate_runtime::id::ToolName;
    /// assert_eq!(ToolName::from("issue_refund").to_string(), "issue_refund");
    /// ```
    ToolName
}

name! {
    /// The name of an agent, as it was given to the gate's builder.
    ///
    /// ```
    /// use gate_runtime::id::AgentName;
    /// assert_eq!(AgentName::from("support").as_str(), "support");
    /// ```
    AgentName
}

name! {
    /// The person for whom a run acts.
    ///
    /// ```
    /// use gate_runtime::id::Principal;
    /// assert_eq!(Principal::from("mia_li_3668").as_str(), "mia_li_3668");
    /// ```
    Principal
}

name! {
    /// The correlation id under which runs, approvals and actions of one matter are found together.
    ///
    /// ```
    /// use gate_runtime::id::CaseId;
    /// assert_eq!(CaseId::from("ticket-7").as_str(), "ticket-7");
    /// ```
    CaseId
}

name! {
    /// A person who may decide, as the directory knows them.
    ///
    /// ```
    /// use gate_runtime::id::ReviewerId;
    /// assert_eq!(ReviewerId::from("dana").as_str(), "dana");
    /// ```
    ReviewerId
}

name! {
    /// A role of a reviewer: what they are entitled to decide, as the directory says.
    ///
    /// ```
    /// use gate_runtime::id::Role;
    /// assert_eq!(Role::from("manager").as_str(), "manager");
    /// ```
    Role
}

/// Declares a time-ordered unique id.
macro_rules! unique {
    ($(#[$doc:meta])* $Name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $Name(Uuid);

        impl $Name {
            /// Makes a new id; later ids sort after earlier ones.
            #[must_use]
            #[expect(clippy::new_without_default, reason = "every call gives another value")]
            pub fn new() -> Self {
                Self(Uuid::now_v7())
            }
        }

        impl fmt::Display for $Name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $Name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl std::str::FromStr for $Name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                Uuid::parse_str(text).map(Self).map_err(|_| ParseIdError)
            }
        }
    };
}

unique! {
    /// The id of an [`Approval`](crate::approval::Approval); answers are matched by it, never by
    /// position.
    ///
    /// ```
    /// use gate_runtime::id::ApprovalId;
    /// let id = ApprovalId::new();
    /// assert_eq!(id.to_string().parse(), Ok(id));
    /// ```
    ApprovalId
}

unique! {
    /// The id of a [`Grant`](crate::grants::Grant).
    ///
    /// ```
    /// use gate_runtime::id::GrantId;
    /// assert_ne!(GrantId::new(), GrantId::new());
    /// ```
    GrantId
}

/// A text that is not an id.
///
/// ```
/// assert!("approval-1".parse::<gate_runtime::id::ApprovalId>().is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseIdError;

impl fmt::Display for ParseIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not an id: expected a UUID like `0192f0c1-2b3c-7d4e-8f90-a1b2c3d4e5f6`")
    }
}

impl std::error::Error for ParseIdError {}
