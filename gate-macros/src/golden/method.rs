/// Work.
pub fn work(&self, desk: &Desk) {}
::core::compile_error! {
    "a gated tool is a free function without `self`: take what it needs as `#[state] name: &Type`"
}
