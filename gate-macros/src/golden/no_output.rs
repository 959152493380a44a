/// Rings the bell.
#[allow(
    dead_code,
    missing_docs,
    reason = "every argument is a field, whether a rule reads it or not"
)]
pub struct Loop {
    pub r#type: u8,
}
/// Rings the bell.
#[allow(
    dead_code,
    unused_variables,
    clippy::too_many_arguments,
    clippy::missing_errors_doc,
    reason = "it has the tool's own arguments"
)]
pub fn r#loop<'__run, __R: ::gate_runtime::tool::Offers<Loop>>(
    __run: &'__run ::gate_runtime::Run<__R>,
    r#type: u8,
) -> ::gate_runtime::store::BoxFuture<
    '__run,
    ::core::result::Result<(), ::gate_runtime::CallError>,
> {
    __run.call(Loop { r#type })
}
const _: () = {
    use ::gate_runtime as __gate;
    #[automatically_derived]
    impl ::core::fmt::Debug for Loop {
        fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
            f.debug_struct("Loop").finish_non_exhaustive()
        }
    }
    #[automatically_derived]
    impl __gate::Tool for Loop {
        type State = ();
        type Output = ();
        const NAME: &'static str = "loop";
        const ABOUT: __gate::__private::ToolMetadata = __gate::__private::ToolMetadata {
            title: ::core::option::Option::None,
            description: "Rings the bell.",
            annotations: __gate::tool::Annotations {
                read_only: false,
                destructive: false,
                idempotent: false,
                open_world: false,
            },
            timeout: ::core::option::Option::None,
            asks_on_error: false,
            output: || {
                #[allow(unused_imports, reason = "each is needed for some types")]
                use __gate::__private::{ProbePlain as _, ProbeSchemaless as _};
                __gate::__private::Probe::<()>::new().good().schema()
            },
            source: "async fn r#loop ( r#type : u8 ) { let _ = r#type ; }",
            is_state_sync: true,
        };
        fn policy() -> __gate::Policy<Self> {
            __gate::__private::policy_of::<Self, _>(always_ask)
        }
        fn arguments(__into: &mut __gate::__private::ArgumentList) {
            #[allow(
                unused_imports,
                reason = "needed where an argument does not fit, which is said at its type"
            )]
            use __gate::__private::ProbeUnfit as _;
            let _ = &__into;
            __gate::__private::is_argument::<u8>();
            __gate::__private::Probe::<u8>::new().argument(__into, "type", "", false);
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
                r#type: __gate::__private::Probe::<u8>::new().take(__from, "type")?,
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
            let Self { r#type } = self;
            __gate::__private::Probe::<u8>::new().put(&mut __into, "type", &r#type)?;
            ::core::result::Result::Ok((
                __gate::__private::serde_json::Value::Object(__into),
                Self { r#type },
            ))
        }
        fn outcome(__output: &Self::Output) -> __gate::tool::ToolOutcome {
            #[allow(unused_imports, reason = "needed for what is not a `Result`")]
            use __gate::__private::ProbePlain as _;
            __gate::__private::Probe::<()>::new().outcome(__output)
        }
        fn run(
            __permit: __gate::Permit<Self>,
            __state: &(),
        ) -> impl ::core::future::Future<Output = ()> + ::core::marker::Send {
            #[allow(
                clippy::needless_pass_by_value,
                clippy::too_many_arguments,
                clippy::unused_async,
                reason = "a model passes owned values"
            )]
            async fn __body_93e1b20b7f2d2ad2(r#type: u8) {
                let _ = r#type;
            }
            let (__call, __context) = __permit.open();
            __body_93e1b20b7f2d2ad2(__call.r#type)
        }
    }
    #[automatically_derived]
    impl<__S> __gate::tool::InState<__S> for Loop {
        fn share(__state: &::std::sync::Arc<__S>) -> __gate::__private::SharedState<()>
        where
            __S: ::core::marker::Send + ::core::marker::Sync,
        {
            let _ = __state;
            ::std::sync::Arc::new(())
        }
    }
};
