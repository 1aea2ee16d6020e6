//! The list that an audit leaves: a JSON line for each message on the server.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use serde_json::json;

use super::judgement::Judgement;
use crate::base::error::{Error, Result};
use crate::base::{fsx, output_file};
use crate::mail::source::{Listing, Uid};
use crate::vault::catalog::Proof;

/// A file that gets its name when it is whole.
#[derive(Debug)]
pub(super) struct AuditManifest {
    path: PathBuf,
    tmp: PathBuf,
    to: BufWriter<File>,
    whole: bool,
}

impl AuditManifest {
    /// Begins one. No other file is replaced, nor one in the vault at `vault`.
    pub(super) fn create(path: &Path, vault: &Path) -> Result<Self> {
        let is_ours = |beginning: &[u8]| beginning.starts_with(b"{\"folder\":");
        let path = output_file::place_for(path, vault, is_ours)?;
        let tmp = fsx::staging_name(&path);
        Ok(Self {
            path,
            to: BufWriter::new(fsx::create_new(&tmp)?),
            tmp,
            whole: false,
        })
    }

    /// Adds a message of a folder.
    pub(super) fn add(
        &mut self,
        folder: &str,
        listing: &Listing,
        judgement: &Judgement,
    ) -> Result<()> {
        let mut line = json!({
            "folder": folder,
            "octets": listing.octets,
            "state": judgement.status.name(),
            "how": judgement.proof.map(Proof::name),
            "header_read": judgement.header_read,
            "hash": judgement.content.map(|hash| hash.to_string()),
        });
        match &listing.uid {
            Uid::Imap { uidvalidity, uid } => {
                line["uidvalidity"] = (*uidvalidity).into();
                line["uid"] = (*uid).into();
            }
            Uid::Uidl(name) => line["uidl"] = name.escape_ascii().to_string().into(),
            Uid::Absent => line["number"] = listing.number.into(),
        }
        writeln!(self.to, "{line}").map_err(|e| Error::file("write", &self.tmp, e))
    }

    /// Makes it durable and gives it its name.
    pub(super) fn finish(mut self) -> Result<()> {
        self.to
            .flush()
            .map_err(|e| Error::file("write", &self.tmp, e))?;
        fsx::sync_file(self.to.get_ref(), &self.tmp)?;
        fsx::rename(&self.tmp, &self.path)?;
        self.whole = true;
        let parent = self.path.parent().filter(|p| !p.as_os_str().is_empty());
        fsx::sync_dir(parent.unwrap_or(Path::new(".")))
    }
}

impl Drop for AuditManifest {
    fn drop(&mut self) {
        if !self.whole {
            // Half a list would be taken for one; that it cannot go changes nothing.
            let _ = fsx::remove(&self.tmp);
        }
    }
}
