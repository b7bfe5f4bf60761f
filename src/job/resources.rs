//! How much of a machine a job asks for.

use serde::{Deserialize, Serialize};

/// Virtual processors, in thousandths: Fargate has 0.25 and 0.5, all else is whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Vcpus(u32);

/// Memory in MiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Memory(u32);

/// What a job takes, or what a machine has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resources {
    pub vcpus: Vcpus,
    pub memory: Memory,
    pub gpus: u32,
}

/// What was said of a job's size. The rest is for the engine to say: on AWS the job definition.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requested {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vcpus: Option<Vcpus>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<Memory>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpus: Option<u32>,
}

/// What there is too little of, each with its unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shortage {
    asked: Vec<String>,
    there: Vec<String>,
}

impl std::fmt::Display for Shortage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (asked, there) = (self.asked.join(", "), self.there.join(", "));
        write!(f, "the job asks for {asked}, and this machine has {there}")
    }
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SizeError {
    #[error("`{0}` is no number of vCPUs: Batch takes 0.25, 0.5 or a whole number from 1 to 1024")]
    Vcpus(String),
    #[error(
        "`{0}` is no amount of memory: it is a number of MiB, or has a unit such as `1GiB` or `4GB`"
    )]
    Memory(String),
    #[error("{0} MiB of memory is less than the 4 MiB that Batch asks for at least")]
    TooLittleMemory(u32),
    #[error("`{0}` is no number of GPUs: it is a whole number from 0 to 1024")]
    Gpus(String),
}

/// Far above any machine that there is; it keeps the sums from overflowing.
const MOST_VCPUS: u32 = 1024;
pub const MOST_GPUS: u32 = 1024;
/// SubmitJob: the hard limit of a container is at least 4 MiB.
const LEAST_MEMORY: u32 = 4;

impl Vcpus {
    pub const ONE: Self = Self(1000);

    /// # Errors
    /// When Batch has no such size.
    pub fn whole(count: u32) -> Result<Self, SizeError> {
        if (1..=MOST_VCPUS).contains(&count) {
            Ok(Self(count * 1000))
        } else {
            Err(SizeError::Vcpus(count.to_string()))
        }
    }

    #[must_use]
    pub const fn from_thousandths(thousandths: u32) -> Self {
        Self(thousandths)
    }

    #[must_use]
    pub const fn thousandths(self) -> u32 {
        self.0
    }
}

impl std::str::FromStr for Vcpus {
    type Err = SizeError;
    fn from_str(text: &str) -> Result<Self, SizeError> {
        let whole = text.strip_suffix(".0").unwrap_or(text);
        match whole {
            "0.25" | ".25" => Ok(Self(250)),
            "0.5" | ".5" | "0.50" => Ok(Self(500)),
            digits => {
                digits.parse().map_err(|_| SizeError::Vcpus(text.to_owned())).and_then(|count| {
                    Self::whole(count).map_err(|_| SizeError::Vcpus(text.to_owned()))
                })
            }
        }
    }
}

/// As Batch takes it: `1`, never `1.0`, which EC2 refuses.
impl std::fmt::Display for Vcpus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            whole if whole % 1000 == 0 => write!(f, "{}", whole / 1000),
            part => {
                write!(f, "{}", format!("{}.{:03}", part / 1000, part % 1000).trim_end_matches('0'))
            }
        }
    }
}

impl Memory {
    /// # Errors
    /// Below what Batch asks for at least.
    pub fn mib(mib: u32) -> Result<Self, SizeError> {
        if mib < LEAST_MEMORY { Err(SizeError::TooLittleMemory(mib)) } else { Ok(Self(mib)) }
    }

    /// What a machine has; no lower bound.
    #[must_use]
    pub const fn of_machine(mib: u32) -> Self {
        Self(mib)
    }

    /// Is the size that the text says no whole number of MiB, so that it was rounded up?
    #[must_use]
    pub fn rounds(text: &str) -> bool {
        bytes(text).is_some_and(|bytes| !bytes.is_multiple_of(MIB))
    }

    #[must_use]
    pub const fn as_mib(self) -> u32 {
        self.0
    }

    #[must_use]
    pub const fn bytes(self) -> u64 {
        self.0 as u64 * 1024 * 1024
    }
}

