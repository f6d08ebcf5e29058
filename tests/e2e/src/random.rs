//! Randomness from a seed that is printed.

/// A small generator (splitmix64).
#[derive(Debug)]
pub struct Random(u64);

impl Random {
    /// Seeded by the environment's `BRIDGEHEAD_SEED`, else by the clock; the seed is printed.
    #[expect(clippy::print_stdout, reason = "a failure is of no use without its seed")]
    pub fn from_environment() -> Self {
        let given = std::env::var("BRIDGEHEAD_SEED").ok().and_then(|seed| seed.parse().ok());
        let clock = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let seed =
            given.unwrap_or_else(|| clock.map_or(1, |time| u64::from(time.subsec_nanos()) ^ time.as_secs()));
        println!("BRIDGEHEAD_SEED={seed}");
        Self(seed)
    }

    /// Always the same.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Below `bound`, which is above zero.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.draw() % bound
    }

    /// Any number.
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
