//! The path of a tile is written as it was read, and read as it was written.
#![no_main]

use gate_audit::TilePath;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Some((index, &[level, width, ..])) = bytes.split_first_chunk() {
        let (index, width) = (u64::from_be_bytes(*index), u16::from(width) + 1);
        for path in [TilePath::entries(index, width), TilePath::hashes(level % 64, index, width)] {
            let path = path.unwrap();
            assert_eq!(path.to_string().parse::<TilePath>().unwrap(), path);
        }
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(path) = text.parse::<TilePath>() {
        assert_eq!(path.to_string(), text);
        assert!(!text.contains("..") && !text.starts_with('/'));
    }
});