/// Rounded up: nothing gets less than it asks for.
impl std::str::FromStr for Memory {
    type Err = SizeError;
    fn from_str(text: &str) -> Result<Self, SizeError> {
        let wrong = || SizeError::Memory(text.to_owned());
        let mib = bytes(text).ok_or_else(wrong)?.div_ceil(MIB);
        Self::mib(mib.try_into().map_err(|_| wrong())?)
    }
}

const MIB: u128 = 1024 * 1024;
/// More say less than a byte.
const MOST_DIGITS_OF_A_FRACTION: usize = 9;

/// `512` is MiB. `4GB` is decimal; `4G`, `4Gi` and `4GiB` are binary, as container runtimes and
/// the JVM read the first of them.
fn bytes(text: &str) -> Option<u128> {
    let number = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match text[number.len()..].to_ascii_lowercase().as_str() {
        "" | "m" | "mi" | "mib" => MIB,
        "k" | "ki" | "kib" => 1024,
        "g" | "gi" | "gib" => MIB * 1024,
        "t" | "ti" | "tib" => MIB * 1024 * 1024,
        "kb" => 1000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "tb" => 1_000_000_000_000,
        _ => return None,
    };
    let number_ends_in_its_unit = number.len() < text.len();
    let (whole, fraction) = match number.trim_end().split_once('.') {
        Some((whole, fraction)) if number_ends_in_its_unit && !fraction.is_empty() => {
            (whole, fraction)
        }
        Some(_) => return None,
        None => (number.trim_end(), ""),
    };
    let digits = |text: &str| text.bytes().all(|digit| digit.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || fraction.len() > MOST_DIGITS_OF_A_FRACTION {
        return None;
    }
    let scaled: u64 = format!("{whole}{fraction}").parse().ok()?;
    let scale = 10_u128.pow(u32::try_from(fraction.len()).ok()?);
    Some((u128::from(scaled) * unit).div_ceil(scale))
}

impl std::fmt::Display for Memory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            mib if mib >= 1024 && mib % 1024 == 0 => write!(f, "{} GiB", mib / 1024),
            mib => write!(f, "{mib} MiB"),
        }
    }
}

/// What a job gets on the local engine that asks for nothing: enough for a small build, on any
/// machine.
const SMALL_BUILD: Resources = Resources { vcpus: Vcpus::ONE, memory: Memory(1024), gpus: 0 };

impl Requested {
    /// What it is on the local engine, which has no job definition to fill in the rest.
    #[must_use]
    pub fn on_this_machine(self) -> Resources {
        Resources {
            vcpus: self.vcpus.unwrap_or(SMALL_BUILD.vcpus),
            memory: self.memory.unwrap_or(SMALL_BUILD.memory),
            gpus: self.gpus.unwrap_or(SMALL_BUILD.gpus),
        }
    }

    /// For serde: what is left out of a record.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

impl From<Resources> for Requested {
    fn from(all: Resources) -> Self {
        Self { vcpus: Some(all.vcpus), memory: Some(all.memory), gpus: Some(all.gpus) }
    }
}

impl Resources {
    #[must_use]
    pub fn fits_in(&self, room: &Self) -> bool {
        self.vcpus <= room.vcpus && self.memory <= room.memory && self.gpus <= room.gpus
    }

    /// What is left of `self` once `used` is taken from it; never below nothing.
    #[must_use]
    pub fn less(&self, used: &Self) -> Self {
        Self {
            vcpus: Vcpus(self.vcpus.0.saturating_sub(used.vcpus.0)),
            memory: Memory(self.memory.0.saturating_sub(used.memory.0)),
            gpus: self.gpus.saturating_sub(used.gpus),
        }
    }

    #[must_use]
    pub fn plus(&self, more: &Self) -> Self {
        Self {
            vcpus: Vcpus(self.vcpus.0.saturating_add(more.vcpus.0)),
            memory: Memory(self.memory.0.saturating_add(more.memory.0)),
            gpus: self.gpus.saturating_add(more.gpus),
        }
    }

