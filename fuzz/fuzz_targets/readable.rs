#![no_main]

libfuzzer_sys::fuzz_target!(
    init: mailvault_fuzz::let_pass(&["/mail-parser-"]),
    |data: &[u8]| mailvault::fuzzing::readable(data)
);
