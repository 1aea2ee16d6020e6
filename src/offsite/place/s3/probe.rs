//! What a server can do, found out with one object that is put twice.

use rusty_s3::Method;

use super::request::{S3Reply, S3Request};
use super::{
    ObjectName, ObjectStat, PutConditions, PutOutcome, S3Store, SpoolFile, StoreAbilities,
};
use crate::base::error::{Result, StoreFault};
use crate::base::sync::lock;

impl S3Store {
    pub(in super::super) fn probe(
        &self,
        name: &ObjectName,
        file: &SpoolFile<'_>,
    ) -> Result<StoreAbilities> {
        self.patience.run(|| {
            let learned = self.probe_once(name, file)?;
            *lock(&self.abilities) = Some(learned);
            Ok(learned)
        })
    }

    fn probe_once(&self, name: &ObjectName, file: &SpoolFile<'_>) -> Result<StoreAbilities> {
        // Nothing is taken for granted that an earlier probe found.
        *lock(&self.abilities) = None;
        if let Some(stat) = self.head_once(name)?
            && let PutOutcome::Exists(_) = self.compare(name, stat, file)?
        {
            return Err(self.not_ours(name));
        }
        let mut learned = StoreAbilities {
            conditions: PutConditions::Ignored,
            vouches_md5: false,
            keeps_versions: false,
        };
        // The second put shows what became of the first, whatever was there before.
        for _ in 0..2 {
            let refusal = match self.send_put(name, file, true)? {
                S3Reply::Good(answer) => {
                    learned.keeps_versions |= is_version(answer.header("x-amz-version-id"));
                    continue;
                }
                S3Reply::Refused(refusal) => refusal,
            };
            if refusal.status == 412 {
                learned.conditions = PutConditions::Work;
                break;
            }
            if !refusal.is_unknown_condition() {
                return Err(self.refused(&refusal));
            }
            learned.conditions = PutConditions::Refused;
            match self.send_put(name, file, false)? {
                S3Reply::Good(answer) => {
                    learned.keeps_versions |= is_version(answer.header("x-amz-version-id"));
                }
                S3Reply::Refused(refusal) => return Err(self.refused(&refusal)),
            }
            break;
        }
        let key = self.key(name);
        let answer = match self.send(&S3Request::new(Method::Head, &key))? {
            S3Reply::Good(answer) => answer,
            S3Reply::Refused(refusal) if refusal.is_missing() => return Err(self.not_ours(name)),
            S3Reply::Refused(refusal) => return Err(self.hidden(name, &refusal)),
        };
        learned.keeps_versions |= is_version(answer.header("x-amz-version-id"));
        learned.vouches_md5 = self.vouches(name, file, self.stat(name, &answer)?)?;
        Ok(learned)
    }

    /// Whether the `ETag` is the MD5. The object is read, so that a server that has lost or
    /// changed it is not taken for one that counts in another way.
    fn vouches(&self, name: &ObjectName, file: &SpoolFile<'_>, stat: ObjectStat) -> Result<bool> {
        let unsure = ObjectStat { md5: None, ..stat };
        match self.compare(name, unsure, file)? {
            PutOutcome::Stored(_) => Ok(stat.md5 == Some(file.md5)),
            PutOutcome::Exists(_) => Err(self.not_ours(name)),
        }
    }

    fn not_ours(&self, name: &ObjectName) -> crate::base::error::Error {
        self.fault(StoreFault::Unconfirmed {
            name: name.to_string(),
        })
    }
}

/// True if a version was kept; a bucket that keeps none says so or says nothing.
fn is_version(id: Option<&str>) -> bool {
    id.is_some_and(|id| !id.is_empty() && id != "null")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_version_is_none() {
        assert!(is_version(Some("3sL4kqtJlcpXroDTDmJ+rmSpXd3dIbrHY")));
        assert!(![None, Some(""), Some("null")].into_iter().any(is_version));
    }
}
