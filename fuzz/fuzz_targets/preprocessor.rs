#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    lvsd_config::steps::preprocess(bytes);
});
