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
pub(crate) fn issue_refund<'__run, __R: ::gate_runtime::tool::Offers<IssueRefund>>(
    __run: &'__run ::gate_runtime::Run<__R>,
    order_id: String,
    amount_cents: u64,
    card: Card,
    note: Option<String>,
) -> ::gate_runtime::store::BoxFuture<
    '__run,
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
    #[derive(
        __gate::__private::serde::Serialize,
        __gate::__private::serde::Deserialize,
        __gate::__private::schemars::JsonSchema
    )]
    #[serde(crate = "::gate_runtime::__private::serde")]
    #[schemars(crate = "::gate_runtime::__private::schemars")]
    struct __Argument0 {
        /// The order to refund.
        #[serde(rename = "order")]
        order_id: String,
    }
    impl __gate::__private::ArgumentPart for __Argument0 {}
    #[derive(
        __gate::__private::serde::Serialize,
        __gate::__private::serde::Deserialize,
        __gate::__private::schemars::JsonSchema
    )]
    #[serde(crate = "::gate_runtime::__private::serde")]
    #[schemars(crate = "::gate_runtime::__private::schemars")]
    struct __Argument1<__A1> {
        #[schemars(range(min = 1))]
        amount_cents: __A1,
    }
    impl<__A1: __gate::tool::ToolArg> __gate::__private::ArgumentPart
    for __Argument1<__A1> {}
    #[automatically_derived]
    impl ::core::fmt::Debug for IssueRefund {
        fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
            f.debug_struct("IssueRefund").finish_non_exhaustive()
        }
    }
    #[automatically_derived]
    impl __gate::Tool for IssueRefund {
        type State = Billing;
        type Output = Result<Receipt, BillingError>;
        const NAME: &'static str = "refund";
        const ABOUT: __gate::__private::ToolMetadata = __gate::__private::ToolMetadata {
            title: ::core::option::Option::Some("Issue a refund"),
            description: "Issue a refund.\n\nTo the original payment method.",
            annotations: __gate::tool::Annotations {
                read_only: false,
                destructive: true,
                idempotent: true,
                open_world: true,
            },
            timeout: ::core::option::Option::Some(
                ::core::time::Duration::from_millis(30000u64),
            ),
            asks_on_error: true,
            output: || {
                #[allow(unused_imports, reason = "each is needed for some types")]
                use __gate::__private::{ProbePlain as _, ProbeSchemaless as _};
                __gate::__private::Probe::<Result<Receipt, BillingError>>::new()
                    .good()
                    .schema()
            },
            source: "async fn issue_refund ( # [ context ] context : & CallContext , # [ serde ( rename = \"order\" ) ] order_id : String , # [ state ] billing : & Billing , # [ schemars ( range ( min = 1 ) ) ] amount_cents : u64 , card : Card , mut note : Option < String > ) -> Result < Receipt , BillingError > { billing . refund ( context , order_id , amount_cents , card , note . take ( ) ) . await }",
            is_state_sync: {
                #[allow(
                    unused_imports,
                    reason = "needed for a state that is not `Sync`"
                )]
                use __gate::__private::ProbeUnshared as _;
                __gate::__private::Probe::<Billing>::IS_SYNC
            },
        };
        fn policy() -> __gate::Policy<Self> {
            __gate::__private::policy_of::<Self, _>(crate::policies::refunds)
        }
        fn summary() -> ::core::option::Option<__gate::tool::ToolSummary> {
            let _ = |__call: &Self| {
                __gate::tool::summary::cents(&__call.amount_cents);
                let _ = &__call.order_id;
            };
            ::core::option::Option::Some(
                __gate::tool::ToolSummary::new([
                    __gate::tool::SummaryPart::Words("Refund ".into()),
                    __gate::tool::SummaryPart::Argument {
                        pointer: "/amount_cents".into(),
                        format: __gate::tool::SummaryFormat::Cents,
                    },
                    __gate::tool::SummaryPart::Words(" for order ".into()),
                    __gate::tool::SummaryPart::Argument {
                        pointer: "/order".into(),
                        format: __gate::tool::SummaryFormat::Plain,
                    },
                ]),
            )
        }
        fn arguments(__into: &mut __gate::__private::ArgumentList) {
            #[allow(
                unused_imports,
                reason = "needed where an argument does not fit, which is said at its type"
            )]
            use __gate::__private::ProbeUnfit as _;
            let _ = &__into;
            __gate::__private::is_argument::<u64>();
            __gate::__private::is_argument::<Card>();
            __gate::__private::is_argument::<Option<String>>();
            __gate::__private::Probe::<__Argument0>::new().part(__into);
            __gate::__private::Probe::<__Argument1<u64>>::new().part(__into);
            __gate::__private::Probe::<Card>::new().argument(__into, "card", "", true);
            __gate::__private::Probe::<Option<String>>::new()
                .argument(__into, "note", "", false);
        }
        fn read(
            __from: &__gate::__private::serde_json::Value,
        ) -> ::core::result::Result<Self, __gate::__private::serde_json::Error> {
            #[allow(
                unused_imports,
                reason = "needed where an argument does not fit, which is said at its type"
            )]
            use __gate::__private::ProbeUnfit as _;
            let _ = __from;
            ::core::result::Result::Ok(Self {
                order_id: __gate::__private::Probe::<__Argument0>::new()
                    .take_part(__from)?
                    .order_id,
                amount_cents: __gate::__private::Probe::<__Argument1<u64>>::new()
                    .take_part(__from)?
                    .amount_cents,
                card: __gate::__private::Probe::<Card>::new().take(__from, "card")?,
                note: __gate::__private::Probe::<Option<String>>::new()
                    .take(__from, "note")?,
            })
        }
        fn write(
            self,
        ) -> ::core::result::Result<
            (__gate::__private::serde_json::Value, Self),
            __gate::__private::serde_json::Error,
        > {
            #[allow(
                unused_imports,
                reason = "needed where an argument does not fit, which is said at its type"
            )]
            use __gate::__private::ProbeUnfit as _;
            #[allow(unused_mut, reason = "some tools take nothing")]
            let mut __into = __gate::__private::serde_json::Map::new();
            let Self { order_id, amount_cents, card, note } = self;
            let __Argument0 { order_id } = __gate::__private::Probe::<__Argument0>::new()
                .put_part(&mut __into, __Argument0 { order_id })?;
            let __Argument1 { amount_cents } = __gate::__private::Probe::<
                __Argument1<u64>,
            >::new()
                .put_part(&mut __into, __Argument1 { amount_cents })?;
            __gate::__private::Probe::<Card>::new().put(&mut __into, "card", &card)?;
            __gate::__private::Probe::<Option<String>>::new()
                .put(&mut __into, "note", &note)?;
            ::core::result::Result::Ok((
                __gate::__private::serde_json::Value::Object(__into),
                Self {
                    order_id,
                    amount_cents,
                    card,
                    note,
                },
            ))
        }
        fn outcome(__output: &Self::Output) -> __gate::tool::ToolOutcome {
            #[allow(unused_imports, reason = "needed for what is not a `Result`")]
            use __gate::__private::ProbePlain as _;
            __gate::__private::Probe::<Result<Receipt, BillingError>>::new()
                .outcome(__output)
        }
        const RECONCILER: ::core::option::Option<__gate::__private::ToolReconciler> = ::core::option::Option::Some(
            __gate::__private::ToolReconciler::of::<Self>(),
        );
        fn run(
            __permit: __gate::Permit<Self>,
            __state: &Billing,
        ) -> impl ::core::future::Future<
            Output = Result<Receipt, BillingError>,
        > + ::core::marker::Send {
            #[tracing::instrument(skip_all)]
            #[allow(
                clippy::needless_pass_by_value,
                clippy::too_many_arguments,
                clippy::unused_async,
                reason = "a model passes owned values"
            )]
            async fn __body_49cf158488477a64(
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
            #[allow(unused_imports, reason = "needed for a state that is not `Sync`")]
            use __gate::__private::ProbeUnshared as _;
            __gate::__private::Probe::<Billing>::new()
                .body(async move {
                    __body_49cf158488477a64(
                            &__context,
                            __call.order_id,
                            __state,
                            __call.amount_cents,
                            __call.card,
                            __call.note,
                        )
                        .await
                })
        }
    }
    #[automatically_derived]
    impl<__S: __gate::tool::Provides<Billing>> __gate::tool::InState<__S>
    for IssueRefund {
        fn share(
            __state: &::std::sync::Arc<__S>,
        ) -> __gate::__private::SharedState<Billing>
        where
            __S: ::core::marker::Send + ::core::marker::Sync,
        {
            let _ = __state;
            ::std::sync::Arc::<__S>::clone(__state)
        }
    }
    #[automatically_derived]
    impl __gate::__private::ReconcilableTool for IssueRefund {
        fn happened(
            __call: __gate::Call<Self>,
        ) -> ::core::pin::Pin<
            ::std::boxed::Box<
                dyn ::core::future::Future<
                    Output = __gate::tool::ReconcileOutcome<
                        Result<Receipt, BillingError>,
                    >,
                > + ::core::marker::Send,
            >,
        > {
            ::std::boxed::Box::pin(was_refunded(__call))
        }
    }
};
