//! The playground on the terminal: model, update, view.
