//! An entry of a trail has one form, and whatever story is told, following it ends.
#![no_main]

use gate_runtime::{Auditor, Disclosure, Entry};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut auditor = Auditor::from_here();
    for line in bytes.split(|byte| *byte == b'\n') {
        let Ok(entry) = Entry::parse(line) else { continue };
        if let Entry::Record(record) = &entry {
            let leaf = Entry::leaf(record).unwrap();
            let again = Entry::parse(leaf.text().as_bytes()).unwrap();
            let same = match (&again, leaf.beside()) {
                (Entry::Stub(stub), Some((_, text))) => {
                    Entry::parse_beside(stub, text.as_bytes()).unwrap() == **record
                }
                (Entry::Record(again), None) => again == record,
                _ => false,
            };
            assert!(same);
        }
        let _ = auditor.take(&entry);
    }
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Ok(disclosure) = text.parse::<Disclosure>()
    {
        assert_eq!(disclosure.to_string().parse::<Disclosure>().unwrap(), disclosure);
    }
});
