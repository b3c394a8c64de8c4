//! Values over the steps of a run, where few steps change them.

/// The values that something has had, each with the number of steps after which it had it first, ascending. What a step
/// leaves alone costs nothing.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct History<T>(Vec<(u32, T)>);

impl<T> History<T> {
    pub(super) const fn new() -> Self {
        Self(Vec::new())
    }

    /// What it had after `steps` steps.
    pub(super) fn after(&self, steps: usize) -> Option<&T> {
        self.until(steps).last().map(|(_, value)| value)
    }

    /// All that it had up to `steps` steps, each with the number of steps after which it had it first.
    pub(super) fn until(&self, steps: usize) -> &[(u32, T)] {
        &self.0[..self.0.partition_point(|(since, _)| *since as usize <= steps)]
    }

    /// All that it had, each with the number of steps after which it had it first, ascending.
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, &T)> {
        self.0.iter().map(|(since, value)| (*since as usize, value))
    }

    /// The number of steps after which it first had what it had after `steps` steps.
    pub(super) fn since(&self, steps: usize) -> Option<usize> {
        let later = self.0.partition_point(|(since, _)| *since as usize <= steps);
        later.checked_sub(1).map(|last| self.0[last].0 as usize)
    }

    /// What it had first after `steps` steps.
    pub(super) fn at(&self, steps: usize) -> Option<&T> {
        let at = self.0.binary_search_by_key(&steps, |(since, _)| *since as usize);
        at.ok().map(|at| &self.0[at].1)
    }

    /// Bytes of memory that it takes behind itself, those of its values' own parts by `of`.
    pub(super) fn memory(&self, of: impl Fn(&T) -> usize) -> usize {
        self.0.capacity() * size_of::<(u32, T)>() + self.0.iter().map(|(_, value)| of(value)).sum::<usize>()
    }

    /// Notes what it has after `steps` steps, which are no fewer than those of the last note.
    pub(super) fn note(&mut self, steps: usize, value: T) {
        match self.0.last_mut() {
            Some((since, last)) if *since as usize == steps => *last = value,
            _ => {
                // Most positions are written once: room for more would be half of what a log of many steps takes.
                if self.0.len() < 4 {
                    self.0.reserve_exact(1);
                }
                self.0.push((steps as u32, value));
            }
        }
    }
}
