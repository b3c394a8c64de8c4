//! The synthetic task families: generate, prompt, check.
