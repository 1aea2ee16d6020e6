//! Object storage by the interface of Amazon S3, in the dialects that others made of it.
//!
//! Requests are signed in their address (`rusty-s3`, Signature Version 4). Headers named
//! `x-amz-checksum-*` are neither sent nor asked for: Backblaze refuses them. What is sent is
//! confirmed by its MD5, which nearly every server gives as `ETag`.

mod answer;
mod body;
mod list;
mod pace;
mod probe;
mod proxy;
mod request;
mod wire;
mod xml;

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rusty_s3::{Bucket, Method, UrlStyle};

use self::answer::{S3Refusal, md5_of};
use self::request::{HttpAnswer, S3Reply, S3Request};
use self::wire::{NoLookup, Wire};
use super::object::digest;
use super::{
    Confirmation, ObjectBody, ObjectName, ObjectStat, Patience, PutConditions, PutOutcome,
    SpoolFile, StoreAbilities, StoreLimits, fault_of,
};
use crate::account::config::is_loopback;
use crate::base::error::{Endpoint, Error, Result, StoreFault};
use crate::base::secret::{AccessKeys, Mask};
use crate::base::sync::lock;
use crate::net::transport::Trust;

pub use self::proxy::HttpsProxy;

/// Where object storage is, and how it is reached.
#[derive(Debug, Clone, Default)]
pub struct S3Options {
    /// The bucket.
    pub bucket: String,
    /// What all names begin with there; empty for the whole bucket.
    pub prefix: String,
    /// The address of the service; Amazon's own if there is none.
    pub endpoint: Option<String>,
    /// The region.
    pub region: String,
    /// The bucket is in the path of the address instead of its host.
    pub path_style: bool,
    /// Only this authority (PEM), instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// The proxy on the way.
    pub proxy: HttpsProxy,
    /// What an earlier [`super::ObjectStore::probe`] learned.
    pub abilities: Option<StoreAbilities>,
}

/// A prefix of a bucket.
#[derive(Debug)]
pub struct S3Store {
    bucket: Bucket,
    prefix: String,
    shown: String,
    keys: AccessKeys,
    mask: Mask,
    server: Endpoint,
    agent: ureq::Agent,
    patience: Patience,
    abilities: Mutex<Option<StoreAbilities>>,
    /// True once it has refused a condition that it was asked for by a put.
    refuses_conditions: AtomicBool,
    /// Seconds that the server's clock is ahead of ours, once that has mattered.
    skew: AtomicI64,
}

impl S3Store {
    /// A place; nothing is sent yet.
    ///
    /// # Errors
    /// [`Error::Config`] if its address cannot be one.
    pub fn new(options: &S3Options, keys: AccessKeys, limits: StoreLimits) -> Result<Self> {
        let bucket = bucket(options)?;
        let base = bucket.base_url();
        let encrypted = base.scheme() == "https";
        let server = Endpoint {
            host: base.host_str().unwrap_or_default().to_owned(),
            port: base.port_or_known_default().unwrap_or(443),
        };
        if !encrypted && !is_loopback(server.host.trim_matches(['[', ']'])) {
            return Err(Error::Config {
                message: format!("the endpoint would send everything to {server} unencrypted"),
                hint: Some("http:// is for this machine only: write https://".to_owned()),
            });
        }
        let prefix = options.prefix.trim_matches('/');
        let shown = format!("s3://{}/{prefix}", options.bucket);
        let proxy = if encrypted {
            options.proxy.route(&server)?
        } else {
            None
        };
        let agent = request::agent(Wire {
            server: server.clone(),
            trust: encrypted.then(|| Trust {
                ca_file: options.ca_file.clone(),
                pin: None,
            }),
            proxy,
            limits: limits.wire.clone(),
        });
        Ok(Self {
            prefix: if prefix.is_empty() {
                String::new()
            } else {
                format!("{prefix}/")
            },
            shown: shown.trim_end_matches('/').to_owned(),
            bucket,
            mask: keys.mask(),
            keys,
            server,
            agent,
            patience: Patience::new(limits),
            abilities: Mutex::new(options.abilities),
            refuses_conditions: AtomicBool::new(false),
            skew: AtomicI64::new(0),
        })
    }

    pub(super) fn shown(&self) -> &str {
        &self.shown
    }

    pub(super) fn patience(&self) -> &Patience {
        &self.patience
    }

