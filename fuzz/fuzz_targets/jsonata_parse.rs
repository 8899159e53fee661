//! Any bytes are an expression or a mistake with a code and a place, at a bounded cost.

#![no_main]

use libfuzzer_sys::fuzz_target;
use stepwell_fuzz::{is_known, measured};
use stepwell_jsonata::{Expression, Profile};

/// More than any text that a fuzzer makes needs.
const MEMORY_MAX: usize = 32 << 20;

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    for profile in [Profile::jsonata(), Profile::step_functions()] {
        let (compiled, memory) = measured(|| Expression::compile(&text, &profile));
        assert!(memory <= MEMORY_MAX, "compiling took {memory} bytes");
        if let Err(error) = compiled {
            assert!(is_known(error.code), "{error}");
            assert!(!error.message.is_empty(), "{error}");
            assert!(error.position <= text.encode_utf16().count(), "{error}");
        }
    }
});
