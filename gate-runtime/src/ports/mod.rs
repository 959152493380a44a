//! The overlay port, which users implement over calls with their context. The other ports are in
//! `gate-core`.

pub(crate) mod overlay;
