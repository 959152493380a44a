//! rmcp 3.9.0: what its macros do with mistakes.

use rmcp::handler::server::wrapper::Parameters;
use rmcp::{tool, tool_router};

#[derive(serde::Deserialize, schemars::JsonSchema)]
#[allow(dead_code, reason = "only its schema counts")]
struct Pay {
    to: String,
}

struct Twins;

#[tool_router]
impl Twins {
    /// Pays.
    #[tool(name = "pay")]
    async fn pay(&self, Parameters(_): Parameters<Pay>) -> String {
        "paid".to_owned()
    }

    /// Refunds.
    #[tool(name = "pay")]
    async fn refund(&self, Parameters(_): Parameters<Pay>) -> String {
        "refunded".to_owned()
    }
}

#[test]
fn of_two_tools_of_one_name_one_is_silently_lost() {
    assert_eq!(Twins::tool_router().list_all().len(), 1);
}

type Arguments<T> = Parameters<T>;

struct Alias;

#[tool_router]
impl Alias {
    /// Pays.
    #[tool]
    async fn pay(&self, Parameters(_): Arguments<Pay>) -> String {
        "paid".to_owned()
    }
}

#[test]
fn behind_an_alias_the_arguments_are_not_advertised() {
    let tools = Alias::tool_router().list_all();
    let schema = serde_json::to_value(&tools[0].input_schema).unwrap();
    assert!(
        schema["properties"].as_object().is_none_or(|properties| properties.is_empty()),
        "{schema}"
    );
}

#[test]
fn two_misspelt_keys_give_six_errors() {
    trybuild::TestCases::new().compile_fail("tests/misspelt/*.rs");
    let stderr = std::fs::read_to_string("tests/misspelt/keys.stderr").unwrap();
    assert_eq!(stderr.lines().filter(|line| line.starts_with("error")).count(), 6, "{stderr}");
}
