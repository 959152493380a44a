//! Examples and tests live beside; the library is `gate-runtime`.
