//! The engine: makes durable what the language decided, and only then lets it out.
mod requests;
pub use requests::*;
