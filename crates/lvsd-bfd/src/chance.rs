//! Chance for jitter and discriminators. None of it keeps a secret, so a generator of two lines is enough, and a seed replays it.

use crate::wire::Discriminator;

/// A SplitMix64 generator.
#[derive(Clone, Debug)]
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From `least` to `most`, both included.
    pub(crate) fn between(&mut self, least: u32, most: u32) -> u32 {
        let width = u64::from(most.saturating_sub(least)) + 1;
        least.saturating_add((self.next() % width) as u32)
    }

    /// A discriminator that is not 0.
    pub(crate) fn discriminator(&mut self) -> Discriminator {
        loop {
            if let Some(discriminator) = Discriminator::new((self.next() >> 32) as u32) {
                return discriminator;
            }
        }
    }
}
