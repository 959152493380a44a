#!/bin/sh
# Lets the stable rustdoc describe a crate as JSON.
RUSTC_BOOTSTRAP=1 exec rustdoc "$@"