    pub(super) fn head(&self, name: &ObjectName) -> Result<Option<ObjectStat>> {
        self.patience.run(|| self.head_once(name))
    }

    pub(super) fn put(&self, name: &ObjectName, file: &SpoolFile<'_>) -> Result<PutOutcome> {
        let mut again = false;
        self.patience.run(|| {
            // The answer alone may have been lost: then the bytes need not be sent once more.
            if std::mem::replace(&mut again, true)
                && let Some(stat) = self.shown_head(name)?
            {
                return self.compare(name, stat, file);
            }
            self.put_once(name, file)
        })
    }

    pub(super) fn body(
        &self,
        name: &ObjectName,
        version: Option<&str>,
        range: Range<u64>,
    ) -> Result<ObjectBody<'_>> {
        let key = self.key(name);
        let request = S3Request {
            query: version
                .map(|version| ("versionId", version))
                .into_iter()
                .collect(),
            range: Some(range.clone()),
            ..S3Request::new(Method::Get, &key)
        };
        match self.send(&request)? {
            S3Reply::Good(answer) => body::body(self, name, answer, &range),
            S3Reply::Refused(refusal) if refusal.is_missing() => {
                Err(self.unconfirmed(name, &refusal))
            }
            S3Reply::Refused(refusal) => Err(self.hidden(name, &refusal)),
        }
    }

    fn head_once(&self, name: &ObjectName) -> Result<Option<ObjectStat>> {
        let key = self.key(name);
        match self.send(&S3Request::new(Method::Head, &key))? {
            S3Reply::Good(answer) => self.stat(name, &answer).map(Some),
            S3Reply::Refused(refusal) if refusal.is_missing() => Ok(None),
            S3Reply::Refused(refusal) => Err(self.hidden(name, &refusal)),
        }
    }

    /// What is there; none, too, where the place does not say.
    fn shown_head(&self, name: &ObjectName) -> Result<Option<ObjectStat>> {
        match self.head_once(name) {
            Err(Error::Store {
                fault: StoreFault::Hidden { .. },
                ..
            }) => Ok(None),
            head => head,
        }
    }

    fn put_once(&self, name: &ObjectName, file: &SpoolFile<'_>) -> Result<PutOutcome> {
        let conditions = lock(&self.abilities).map(|abilities| abilities.conditions);
        if conditions != Some(PutConditions::Work)
            && let Some(stat) = self.head_once(name)?
        {
            return self.compare(name, stat, file);
        }
        let refused = self.refuses_conditions.load(Ordering::Relaxed);
        let conditional = conditions != Some(PutConditions::Refused) && !refused;
        let refusal = match self.send_put(name, file, conditional)? {
            S3Reply::Good(answer) => return self.confirm(name, file, &answer),
            S3Reply::Refused(refusal) => refusal,
        };
        if conditional && refusal.status == 412 {
            return match self.head_once(name)? {
                Some(stat) => self.compare(name, stat, file),
                None => Err(self.unconfirmed(name, &refusal)),
            };
        }
        if conditional && conditions.is_none() && refusal.is_unknown_condition() {
            return match self.send_put(name, file, false)? {
                S3Reply::Good(answer) => {
                    self.refuses_conditions.store(true, Ordering::Relaxed);
                    self.confirm(name, file, &answer)
                }
                S3Reply::Refused(refusal) => Err(self.refused(&refusal)),
            };
        }
        Err(self.refused(&refusal))
    }

    fn send_put(
        &self,
        name: &ObjectName,
        file: &SpoolFile<'_>,
        conditional: bool,
    ) -> Result<S3Reply> {
        let key = self.key(name);
        let mut headers = vec![("content-md5", STANDARD.encode(file.md5))];
        if conditional {
            headers.push(("if-none-match", "*".to_owned()));
        }
        self.send(&S3Request {
            headers,
            file: Some(*file),
            ..S3Request::new(Method::Put, &key)
        })
    }

    /// Whether what the server says it has stored is what was sent.
    fn confirm(
        &self,
        name: &ObjectName,
        file: &SpoolFile<'_>,
        answer: &HttpAnswer,
    ) -> Result<PutOutcome> {
        match self.etag(answer) {
            Some(md5) if md5 == file.md5 => Ok(PutOutcome::Stored(Confirmation::Md5)),
            Some(_) => Err(self.fault(StoreFault::Unconfirmed {
                name: name.to_string(),
            })),
            None => match self.head_once(name)? {
                Some(stat) if stat.size == file.size => {
                    Ok(PutOutcome::Stored(Confirmation::SizeOnly))
                }
                _ => Err(self.fault(StoreFault::Unconfirmed {
                    name: name.to_string(),
                })),
            },
        }
    }

    /// What a put comes to where the name is taken. Without an MD5 the object is read: heads of
    /// two machines may be equally long.
    fn compare(
        &self,
        name: &ObjectName,
        stat: ObjectStat,
        file: &SpoolFile<'_>,
    ) -> Result<PutOutcome> {
        let equal = match stat.is(file) {
            Some(equal) => equal,
            None if file.size == 0 => true,
            None => {
                let mut body = self.body(name, None, 0..stat.size)?;
                let read = digest(&mut body);
                read.map_err(|error| body::explained(self, error))? == (file.size, file.md5)
            }
        };
        Ok(if equal {
            PutOutcome::Stored(Confirmation::Md5)
        } else {
            PutOutcome::Exists(stat)
        })
    }

    fn stat(&self, name: &ObjectName, answer: &HttpAnswer) -> Result<ObjectStat> {
        let size = answer
            .header("content-length")
            .and_then(|size| size.parse().ok());
        let size = size.ok_or_else(|| {
            self.fault(StoreFault::Garbled {
                what: format!("the length of {name} is not given"),
            })
        })?;
        let md5 = self.etag(answer);
        Ok(ObjectStat { size, md5 })
    }

    /// The MD5 that an answer gives, if this server's are MD5s. With keys of its own or of the
    /// customer a server may give something that only looks like one.
    fn etag(&self, answer: &HttpAnswer) -> Option<[u8; 16]> {
        let vouches = lock(&self.abilities).is_none_or(|abilities| abilities.vouches_md5);
        let foreign = answer
            .header("x-amz-server-side-encryption")
            .is_some_and(|kind| kind.starts_with("aws:kms"))
            || answer
                .header("x-amz-server-side-encryption-customer-algorithm")
                .is_some();
        answer
            .header("etag")
            .filter(|_| vouches && !foreign)
            .and_then(md5_of)
    }

    fn key(&self, name: &ObjectName) -> String {
        format!("{}{name}", self.prefix)
    }

    fn fault(&self, fault: StoreFault) -> Error {
        fault_of(&self.shown, fault)
    }

    fn refused(&self, refusal: &S3Refusal) -> Error {
        let words = self.mask.apply(refusal.message.as_bytes());
        let words = String::from_utf8_lossy(&words).into_owned();
        Error::Store {
            place: self.shown.clone(),
            fault: refusal.fault(),
            reply: Some(words).filter(|words| !words.is_empty()),
        }
    }

    /// A refusal to show an object, of which nobody knows whether it is there.
    fn hidden(&self, name: &ObjectName, refusal: &S3Refusal) -> Error {
        let unsaid = refusal.code.is_empty() || refusal.code == "AccessDenied";
        if refusal.status == 403 && unsaid {
            return self.fault(StoreFault::Hidden {
                name: name.to_string(),
            });
        }
        self.refused(refusal)
    }

    fn unconfirmed(&self, name: &ObjectName, refusal: &S3Refusal) -> Error {
        tracing::debug!("{name}: status {}", refusal.status);
        self.fault(StoreFault::Unconfirmed {
            name: name.to_string(),
        })
    }
}

fn bucket(options: &S3Options) -> Result<Bucket> {
    let default = format!("https://s3.{}.amazonaws.com", options.region);
    let endpoint = options.endpoint.as_deref().unwrap_or(&default);
    let style = if options.path_style {
        UrlStyle::Path
    } else {
        UrlStyle::VirtualHost
    };
    let fault = |message: String| Error::Config {
        message,
        hint: Some("write endpoint = \"https://HOST\"".to_owned()),
    };
    let parsed = endpoint
        .parse()
        .map_err(|_| fault("the endpoint is no address".to_owned()))?;
    let bucket = Bucket::new(
        parsed,
        style,
        options.bucket.clone(),
        options.region.clone(),
    );
    bucket.map_err(|error| fault(format!("the endpoint cannot be used: {error}")))
}
