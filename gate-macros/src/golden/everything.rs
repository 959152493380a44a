#[cfg(feature = "refunds")]
/// Issue a refund.
///
/// To the original payment method.
#[allow(
    dead_code,
    missing_docs,
    reason = "every argument is a field, whether a rule reads it or not"
)]
pub(crate) struct IssueRefund {
    /// The order to refund.
    pub(crate) order_id: String,
    pub(crate) amount_cents: u64,
    pub(crate) card: Card,
    pub(crate) note: Option<String>,
}
#[cfg(feature = "refunds")]
/// Issue a refund.
///
/// To the original payment method.
#[allow(
    dead_code,
    unused_variables,
    clippy::too_many_arguments,
    clippy::missing_errors_doc,
    reason = "it has the tool's own arguments"
)]
pub(crate) fn issue_refund<__R: ::gate_runtime::Offers<IssueRefund>>(
    __run: &::gate_runtime::Run<__R>,
    order_id: String,
    amount_cents: u64,
    card: Card,
    note: Option<String>,
) -> ::gate_runtime::BoxFuture<
    '_,
    ::core::result::Result<Result<Receipt, BillingError>, ::gate_runtime::CallError>,
> {
    __run
        .call(IssueRefund {
            order_id,
            amount_cents,
            card,
            note,
        })
}
#[cfg(feature = "refunds")]
const _: () = {
    use ::gate_runtime as __gate;
    #[automatically_derived]
    impl ::core::fmt::Debug for IssueRefund {
        fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
            f.debug_struct("IssueRefund").finish_non_exhaustive()
        }
    }
    #[derive(
        __gate::__private::serde::Serialize,
        __gate::__private::serde::Deserialize,
        __gate::__private::schemars::JsonSchema
    )]
    #[serde(crate = "::gate_runtime::__private::serde", deny_unknown_fields)]
    #[schemars(crate = "::gate_runtime::__private::schemars", rename = "IssueRefund")]
    struct __Args<__A1, __A2, __A3> {
        /// The order to refund.
        #[serde(rename = "order")]
        order_id: String,
        #[schemars(range(min = 1))]
        amount_cents: __A1,
        #[schemars(extend("x-gate-secret" = true))]
        card: __A2,
        note: __A3,
    }
    impl<
        __A1: __gate::ToolArg,
        __A2: __gate::ToolArg,
        __A3: __gate::ToolArg,
    > __gate::__private::ToolArgs for __Args<__A1, __A2, __A3> {}
    impl ::core::convert::From<__Args<u64, Card, Option<String>>> for IssueRefund {
        fn from(__args: __Args<u64, Card, Option<String>>) -> Self {
            Self {
                order_id: __args.order_id,
                amount_cents: __args.amount_cents,
                card: __args.card,
                note: __args.note,
            }
        }
    }
    impl ::core::convert::From<IssueRefund> for __Args<u64, Card, Option<String>> {
        fn from(__call: IssueRefund) -> Self {
            Self {
                order_id: __call.order_id,
                amount_cents: __call.amount_cents,
                card: __call.card,
                note: __call.note,
            }
        }
    }
    #[automatically_derived]
    impl __gate::Tool for IssueRefund {
        type State = Billing;
        type Output = Result<Receipt, BillingError>;
        const NAME: &'static str = "refund";
        const ABOUT: __gate::__private::About = __gate::__private::About {
            title: ::core::option::Option::Some("Issue a refund"),
            description: "Issue a refund.\n\nTo the original payment method.",
            annotations: __gate::Annotations {
                read_only: false,
                destructive: true,
                idempotent: true,
                open_world: true,
            },
            timeout: ::core::option::Option::Some(
                ::core::time::Duration::from_millis(30000u64),
            ),
            output: || {
                #[allow(unused_imports, reason = "each is needed for some types")]
                use __gate::__private::{ProbePlain as _, ProbeSchemaless as _};
                __gate::__private::Probe::<Result<Receipt, BillingError>>::new()
                    .good()
                    .schema()
            },
            source: "async fn issue_refund (# [context] context : & CallContext , # [doc = r\" The order to refund.\"] # [serde (rename = \"order\")] order_id : String , # [state] billing : & Billing , # [schemars (range (min = 1))] amount_cents : u64 , card : Card , mut note : Option < String > ,) -> Result < Receipt , BillingError > { billing . refund (context , order_id , amount_cents , card , note . take ()) . await }",
        };
        fn policy() -> __gate::Policy<Self> {
            crate::policies::refunds()
        }
        fn codec() -> __gate::__private::Codec<Self> {
            #[allow(
                unused_imports,
                reason = "needed where an argument does not fit, which is said below"
            )]
            use __gate::__private::ProbeUnfit as _;
            __gate::__private::is_argument::<u64>();
            __gate::__private::is_argument::<Card>();
            __gate::__private::is_argument::<Option<String>>();
            __gate::__private::Probe::<__Args<u64, Card, Option<String>>>::new().codec()
        }
        fn into_json(
            self,
        ) -> ::core::result::Result<
            __gate::__private::serde_json::Value,
            __gate::__private::serde_json::Error,
        > {
            #[allow(
                unused_imports,
                reason = "needed where an argument does not fit, which is said above"
            )]
            use __gate::__private::ProbeUnfit as _;
            __gate::__private::Probe::<__Args<u64, Card, Option<String>>>::new()
                .json(self)
        }
        fn outcome(__output: &Self::Output) -> __gate::ToolOutcome {
            #[allow(unused_imports, reason = "needed for what is not a `Result`")]
            use __gate::__private::ProbePlain as _;
            __gate::__private::Probe::<Result<Receipt, BillingError>>::new()
                .outcome(__output)
        }
        async fn run(
            __permit: __gate::Permit<Self>,
            __state: &Billing,
        ) -> Result<Receipt, BillingError> {
            #[tracing::instrument(skip_all)]
            #[allow(
                clippy::needless_pass_by_value,
                clippy::too_many_arguments,
                clippy::unused_async,
                reason = "a model passes owned values"
            )]
            async fn __body(
                context: &CallContext,
                order_id: String,
                billing: &Billing,
                amount_cents: u64,
                card: Card,
                mut note: Option<String>,
            ) -> Result<Receipt, BillingError> {
                billing.refund(context, order_id, amount_cents, card, note.take()).await
            }
            let (__call, __context) = __permit.open();
            __body(
                    &__context,
                    __call.order_id,
                    __state,
                    __call.amount_cents,
                    __call.card,
                    __call.note,
                )
                .await
        }
    }
    #[automatically_derived]
    impl<__S: __gate::Provides<Billing>> __gate::InState<__S> for IssueRefund {
        fn share(
            __state: &::std::sync::Arc<__S>,
        ) -> ::std::sync::Arc<dyn __gate::Provides<Billing>> {
            let _ = __state;
            ::std::sync::Arc::<__S>::clone(__state)
        }
    }
};
