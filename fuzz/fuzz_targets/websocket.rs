#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| bench_client::fuzzing::websocket(bytes));
