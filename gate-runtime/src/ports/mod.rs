//! What engineers hand to a gate besides: overlays. The other ports are in `gate-core`.

pub(crate) mod overlay;
