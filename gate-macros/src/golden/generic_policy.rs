#[must_use]
fn ask_a_human<T: Tool>() -> <Rules<T> as ::my::gate::__private::DeclaredRules>::Policy
where
    T: Named,
{
    fn ask_a_human<T: Tool>(rules: Rules<T>) -> Rules<T>
    where
        T: Named,
    {
        rules
    }
    ::my::gate::Policy::declare(
        &::my::gate::__private::PolicySource {
            name: "ask_a_human",
            about: "",
            text: "{ rules }",
            tokens: "{ rules }",
            line: 0usize,
            column: 0usize,
        },
        ask_a_human,
    )
}
