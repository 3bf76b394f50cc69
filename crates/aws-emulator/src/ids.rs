//! Identifiers: unique within one emulator, and the same from run to run.

/// A source of identifiers.
///
/// Counted rather than drawn from a random source, so that two runs of the same calls give the same
/// bytes; mixed, so that nobody comes to rely on their order.
#[derive(Debug, Default)]
pub(crate) struct Ids {
    drawn: u64,
}

impl Ids {
    fn next(&mut self) -> u64 {
        self.drawn = self.drawn.wrapping_add(1);
        // The finalizer of SplitMix64: a bijection, hence no repetition within 2^64 draws.
        let mut z = self.drawn.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A version 4 UUID.
    pub(crate) fn uuid(&mut self) -> String {
        let (a, b) = (self.next(), self.next());
        format!(
            "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
            a >> 32,
            (a >> 16) & 0xffff,
            a & 0xfff,
            0x8000 | (b >> 50),
            b & 0xffff_ffff_ffff,
        )
    }

    /// `len` characters out of `A–Z` and `2–7`, as AWS writes keys, role ids and request ids.
    pub(crate) fn upper(&mut self, len: usize) -> String {
        const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        let mut out = String::with_capacity(len);
        let mut word = 0;
        for at in 0..len {
            if at % 12 == 0 {
                word = self.next();
            }
            out.push(char::from(LETTERS[(word & 31) as usize]));
            word >>= 5;
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::Ids;

    #[test]
    fn uuids_have_their_form_and_do_not_repeat() {
        let mut ids = Ids::default();
        let (a, b) = (ids.uuid(), ids.uuid());
        assert_ne!(a, b);
        let parts: Vec<usize> = a.split('-').map(str::len).collect();
        assert_eq!(parts, [8, 4, 4, 4, 12]);
        assert_eq!(a.as_bytes()[14], b'4');
        assert!(matches!(a.as_bytes()[19], b'8' | b'9' | b'a' | b'b'), "{a}");
    }

    #[test]
    fn upper_draws_as_many_characters_as_asked() {
        let text = Ids::default().upper(52);
        assert_eq!(text.len(), 52);
        assert!(text.bytes().all(|b| b.is_ascii_uppercase() || (b'2'..=b'7').contains(&b)));
    }
}
