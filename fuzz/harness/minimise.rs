//! Makes a failing input smaller.

use std::time::{Duration, Instant};

/// Leaves out ever smaller parts for as long as `fails` says that the rest fails in the same way, and time is left.
pub fn minimise(input: &[u8], patience: Duration, mut fails: impl FnMut(&[u8]) -> bool) -> Vec<u8> {
    let began = Instant::now();
    let mut least = input.to_vec();
    let mut part = least.len().div_ceil(2);
    while part > 0 {
        let mut at = 0;
        let mut shrunk = false;
        while at < least.len() {
            if began.elapsed() > patience {
                return least;
            }
            let rest = [&least[..at], &least[(at + part).min(least.len())..]].concat();
            if fails(&rest) {
                least = rest;
                shrunk = true;
            } else {
                at += part;
            }
        }
        // The same size again: what could not go before may go now.
        if !shrunk || part > 1 {
            part /= 2;
        }
    }
    least
}
