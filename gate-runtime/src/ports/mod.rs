//! The port that engineers implement over calls with their context: overlays. The other ports are
//! in `gate-core`.

pub(crate) mod overlay;
