//! Lists of objects (`ListObjectsV2`) and of their versions (`ListObjectVersions`), page by page.

use rusty_s3::Method;

use super::super::{
    ListedObject, ListedVersion, ObjectPage, ObjectVersion, VersionList, VersionPage,
};
use super::answer::md5_of;
use super::request::{S3Reply, S3Request};
use super::xml::Element;
use super::{ObjectName, ObjectStat, S3Store};
use crate::account::config::percent_decoded;
use crate::base::error::{Error, Result, StoreFault};
use crate::base::sync::lock;

/// Bytes of a page: 1,000 names of 1,024 bytes, each escaped.
const LONGEST_PAGE: u64 = 8 * 1024 * 1024;
/// Rows of a page.
const ROWS: &str = "1000";
/// What separates the two halves of a mark for versions. No version has one in it.
const BREAK: char = '\n';

impl S3Store {
    pub(in super::super) fn list(&self, prefix: &str, after: Option<&str>) -> Result<ObjectPage> {
        self.patience.run(|| self.list_once(prefix, after))
    }

    fn list_once(&self, prefix: &str, after: Option<&str>) -> Result<ObjectPage> {
        let prefix = format!("{}{prefix}", self.prefix);
        let mut query = Vec::from_iter(after.map(|after| ("continuation-token", after)));
        query.extend([
            ("encoding-type", "url"),
            ("list-type", "2"),
            ("max-keys", ROWS),
            ("prefix", &prefix),
        ]);
        let answer = self.page("ListBucketResult", query)?;
        let mut page = ObjectPage::default();
        for row in answer.all("Contents") {
            let name = self.name_of(&answer, row);
            match (name, self.row_stat(row)) {
                (_, None) => return Err(self.garbled_list()),
                (None, _) => page.foreign += 1,
                (Some(name), Some(stat)) => page.objects.push(ListedObject { name, stat }),
            }
        }
        if answer.get("IsTruncated") == Some("true") {
            let next = answer.get("NextContinuationToken");
            // The same mark again would never come to an end.
            let next = next.filter(|next| !next.is_empty() && Some(*next) != after);
            page.next = Some(next.ok_or_else(|| self.garbled_list())?.to_owned());
        }
        Ok(page)
    }

    pub(in super::super) fn versions(
        &self,
        name: &ObjectName,
        after: Option<&str>,
    ) -> Result<VersionPage> {
        self.patience.run(|| self.versions_once(name, after))
    }

    fn versions_once(&self, name: &ObjectName, after: Option<&str>) -> Result<VersionPage> {
        let key = self.key(name);
        let list = self.version_rows(&key, after)?;
        let rows = list.versions.into_iter().filter(|row| row.name == *name);
        // Names that only begin with this one follow.
        let own = |next: &String| {
            next.split_once(BREAK)
                .is_some_and(|(next, _)| *next == *key)
        };
        Ok(VersionPage {
            versions: rows.map(|row| row.version).collect(),
            next: list.next.filter(own),
        })
    }

    pub(in super::super) fn all_versions(
        &self,
        prefix: &str,
        after: Option<&str>,
    ) -> Result<VersionList> {
        let prefix = format!("{}{prefix}", self.prefix);
        self.patience.run(|| self.version_rows(&prefix, after))
    }

    fn version_rows(&self, prefix: &str, after: Option<&str>) -> Result<VersionList> {
        let mark = after.and_then(|after| after.split_once(BREAK));
        let mut query = vec![("encoding-type", "url")];
        query.extend(mark.map(|(key, _)| ("key-marker", key)));
        query.extend([("max-keys", ROWS), ("prefix", prefix)]);
        // A page may end after the last version of a name.
        let version = mark.filter(|(_, version)| !version.is_empty());
        query.extend(version.map(|(_, version)| ("version-id-marker", version)));
        query.push(("versions", ""));
        let answer = self.page("ListVersionsResult", query)?;
        let mut list = VersionList::default();
        for row in answer.all("Version") {
            let Some(name) = self.name_of(&answer, row) else {
                continue;
            };
            let (Some(stat), Some(id)) = (self.row_stat(row), row.get("VersionId")) else {
                return Err(self.garbled_list());
            };
            let latest = row.get("IsLatest") == Some("true");
            let id = id.to_owned();
            let version = ObjectVersion { id, stat, latest };
            list.versions.push(ListedVersion { name, version });
        }
        if answer.get("IsTruncated") == Some("true") {
            let next = answer.get("NextKeyMarker");
            let next = next.and_then(|next| decoded(&answer, next));
            let next = next.ok_or_else(|| self.garbled_list())?;
            let version = answer.get("NextVersionIdMarker").unwrap_or_default();
            let next = format!("{next}{BREAK}{version}");
            // The same mark again would never come to an end.
            if Some(next.as_str()) == after {
                return Err(self.garbled_list());
            }
            list.next = Some(next);
        }
        Ok(list)
    }

    fn page(&self, root: &str, query: Vec<(&str, &str)>) -> Result<Element> {
        let request = S3Request {
            query,
            ..S3Request::new(Method::Get, "")
        };
        let mut answer = match self.send(&request)? {
            S3Reply::Good(answer) => answer,
            S3Reply::Refused(refusal) => return Err(self.refused(&refusal)),
        };
        let body = answer.0.body_mut().with_config().limit(LONGEST_PAGE);
        let body = body.read_to_vec().map_err(|_| self.garbled_list())?;
        let text = std::str::from_utf8(&body).ok();
        let page = text
            .and_then(Element::parse)
            .filter(|page| page.name == root);
        page.ok_or_else(|| self.garbled_list())
    }

    /// The name in a row, if it is one of ours.
    fn name_of(&self, answer: &Element, row: &Element) -> Option<ObjectName> {
        let key = decoded(answer, row.get("Key")?)?;
        ObjectName::new(key.strip_prefix(&self.prefix)?)
    }

    fn row_stat(&self, row: &Element) -> Option<ObjectStat> {
        let vouches = lock(&self.abilities).is_none_or(|abilities| abilities.vouches_md5);
        Some(ObjectStat {
            size: row.get("Size")?.parse().ok()?,
            md5: row.get("ETag").filter(|_| vouches).and_then(md5_of),
        })
    }

    fn garbled_list(&self) -> Error {
        self.fault(StoreFault::Garbled {
            what: "its list cannot be read".to_owned(),
        })
    }
}

/// A name as the answer has it, which says whether it is escaped.
fn decoded(answer: &Element, key: &str) -> Option<String> {
    match answer.get("EncodingType") {
        Some("url") => percent_decoded(&key.replace('+', " ")),
        _ => Some(key.to_owned()),
    }
}
