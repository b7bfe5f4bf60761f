//! Chance that can be had again: the seed is printed, and `COMPUTES_TEST_SEED` sets it.

use std::time::Duration;

pub struct Random(u64);

impl Random {
    pub fn seeded(test: &str) -> Self {
        let given = std::env::var("COMPUTES_TEST_SEED").ok();
        let seed = given.map_or_else(
            || uuid::Uuid::now_v7().as_u64_pair().1,
            |text| text.parse().expect("COMPUTES_TEST_SEED is a number"),
        );
        println!("{test}: COMPUTES_TEST_SEED={seed}");
        Self(seed)
    }

    /// Another one, for another thread.
    pub fn fork(&mut self) -> Self {
        Self(self.next())
    }

    /// The generator `SplitMix64`.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    pub fn micros(&mut self, limit: u64) -> Duration {
        Duration::from_micros(self.below(limit))
    }
}