    /// What of it there is not in `room`, and what there is of that instead.
    #[must_use]
    pub fn beyond(&self, room: &Self) -> Shortage {
        let mut shortage = Shortage { asked: Vec::new(), there: Vec::new() };
        let mut add = |is_short: bool, asked: String, there: String| {
            if is_short {
                shortage.asked.push(asked);
                shortage.there.push(there);
            }
        };
        let vcpus = |it: &Self| format!("{} vCPU", it.vcpus);
        let gpus = |it: &Self| match it.gpus {
            0 => "no GPU".to_owned(),
            count => format!("{count} GPU"),
        };
        add(self.vcpus > room.vcpus, vcpus(self), vcpus(room));
        // In one unit, to be compared, and never as if they were the same.
        let gib = |tenths: u64| match (tenths / 10, tenths % 10) {
            (whole, 0) => format!("{whole} GiB"),
            (whole, rest) => format!("{whole}.{rest} GiB"),
        };
        let tenths = |mib: u64| mib * 10 / 1024;
        let (asked, there) = match (self.memory.0, room.memory.0) {
            (0..1024, _) | (_, 0..1024) => {
                (format!("{} MiB", self.memory.0), format!("{} MiB", room.memory.0))
            }
            (asked, there) => (gib(tenths(u64::from(asked) + 102)), gib(tenths(u64::from(there)))),
        };
        add(self.memory > room.memory, asked, there);
        add(self.gpus > room.gpus, gpus(self), gpus(room));
        shortage
    }

    /// No job can start here: each needs processors and memory.
    #[must_use]
    pub fn is_used_up(&self) -> bool {
        self.vcpus.0 == 0 || self.memory.0 == 0
    }
}

impl std::fmt::Display for Resources {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} vCPU, {}", self.vcpus, self.memory)?;
        if self.gpus > 0 { write!(f, ", {} GPU", self.gpus) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vcpus_as_batch_takes_them() {
        for (text, shown) in
            [("1", "1"), ("1.0", "1"), ("0.25", "0.25"), ("0.5", "0.5"), ("16", "16")]
        {
            assert_eq!(text.parse::<Vcpus>().expect(text).to_string(), shown);
        }
        for text in ["0", "0.3", "1.5", "-1", "", "two", "1025"] {
            assert_eq!(text.parse::<Vcpus>(), Err(SizeError::Vcpus(text.to_owned())));
        }
    }

    #[test]
    fn only_what_is_short_is_told() {
        let of = |vcpus: u32, mib, gpus| Resources {
            vcpus: Vcpus(vcpus * 1000),
            memory: Memory(mib),
            gpus,
        };
        let told = |asked: Resources, room| asked.beyond(&room).to_string();
        assert_eq!(
            told(of(4, 1024, 1), of(4, 2048, 0)),
            "the job asks for 1 GPU, and this machine has no GPU"
        );
        assert_eq!(
            told(of(8, 4096, 3), of(4, 2048, 2)),
            "the job asks for 8 vCPU, 4 GiB, 3 GPU, and this machine has 4 vCPU, 2 GiB, 2 GPU"
        );
        assert_eq!(
            told(of(1, 921_600, 0), of(4, 24_105, 0)),
            "the job asks for 900 GiB, and this machine has 23.5 GiB"
        );
        assert_eq!(
            told(of(1, 24_106, 0), of(4, 24_105, 0)),
            "the job asks for 23.6 GiB, and this machine has 23.5 GiB"
        );
        assert_eq!(
            told(of(1, 1024, 0), of(4, 1000, 0)),
            "the job asks for 1024 MiB, and this machine has 1000 MiB"
        );
    }

    #[test]
    fn memory_with_and_without_a_unit() {
        for (text, mib, is_rounded) in [
            ("512", 512, false),
            ("1GiB", 1024, false),
            ("2g", 2048, false),
            ("4Gi", 4096, false),
            ("64MiB", 64, false),
            ("512M", 512, false),
            ("1 GiB", 1024, false),
            ("1.5GiB", 1536, false),
            ("0.0005T", 525, true),
            ("4GB", 3815, true),
            ("512MB", 489, true),
            ("1048576kb", 1000, false),
        ] {
            assert_eq!(text.parse::<Memory>().expect(text).as_mib(), mib);
            assert_eq!(Memory::rounds(text), is_rounded, "{text}");
        }
        assert_eq!("3".parse::<Memory>(), Err(SizeError::TooLittleMemory(3)));
        for text in ["", "GiB", "1.5", "1.GiB", "1.1.1GiB", "1GX", "-5", "9999999TiB"] {
            assert!(matches!(text.parse::<Memory>(), Err(SizeError::Memory(_))), "{text}");
        }
    }
}
