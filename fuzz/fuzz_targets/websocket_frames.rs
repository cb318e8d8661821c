#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::websocket_frames(bytes));
