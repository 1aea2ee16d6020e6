//! What only looks: an audit of a server, a check of a set-up, figures. Nothing on a server
//! changes; an audit records what it found in the ledger.

mod audit;
pub mod doctor;
pub mod metrics;

pub use audit::{
    ArchiveStatus, AuditOptions, AuditReport, AuditTally, FolderAudit, OtherFolders, audit,
};
