//! What counts as the same message, the evidence that the vault has it, and making it durable.

pub mod commit;
pub mod dedupe;
pub(crate) mod evidence;
