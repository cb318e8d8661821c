//! Numbers that look drawn and follow from what they are a function of.

/// A number between 0 and 1, of 53 random bits.
pub(crate) fn share(bits: u64) -> f64 {
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}

/// The same, but never 0: its logarithm exists.
pub(crate) fn exact(share: f64) -> f64 {
    share.max(f64::MIN_POSITIVE)
}

/// An exponential variable of mean 1, from random bits.
pub(crate) fn exponential(bits: u64) -> f64 {
    -exact(1.0 - share(bits)).ln()
}

/// The generator SplitMix64 (Steele, Lea and Flood 2014).
pub(crate) fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(STEP);
    finish(*state)
}

/// SplitMix64's next number after `value`.
pub(crate) fn mix(value: u64) -> u64 {
    finish(value.wrapping_add(STEP))
}

const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

fn finish(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// FNV-1a, 64 bits: against accidents, not against malice.
pub(crate) fn fingerprint(bytes: &[u8]) -> String {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    format!("{:016x}", bytes.iter().fold(0xcbf2_9ce4_8422_2325, step))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From the reference implementation, seed 1234567.
    #[test]
    fn the_generator_is_splitmix64() {
        let mut state = 1_234_567;
        let drawn = [next(&mut state), next(&mut state)];
        assert_eq!(drawn, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973]);
    }

    #[test]
    fn shares_lie_between_0_and_1() {
        assert_eq!(share(0), 0.0);
        assert!(share(u64::MAX) < 1.0);
        assert!(exponential(0).is_finite() && exponential(u64::MAX).is_finite());
    }

    /// Of the tables that come with the function's definition.
    #[test]
    fn it_is_fnv_1a() {
        assert_eq!(fingerprint(b""), "cbf29ce484222325");
        assert_eq!(fingerprint(b"foobar"), "85944171f73967e8");
    }
}
