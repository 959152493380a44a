/// Issue a refund.
#[allow(
    dead_code,
    missing_docs,
    reason = "every argument is a field, whether a rule reads it or not"
)]
pub struct IssueRefund {
    pub order_id: String,
}
/// Issue a refund.
#[allow(
    dead_code,
    unused_variables,
    clippy::too_many_arguments,
    clippy::missing_errors_doc,
    reason = "it has the tool's own arguments"
)]
pub fn issue_refund<'__run, __R: ::gate_runtime::tool::Offers<IssueRefund>>(
    __run: &'__run ::gate_runtime::Run<__R>,
    order_id: String,
) -> ::gate_runtime::store::BoxFuture<
    '__run,
    ::core::result::Result<Receipt, ::gate_runtime::CallError>,
> {
    loop {}
}
const _: () = {
    use ::gate_runtime as __gate;
    #[automatically_derived]
    impl ::core::fmt::Debug for IssueRefund {
        fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
            f.debug_struct("IssueRefund").finish_non_exhaustive()
        }
    }
    #[allow(unused_variables, clippy::all, clippy::pedantic, reason = "only stands in")]
    impl __gate::Tool for IssueRefund {
        type State = ();
        type Output = Receipt;
        const NAME: &'static str = __gate::__private::MISTAKEN;
        const ABOUT: __gate::__private::ToolMetadata = loop {};
        fn policy() -> __gate::Policy<Self> {
            loop {}
        }
        fn arguments(__into: &mut __gate::__private::ArgumentList) {
            loop {}
        }
        fn read(
            __from: &__gate::__private::serde_json::Value,
        ) -> ::core::result::Result<Self, __gate::__private::serde_json::Error> {
            loop {}
        }
        fn write(
            self,
        ) -> ::core::result::Result<
            (__gate::__private::serde_json::Value, Self),
            __gate::__private::serde_json::Error,
        > {
            loop {}
        }
        fn outcome(__output: &Self::Output) -> __gate::tool::ToolOutcome {
            loop {}
        }
        async fn run(
            __permit: __gate::Permit<Self>,
            __state: &Self::State,
        ) -> Self::Output {
            loop {}
        }
    }
    impl<__S> __gate::tool::InState<__S> for IssueRefund {
        fn share(__state: &::std::sync::Arc<__S>) -> __gate::__private::SharedState<()>
        where
            __S: ::core::marker::Send + ::core::marker::Sync,
        {
            loop {}
        }
    }
};
::core::compile_error! {
    "a model cannot pass a reference: use `String`"
}
::core::compile_error! {
    "`secret` names no argument: there is no `pin`"
}
