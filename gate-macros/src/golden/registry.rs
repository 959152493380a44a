/// Everything the support agent may call.
#[derive(Clone, Copy, Debug)]
pub enum SupportTools {}
///One call of a tool of [`SupportTools`], typed.
#[allow(
    dead_code,
    private_interfaces,
    clippy::large_enum_variant,
    reason = "it is there to be matched, by who wants to"
)]
pub enum SupportToolsCall {
    ///A call of [`GetOrder`].
    GetOrder(GetOrder),
    ///A call of [`IssueRefund`].
    IssueRefund(refunds::IssueRefund),
}
const _: () = {
    use ::gate_runtime as __gate;
    #[automatically_derived]
    impl ::core::fmt::Debug for SupportToolsCall {
        fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
            match *self {
                Self::GetOrder(_) => {
                    f.debug_tuple(::core::stringify!(GetOrder)).finish_non_exhaustive()
                }
                Self::IssueRefund(_) => {
                    f.debug_tuple(::core::stringify!(IssueRefund))
                        .finish_non_exhaustive()
                }
            }
        }
    }
    #[automatically_derived]
    impl __gate::Registry for SupportTools {
        type State = Billing;
        type Call = SupportToolsCall;
        const TOOLS: &'static [__gate::__private::ListedTool<Self>] = &[
            __gate::__private::ListedTool::of::<GetOrder>(),
            __gate::__private::ListedTool::of::<refunds::IssueRefund>(),
        ];
        const NAMES: &'static [&'static str] = &__gate::__private::names::<
            Self,
            2usize,
        >();
        fn specs() -> &'static __gate::__private::ToolSpecs {
            static SPECS: ::std::sync::OnceLock<__gate::__private::ToolSpecs> = ::std::sync::OnceLock::new();
            SPECS.get_or_init(__gate::__private::ToolSpecs::of::<Self>)
        }
    }
    #[automatically_derived]
    impl __gate::tool::Offers<GetOrder> for SupportTools {}
    #[automatically_derived]
    impl ::core::convert::From<GetOrder> for SupportToolsCall {
        fn from(__call: GetOrder) -> Self {
            Self::GetOrder(__call)
        }
    }
    #[automatically_derived]
    impl __gate::tool::Offers<refunds::IssueRefund> for SupportTools {}
    #[automatically_derived]
    impl ::core::convert::From<refunds::IssueRefund> for SupportToolsCall {
        fn from(__call: refunds::IssueRefund) -> Self {
            Self::IssueRefund(__call)
        }
    }
    const _: () = ::core::assert!(
        __gate::__private::is_new_name(< SupportTools as __gate::Registry > ::NAMES,
        0usize), "{}",
        "`GetOrder` has the name of a tool listed before it: give one of them `name = \"…\"`"
    );
    const _: () = ::core::assert!(
        __gate::__private::is_tool_name(< SupportTools as __gate::Registry > ::NAMES,
        0usize), "{}",
        "the name of `GetOrder` is refused by model providers: they take [A-Za-z0-9_-]{1,64}"
    );
    const _: () = ::core::assert!(
        __gate::__private::is_new_name(< SupportTools as __gate::Registry > ::NAMES,
        1usize), "{}",
        "`IssueRefund` has the name of a tool listed before it: give one of them `name = \"…\"`"
    );
    const _: () = ::core::assert!(
        __gate::__private::is_tool_name(< SupportTools as __gate::Registry > ::NAMES,
        1usize), "{}",
        "the name of `IssueRefund` is refused by model providers: they take [A-Za-z0-9_-]{1,64}"
    );
};
