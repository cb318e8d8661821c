//! A histogram out of a file, which may have been written by anybody.

use std::io::Read;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use flate2::read::ZlibDecoder;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::Deserializer;

/// Decimal digits of a time that are kept.
pub(crate) const DIGITS: u8 = 3;
/// What the deflated form of HdrHistogram's V2 begins with.
const DEFLATED: &[u8] = &0x1c84_9314_u32.to_be_bytes();
/// The plain form's header: cookie, length of the counters, offset, digits,
/// lowest and highest value, ratio.
const HEADER: usize = 40;
/// The least number that a counter could be, as it is written.
const LEAST: [u8; 9] = [0xff; 9];
/// Times in a histogram at most: those of many rounds still have a sum.
const MOST: u64 = 1 << 50;
/// No recorder's histogram is as long.
const LONGEST: u64 = 1 << 20;

/// The histogram that `text` is; `None` when it is none that this program
/// writes.
pub(crate) fn decoded(text: &str) -> Option<Histogram<u64>> {
    let bytes = inflated(BASE64.decode(text).ok()?)?;
    is_ours(&bytes)?;
    let histogram: Histogram<u64> = Deserializer::new().deserialize(&mut &bytes[..]).ok()?;
    (histogram.len() <= MOST).then_some(histogram)
}

/// The plain form of a histogram that may be deflated.
fn inflated(bytes: Vec<u8>) -> Option<Vec<u8>> {
    let Some(deflated) = bytes.strip_prefix(DEFLATED) else {
        return Some(bytes);
    };
    let mut plain = Vec::new();
    // Behind the length of the deflated bytes, which end where they end.
    let mut reader = ZlibDecoder::new(deflated.get(4..)?).take(LONGEST);
    reader.read_to_end(&mut plain).ok()?;
    Some(plain)
}

/// Whether the header asks for no more than a recorder does, and for no more
/// bytes than there are: the decoder takes memory for whatever it says, and
/// with five digits a few bytes make millions of counters.
fn is_ours(plain: &[u8]) -> Option<()> {
    let word = |at: usize| Some(u32::from_be_bytes(plain.get(at..at + 4)?.try_into().ok()?));
    let counters = plain.get(HEADER..)?;
    let fits = word(4)? as usize <= counters.len() && word(12)? <= u32::from(DIGITS);
    // The decoder negates what tells zeros, which overflows for the least number.
    let least = counters.windows(LEAST.len()).any(|bytes| bytes == LEAST);
    (fits && !least).then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use hdrhistogram::serialization::{Serializer, V2DeflateSerializer, V2Serializer};

    fn written(mut serializer: impl Serializer, digits: u8) -> Vec<u8> {
        let mut histogram = Histogram::<u64>::new_with_bounds(1, u64::MAX, digits).unwrap();
        histogram.record(u64::MAX).unwrap();
        let mut bytes = Vec::new();
        let _ = serializer.serialize(&histogram, &mut bytes);
        bytes
    }

    fn is_decoded(bytes: &[u8]) -> bool {
        decoded(&BASE64.encode(bytes)).is_some()
    }

    #[test]
    fn both_forms_are_read() {
        assert!(is_decoded(&written(V2Serializer::new(), DIGITS)));
        assert!(is_decoded(&written(V2DeflateSerializer::new(), DIGITS)));
    }

    #[test]
    fn a_finer_histogram_than_is_recorded_is_none() {
        assert!(!is_decoded(&written(V2Serializer::new(), 5)));
        assert!(!is_decoded(&written(V2DeflateSerializer::new(), 5)));
    }

    #[test]
    fn counts_that_overflow_are_refused() {
        let mut histogram = Histogram::<u64>::new_with_bounds(1, 1000, DIGITS).unwrap();
        let is_read = |histogram: &Histogram<u64>| {
            let mut bytes = Vec::new();
            V2Serializer::new().serialize(histogram, &mut bytes).unwrap();
            is_decoded(&bytes)
        };
        histogram.record_n(5, MOST).unwrap();
        assert!(is_read(&histogram));
        histogram.record(900).unwrap();
        assert!(!is_read(&histogram));
        let least = include_bytes!("../../../fuzz/seeds/histogram/least-count");
        assert!(!is_decoded(least));
    }

    /// It would take 4 GiB of memory to find out.
    #[test]
    fn a_length_beyond_the_end_is_refused() {
        let mut bytes = written(V2Serializer::new(), DIGITS);
        assert!(is_ours(&bytes).is_some());
        bytes[4..8].fill(0xff);
        assert!(is_ours(&bytes).is_none() && !is_decoded(&bytes));
        assert!(is_ours(&bytes[..20]).is_none() && is_ours(b"").is_none());
    }
}
