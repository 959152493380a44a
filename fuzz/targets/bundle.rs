//! The entries of a bundle are its bytes. The first byte says how many there are.
#![no_main]

use gate_audit::{TilePath, write_entry};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((width, bytes)) = bytes.split_first() else { return };
    let Ok(entries) = TilePath::entries(0, u16::from(*width) + 1).unwrap().read_entries(bytes)
    else {
        return;
    };
    assert_eq!(entries.len(), usize::from(*width) + 1);
    let mut written = Vec::new();
    for entry in entries {
        write_entry(&mut written, entry).unwrap();
    }
    assert_eq!(written, bytes);
});
