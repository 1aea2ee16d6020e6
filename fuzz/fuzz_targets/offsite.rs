#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mailvault::fuzzing::offsite(data));
