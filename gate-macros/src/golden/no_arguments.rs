/// Reads the clock.
#[allow(
    dead_code,
    missing_docs,
    reason = "every argument is a field, whether a rule reads it or not"
)]
struct Now {}
/// Reads the clock.
#[allow(
    dead_code,
    unused_variables,
    clippy::too_many_arguments,
    clippy::missing_errors_doc,
    reason = "it has the tool's own arguments"
)]
fn now<'__run, __R: ::gate_runtime::tool::Offers<Now>>(
    __run: &'__run ::gate_runtime::Run<__R>,
) -> ::gate_runtime::store::BoxFuture<
    '__run,
    ::core::result::Result<u64, ::gate_runtime::CallError>,
> {
    __run.call(Now {})
}
const _: () = {
    use ::gate_runtime as __gate;
    #[automatically_derived]
    impl ::core::fmt::Debug for Now {
        fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
            f.debug_struct("Now").finish_non_exhaustive()
        }
    }
    #[automatically_derived]
    impl __gate::Tool for Now {
        type State = ();
        type Output = u64;
        const NAME: &'static str = "now";
        const ABOUT: __gate::__private::ToolMetadata = __gate::__private::ToolMetadata {
            title: ::core::option::Option::None,
            description: "Reads the clock.",
            annotations: __gate::tool::Annotations {
                read_only: true,
                destructive: false,
                idempotent: false,
                open_world: false,
            },
            timeout: ::core::option::Option::None,
            asks_on_error: false,
            output: || {
                #[allow(unused_imports, reason = "each is needed for some types")]
                use __gate::__private::{ProbePlain as _, ProbeSchemaless as _};
                __gate::__private::Probe::<u64>::new().good().schema()
            },
            source: "fn now ( ) -> u64 { 0 }",
            is_state_sync: true,
        };
        fn policy() -> __gate::Policy<Self> {
            __gate::__private::policy_of::<Self, _>(never_ask)
        }
        fn arguments(__into: &mut __gate::__private::ArgumentList) {
            #[allow(
                unused_imports,
                reason = "needed where an argument does not fit, which is said at its type"
            )]
            use __gate::__private::ProbeUnfit as _;
            let _ = &__into;
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
            ::core::result::Result::Ok(Self {})
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
            let Self {} = self;
            ::core::result::Result::Ok((
                __gate::__private::serde_json::Value::Object(__into),
                Self {},
            ))
        }
        fn outcome(__output: &Self::Output) -> __gate::tool::ToolOutcome {
            #[allow(unused_imports, reason = "needed for what is not a `Result`")]
            use __gate::__private::ProbePlain as _;
            __gate::__private::Probe::<u64>::new().outcome(__output)
        }
        fn run(
            __permit: __gate::Permit<Self>,
            __state: &(),
        ) -> impl ::core::future::Future<Output = u64> + ::core::marker::Send {
            #[allow(
                clippy::needless_pass_by_value,
                clippy::too_many_arguments,
                clippy::unused_async,
                reason = "a model passes owned values"
            )]
            fn __body_1d4eacea102df9e2() -> u64 {
                0
            }
            let (__call, __context) = __permit.open();
            ::core::future::ready(__body_1d4eacea102df9e2())
        }
    }
    #[automatically_derived]
    impl<__S> __gate::tool::InState<__S> for Now {
        fn share(__state: &::std::sync::Arc<__S>) -> __gate::__private::SharedState<()>
        where
            __S: ::core::marker::Send + ::core::marker::Sync,
        {
            let _ = __state;
            ::std::sync::Arc::new(())
        }
    }
};
