//! The decoding algorithms: a loop with six slots, blind to who listens.
