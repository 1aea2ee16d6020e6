//! What the status and the code of an answer mean.

use super::xml::Element;
use crate::base::error::StoreFault;

/// An answer that is no success.
#[derive(Debug, Default)]
pub(super) struct S3Refusal {
    pub(super) status: u16,
    /// `Code` of the document, if there is one; an answer to HEAD has none.
    pub(super) code: String,
    pub(super) message: String,
    /// The region that the bucket is in, by the document or a header.
    pub(super) region: Option<String>,
    /// Seconds that the server wants to be left alone.
    pub(super) wait: Option<u64>,
    /// The server's clock in Unix seconds.
    pub(super) date: Option<i64>,
}

impl S3Refusal {
    /// Takes in the document of the answer.
    pub(super) fn read(&mut self, body: &[u8]) {
        let text = String::from_utf8_lossy(body);
        let Some(error) = Element::parse(&text) else {
            return;
        };
        let get = |name| error.get(name).unwrap_or_default().to_owned();
        self.code = get("Code");
        self.message = get("Message");
        let region = error.get("Region").filter(|region| !region.is_empty());
        self.region = region.map(str::to_owned).or(self.region.take());
    }

    /// True if the clocks differ too much.
    pub(super) fn is_skew(&self) -> bool {
        self.code == "RequestTimeTooSkewed"
    }

    /// True if an object is not there.
    pub(super) fn is_missing(&self) -> bool {
        self.status == 404 && self.code != "NoSuchBucket"
    }

    /// True if the server does not know the condition of a put. Backblaze and others answer with
    /// different statuses; none of them is one that a plain put gets for another reason.
    pub(super) fn is_unknown_condition(&self) -> bool {
        let other = [400, 405, 406, 410, 411, 415, 417, 422, 428, 501];
        let known = [
            "AuthorizationHeaderMalformed",
            "BadDigest",
            "ExpiredToken",
            "InvalidDigest",
            "InvalidToken",
            "RequestTimeout",
        ];
        other.contains(&self.status)
            && self.region.is_none()
            && !known.contains(&self.code.as_str())
    }

    /// What is wrong.
    pub(super) fn fault(&self) -> StoreFault {
        match (self.status, self.code.as_str()) {
            (_, "NoSuchBucket") => StoreFault::NoBucket,
            (_, "RequestTimeTooSkewed") => StoreFault::Skewed,
            (
                _,
                "AuthorizationHeaderMalformed"
                | "IllegalLocationConstraintException"
                | "PermanentRedirect",
            )
            | (301 | 302 | 307 | 308, _) => self.wrong_region(),
            (400, _) if self.region.is_some() => self.wrong_region(),
            (401 | 403, _) | (400, "ExpiredToken" | "InvalidToken" | "InvalidAccessKeyId") => {
                StoreFault::Denied
            }
            (507, _) | (_, "QuotaExceeded" | "XMinioStorageFull") => StoreFault::Full,
            (409 | 429 | 500 | 502 | 503 | 504, _) | (400, "RequestTimeout") => {
                StoreFault::Busy { wait: self.wait }
            }
            (status, "") => StoreFault::Refused {
                code: status.to_string(),
            },
            (status, code) => StoreFault::Refused {
                code: format!("{status} {code}"),
            },
        }
    }

    fn wrong_region(&self) -> StoreFault {
        StoreFault::WrongRegion {
            region: self.region.clone(),
        }
    }
}

/// The MD5 that an `ETag` gives, if it has the form of one.
pub(super) fn md5_of(etag: &str) -> Option<[u8; 16]> {
    let digits = etag.trim_matches('"');
    if digits.len() != 32 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let number = u128::from_str_radix(digits, 16).ok()?;
    Some(number.to_be_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::error::ErrorKind;

    fn fault(status: u16, code: &str) -> StoreFault {
        let mut refusal = S3Refusal {
            status,
            ..S3Refusal::default()
        };
        refusal.read(format!("<Error><Code>{code}</Code></Error>").as_bytes());
        refusal.fault()
    }

    #[test]
    fn each_answer_has_its_class() {
        for (status, code, kind) in [
            (404, "NoSuchBucket", ErrorKind::VaultMissing),
            (403, "AccessDenied", ErrorKind::Auth),
            (403, "RequestTimeTooSkewed", ErrorKind::Auth),
            (400, "ExpiredToken", ErrorKind::Auth),
            (400, "AuthorizationHeaderMalformed", ErrorKind::Config),
            (301, "PermanentRedirect", ErrorKind::Config),
            (507, "XMinioStorageFull", ErrorKind::NoSpace),
            (503, "SlowDown", ErrorKind::Unreachable),
            (409, "OperationAborted", ErrorKind::Unreachable),
            (400, "RequestTimeout", ErrorKind::Unreachable),
            (400, "InvalidArgument", ErrorKind::Auth),
        ] {
            assert_eq!(fault(status, code).kind(), kind, "{status} {code}");
        }
    }

    #[test]
    fn an_etag_is_an_md5_only_if_it_looks_like_one() {
        let etag = "\"764efa883dda1e11db47671c4a3bbd9e\"";
        assert_eq!(md5_of(etag).map(|md5| md5[0]), Some(0x76));
        for other in [
            "",
            "\"764efa883dda1e11db47671c4a3bbd9e-2\"",
            "\"+64efa883dda1e11db47671c4a3bbd9e\"",
        ] {
            assert_eq!(md5_of(other), None, "{other}");
        }
    }
}
