/// Work.
#[allow(
    dead_code,
    missing_docs,
    reason = "every argument is a field, whether a rule reads it or not"
)]
struct Work {
    order: String,
}
/// Work.
#[allow(
    dead_code,
    unused_variables,
    clippy::too_many_arguments,
    clippy::missing_errors_doc,
    reason = "it has the tool's own arguments"
)]
fn work<'__run, __R: ::my::gate::tool::Offers<Work>>(
    __run: &'__run ::my::gate::Run<__R>,
    order: String,
) -> ::my::gate::store::BoxFuture<
    '__run,
    ::core::result::Result<Result<(), String>, ::my::gate::CallError>,
> {
    __run.call(Work { order })
}
const _: () = {
    use ::my::gate as __gate;
    #[automatically_derived]
    impl ::core::fmt::Debug for Work {
        fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
            f.debug_struct("Work").finish_non_exhaustive()
        }
    }
    #[automatically_derived]
    impl __gate::Tool for Work {
        type State = Desk;
        type Output = Result<(), String>;
        const NAME: &'static str = "work";
        const ABOUT: __gate::__private::ToolMetadata = __gate::__private::ToolMetadata {
            title: ::core::option::Option::None,
            description: "Work.",
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
                __gate::__private::Probe::<Result<(), String>>::new().good().schema()
            },
            source: "fn work ( # [ state ] desk : & Desk , # [ context ] context : & :: my :: gate :: CallContext , order : String ) -> Result < ( ) , String > { Ok ( ( ) ) }",
            is_state_sync: {
                #[allow(
                    unused_imports,
                    reason = "needed for a state that is not `Sync`"
                )]
                use __gate::__private::ProbeUnshared as _;
                __gate::__private::Probe::<Desk>::IS_SYNC
            },
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
            __gate::__private::is_argument::<String>();
            __gate::__private::Probe::<String>::new()
                .argument(__into, "order", "", false);
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
                order: __gate::__private::Probe::<String>::new().take(__from, "order")?,
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
            let Self { order } = self;
            __gate::__private::Probe::<String>::new().put(&mut __into, "order", &order)?;
            ::core::result::Result::Ok((
                __gate::__private::serde_json::Value::Object(__into),
                Self { order },
            ))
        }
        fn outcome(__output: &Self::Output) -> __gate::tool::ToolOutcome {
            #[allow(unused_imports, reason = "needed for what is not a `Result`")]
            use __gate::__private::ProbePlain as _;
            __gate::__private::Probe::<Result<(), String>>::new().outcome(__output)
        }
        fn run(
            __permit: __gate::Permit<Self>,
            __state: &Desk,
        ) -> impl ::core::future::Future<
            Output = Result<(), String>,
        > + ::core::marker::Send {
            #[allow(
                clippy::needless_pass_by_value,
                clippy::too_many_arguments,
                clippy::unused_async,
                reason = "a model passes owned values"
            )]
            fn __body_e091107702d3904d(
                desk: &Desk,
                context: &::my::gate::CallContext,
                order: String,
            ) -> Result<(), String> {
                Ok(())
            }
            let (__call, __context) = __permit.open();
            ::core::future::ready(
                __body_e091107702d3904d(__state, &__context, __call.order),
            )
        }
    }
    #[automatically_derived]
    impl<__S: __gate::tool::Provides<Desk>> __gate::tool::InState<__S> for Work {
        fn share(__state: &::std::sync::Arc<__S>) -> __gate::__private::SharedState<Desk>
        where
            __S: ::core::marker::Send + ::core::marker::Sync,
        {
            let _ = __state;
            ::std::sync::Arc::<__S>::clone(__state)
        }
    }
};
