//! What goes wrong, and how often.

use std::cell::Cell;

use jiff::{SignedDuration, Timestamp};

use crate::random::Random;

/// How often each thing goes wrong, in thousandths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rates {
    /// A request gets no answer, and was not carried out.
    pub lost_before: u32,
    /// A request gets no answer, and was carried out.
    pub lost_after: u32,
    /// A request is told to come again later.
    pub throttled: u32,
    /// A conditional write meets a conflict that nobody can explain.
    pub conflict: u32,
    /// A request takes seconds.
    pub slow: u32,
    /// A watch is late by up to half a minute.
    pub late_event: u32,
    /// A watch tells again what it told before.
    pub doubled_event: u32,
    /// A watch loses what it had to tell, breaks a little later and lists again.
    pub lost_event: u32,
    /// The past is compacted before a watch has read it.
    pub compaction: u32,
    /// A Git server breaks off.
    pub git: u32,
    /// The agent dies before a write is carried out.
    pub crash_before: u32,
    /// The agent dies when a write was carried out, and before it hears of it.
    pub crash_after: u32,
    /// The API server is away for a while.
    pub outage: u32,
}

/// Decides what goes wrong now.
#[derive(Debug)]
pub struct Faults {
    random: Random,
    rates: Rates,
    /// From then on nothing goes wrong.
    until: Timestamp,
    away_until: Cell<Timestamp>,
    crash_at: Cell<Option<CrashAt>>,
    writes: Cell<u32>,
}

/// A crash at one particular write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CrashAt {
    /// Which write of the agent's, from 0.
    pub write: u32,
    /// Once it was carried out, instead of before.
    pub after: bool,
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is answered.
    Answered,
    /// No answer, and not carried out.
    LostBefore,
    /// Carried out, and no answer.
    LostAfter,
    /// Not carried out: too many requests.
    Throttled,
    /// Not carried out: conflict.
    Conflict,
    /// The agent dies first.
    CrashBefore,
    /// The agent dies right after it.
    CrashAfter,
}

impl Faults {
    /// Faults until a time.
    pub fn new(random: Random, rates: Rates, until: Timestamp, crash_at: Option<CrashAt>) -> Self {
        Self {
            random,
            rates,
            until,
            away_until: Cell::new(Timestamp::MIN),
            crash_at: Cell::new(crash_at),
            writes: Cell::new(0),
        }
    }

    /// When nothing goes wrong any more.
    pub fn calm(&self) -> Timestamp {
        self.until
    }

    /// How many writes the agent has sent.
    pub fn writes(&self) -> u32 {
        self.writes.get()
    }

    fn happens(&self, now: Timestamp, rate: u32) -> bool {
        rate > 0 && now < self.until && self.random.chance(rate)
    }

    /// What becomes of a request that reaches the API server now.
    pub fn fate(&self, now: Timestamp, is_write: bool, is_conditional: bool) -> Fate {
        if is_write {
            let number = self.writes.replace(self.writes.get() + 1);
            if let Some(crash) = self.crash_at.get().filter(|crash| crash.write == number) {
                self.crash_at.set(None);
                return if crash.after { Fate::CrashAfter } else { Fate::CrashBefore };
            }
        }
        if self.happens(now, self.rates.outage) {
            let end = now.saturating_add(self.random.milliseconds(1_000, 20_000)).unwrap_or(now);
            self.away_until.set(end.min(self.until));
        }
        if now < self.away_until.get() || self.happens(now, self.rates.lost_before) {
            return Fate::LostBefore;
        }
        if self.happens(now, self.rates.throttled) {
            return Fate::Throttled;
        }
        if !is_write {
            return Fate::Answered;
        }
        let rates = &self.rates;
        let fates = [
            (rates.lost_after, Fate::LostAfter),
            (if is_conditional { rates.conflict } else { 0 }, Fate::Conflict),
            (rates.crash_before, Fate::CrashBefore),
            (rates.crash_after, Fate::CrashAfter),
        ];
        let found = fates.into_iter().find(|(rate, _)| self.happens(now, *rate));
        found.map_or(Fate::Answered, |(_, fate)| fate)
    }

    /// True if the API server does not answer at all now.
    pub fn is_away(&self, now: Timestamp) -> bool {
        now < self.away_until.get()
    }

    /// How long a request is under way, one way.
    pub fn latency(&self, now: Timestamp) -> SignedDuration {
        if self.happens(now, self.rates.slow) {
            self.random.milliseconds(1_000, 8_000)
        } else {
            self.random.milliseconds(1, 40)
        }
    }

    /// How long a watch waits before it tells.
    pub fn watch_latency(&self, now: Timestamp) -> SignedDuration {
        if self.happens(now, self.rates.late_event) {
            self.random.milliseconds(1_000, 30_000)
        } else {
            self.random.milliseconds(1, 60)
        }
    }

    /// What a watch does besides.
    pub fn watch_fault(&self, now: Timestamp) -> Option<WatchFault> {
        let rates = &self.rates;
        let faults = [
            (rates.doubled_event, WatchFault::Doubled),
            (rates.lost_event, WatchFault::Lost),
            (rates.compaction, WatchFault::Compacted),
        ];
        faults.into_iter().find(|(rate, _)| self.happens(now, *rate)).map(|(_, fault)| fault)
    }

    /// True if the Git server breaks off now.
    pub fn git_breaks(&self, now: Timestamp) -> bool {
        self.happens(now, self.rates.git)
    }

    /// The stream that these decisions come from.
    pub fn random(&self) -> &Random {
        &self.random
    }
}

/// What goes wrong with a watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WatchFault {
    /// It goes back a little.
    Doubled,
    /// It loses what it had to tell, and begins anew soon.
    Lost,
    /// It cannot go on from where it was.
    Compacted,
}
