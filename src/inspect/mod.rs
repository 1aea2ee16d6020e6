//! Looking without changing anything: an audit of a server, a check of a set-up, figures.

mod audit;
pub mod doctor;
pub mod metrics;
pub mod stats;

pub use audit::{ArchiveStatus, AuditOptions, AuditReport, AuditTally, FolderAudit, audit};
