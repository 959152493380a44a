//! An entry of a trail has one form, and whatever story is told, following it ends.
#![no_main]

use gate_runtime::records::TrailEntry;
use gate_runtime::tool::SecretDisclosure;
use gate_runtime::trail::Auditor;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut auditor = Auditor::from_here();
    for line in bytes.split(|byte| *byte == b'\n') {
        let Ok(entry) = TrailEntry::parse(line) else { continue };
        if let TrailEntry::Record(record) = &entry {
            let leaf = TrailEntry::leaf(record).unwrap();
            let again = TrailEntry::parse(leaf.text().as_bytes()).unwrap();
            let same = match (&again, leaf.beside()) {
                (TrailEntry::Digest(stub), Some((_, text))) => {
                    TrailEntry::parse_beside(stub, text.as_bytes()).unwrap() == **record
                }
                (TrailEntry::Record(again), None) => again == record,
                _ => false,
            };
            assert!(same);
        }
        let _ = auditor.take(&entry);
    }
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Ok(disclosure) = text.parse::<SecretDisclosure>()
    {
        assert_eq!(disclosure.to_string().parse::<SecretDisclosure>().unwrap(), disclosure);
    }
});
