#![no_main]

libfuzzer_sys::fuzz_target!(
    init: mailvault_fuzz::let_pass(&["/ammonia-", "/html5ever-", "/markup5ever"]),
    |data: &[u8]| mailvault::fuzzing::html(data)
);
