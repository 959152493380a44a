//! The hashes of a tile are its bytes. The first byte says how wide the tile is.
#![no_main]

use gate_audit::TilePath;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((width, bytes)) = bytes.split_first() else { return };
    let width = u16::from(*width) + 1;
    let read = TilePath::hashes(0, 0, width).unwrap().read_hashes(bytes);
    assert_eq!(read.is_ok(), bytes.len() == usize::from(width) * 32);
    let Ok(hashes) = read else { return };
    assert!(hashes.iter().flat_map(|hash| hash.as_bytes()).eq(bytes));
});
