#[derive(Clone, Copy, Debug)]
enum Nothing {}
///One call of a tool of [`Nothing`], typed.
#[allow(
    dead_code,
    private_interfaces,
    clippy::large_enum_variant,
    reason = "it is there to be matched, by who wants to"
)]
enum NothingCall {}
const _: () = {
    use ::my::gate as __gate;
    #[automatically_derived]
    impl ::core::fmt::Debug for NothingCall {
        fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
            match *self {}
        }
    }
    #[automatically_derived]
    impl __gate::Registry for Nothing {
        type State = ();
        type Call = NothingCall;
        const TOOLS: &'static [__gate::__private::ListedTool<Self>] = &[];
        const NAMES: &'static [&'static str] = &__gate::__private::names::<
            Self,
            0usize,
        >();
        fn specs() -> &'static __gate::__private::ToolSpecs {
            static SPECS: ::std::sync::OnceLock<__gate::__private::ToolSpecs> = ::std::sync::OnceLock::new();
            SPECS.get_or_init(__gate::__private::ToolSpecs::of::<Self>)
        }
    }
};
