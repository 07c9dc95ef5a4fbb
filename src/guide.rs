//! Guides: how to choose among what this crate offers, and how to use it. These modules have no code.
//!
//! | guide | question |
//! |---|---|
//! | [`writing_a_model`] | How do I say what my instrument does? |
//! | [`choosing_a_stepper`] | Which update rule, and is sampling the right method at all? |
//! | [`choosing_a_step_size`] | How large may a step be? |
//! | [`choosing_a_noise`] | Which source of random numbers? |
//! | [`streaming`] | How does a chain follow data that stream in? |
//! | [`tuning_free_sampling`] | How do I sample without choosing anything? |
//! | [`boards`] | How does it get onto a board? |
//! | [`cost`] | What does it cost? |
//! | [`guarantees`] | What cannot go wrong silently? |
//!
//! To add a stepper, a likelihood, a noise or a board, see `CONTRIBUTING.md` in the repository.

pub mod writing_a_model {
    #![doc = include_str!("guide/writing_a_model.md")]
}

pub mod choosing_a_stepper {
    #![doc = include_str!("guide/choosing_a_stepper.md")]
}

pub mod choosing_a_step_size {
    #![doc = include_str!("guide/choosing_a_step_size.md")]
}

pub mod choosing_a_noise {
    #![doc = include_str!("guide/choosing_a_noise.md")]
}

pub mod streaming {
    #![doc = include_str!("guide/streaming.md")]
}

pub mod tuning_free_sampling {
    #![doc = include_str!("guide/tuning_free_sampling.md")]
}

pub mod boards {
    #![doc = include_str!("guide/boards.md")]
}

pub mod cost {
    #![doc = include_str!("guide/cost.md")]
}

pub mod guarantees {
    #![doc = include_str!("guide/guarantees.md")]
}
