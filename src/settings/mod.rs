//! Every knob, declared once: flags, presets, the knob pane and the help are made from it.
