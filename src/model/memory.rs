//! How much memory there is, and whether a network fits into it.

use sysinfo::{MemoryRefreshKind, RefreshKind, System};

use super::cgroup;

/// Memory of a device, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// What a program can have now.
    pub free: u64,
    /// What there is.
    pub total: u64,
}

/// The part of the free memory above which something else will soon be short of it.
const CLOSE: f64 = 0.85;

/// How a need compares with free memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemoryFit {
    /// There is room.
    Fits,
    /// There is hardly room: the machine may begin to swap.
    Close,
    /// There is no room.
    Exceeds,
}

impl MemoryFit {
    /// Compares bytes that are needed with bytes that are free.
    pub fn of(need: u64, free: u64) -> Self {
        if need > free {
            Self::Exceeds
        } else if need as f64 > CLOSE * free as f64 {
            Self::Close
        } else {
            Self::Fits
        }
    }
}

impl Memory {
    /// The main memory, within the limits of a container; `None` where the system does not say.
    pub fn of_machine() -> Option<Self> {
        let kind = RefreshKind::nothing().with_memory(MemoryRefreshKind::nothing().with_ram());
        let system = System::new_with_specifics(kind);
        let mut memory = Self { free: system.available_memory(), total: system.total_memory() };
        if let Some(limits) = cgroup::limits() {
            memory = Self { free: memory.free.min(limits.free), total: memory.total.min(limits.total) };
        }
        (memory.total > 0).then_some(memory)
    }
}

/// A number of bytes for people, in the units that hubs and disks use.
pub fn bytes(count: u64) -> String {
    const UNITS: [(&str, f64); 3] = [("GB", 1e9), ("MB", 1e6), ("kB", 1e3)];
    for (unit, size) in UNITS {
        let value = count as f64 / size;
        // What rounds to a thousand is one of the next unit.
        if value >= 0.9995 {
            return if value < 9.995 {
                format!("{value:.2} {unit}")
            } else if value < 99.95 {
                format!("{value:.1} {unit}")
            } else {
                format!("{value:.0} {unit}")
            };
        }
    }
    format!("{count} B")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_need_fits_is_close_or_exceeds() {
        assert_eq!(MemoryFit::of(80, 100), MemoryFit::Fits);
        assert_eq!(MemoryFit::of(90, 100), MemoryFit::Close);
        assert_eq!(MemoryFit::of(100, 100), MemoryFit::Close);
        assert_eq!(MemoryFit::of(101, 100), MemoryFit::Exceeds);
        assert_eq!(MemoryFit::of(1, 0), MemoryFit::Exceeds);
    }

    #[test]
    fn this_machine_has_memory() {
        let memory = Memory::of_machine().unwrap();
        assert!(memory.free > 0 && memory.free <= memory.total, "{memory:?}");
    }

    #[test]
    fn bytes_have_three_digits() {
        let texts = [0, 999, 1000, 12_345, 988_097_824, 999_600_000, 16_031_162_368].map(bytes);
        assert_eq!(texts, ["0 B", "999 B", "1.00 kB", "12.3 kB", "988 MB", "1.00 GB", "16.0 GB"]);
    }
}
