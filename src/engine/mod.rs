//! The engine: one worker thread that owns the networks; commands in, events out.
