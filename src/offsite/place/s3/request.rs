//! A request, signed and sent, and what came back.

use std::ops::Range;
use std::sync::atomic::Ordering;
use std::time::Duration;

use chrono::{DateTime, Utc};
use jiff::Timestamp;
use rusty_s3::Method;
use rusty_s3::signing::sign;
use ureq::SendBody;
use ureq::http::{Request, Response};

use super::answer::S3Refusal;
use super::pace::Paced;
use super::{NoLookup, S3Store, Wire};
use crate::base::error::{Error, Result, StoreFault};
use crate::base::secret::Secret;
use crate::base::stage::Stage;
use crate::net::transport::explain;

/// How long a signature holds: a slow line needs a while for a large object.
const VALID: Duration = Duration::from_secs(60 * 60);
/// Bytes of a refusal that are read.
const LONGEST_REFUSAL: u64 = 64 * 1024;
/// Seconds between two clocks from which servers refuse to believe a signature.
const SKEW: i64 = 300;

/// What is asked.
pub(super) struct S3Request<'a> {
    pub(super) method: Method,
    /// Empty for the bucket itself.
    pub(super) key: &'a str,
    /// Sorted by name.
    pub(super) query: Vec<(&'a str, &'a str)>,
    /// Signed, and sorted by name.
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) range: Option<Range<u64>>,
    pub(super) file: Option<super::SpoolFile<'a>>,
}

impl<'a> S3Request<'a> {
    pub(super) fn new(method: Method, key: &'a str) -> Self {
        Self {
            method,
            key,
            query: Vec::new(),
            headers: Vec::new(),
            range: None,
            file: None,
        }
    }

    /// What errors and logs call it.
    fn stage(&self) -> Stage {
        Stage::Command(format!("{} {}", self.method.to_str(), self.key).into())
    }
}

/// What came back.
pub(super) enum S3Reply {
    Good(HttpAnswer),
    Refused(S3Refusal),
}

/// A success, with its body still to be read.
pub(super) struct HttpAnswer(pub(super) Response<ureq::Body>);

impl HttpAnswer {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.0.headers().get(name)?.to_str().ok()
    }

    pub(super) fn status(&self) -> u16 {
        self.0.status().as_u16()
    }
}

/// What sends requests. A redirection could lead a signature elsewhere.
pub(super) fn agent(wire: Wire) -> ureq::Agent {
    let config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .proxy(None)
        .user_agent(concat!("mailvault/", env!("CARGO_PKG_VERSION")))
        .build();
    ureq::Agent::with_parts(config, wire, NoLookup)
}

impl S3Store {
    /// Sends a request; once more, with the server's clock, if ours is too far from it.
    pub(super) fn send(&self, request: &S3Request<'_>) -> Result<S3Reply> {
        self.patience().check()?;
        let reply = self.send_once(request)?;
        let S3Reply::Refused(refusal) = &reply else {
            return Ok(reply);
        };
        let Some(date) = refusal.date else {
            return Ok(reply);
        };
        let skew = date - Utc::now().timestamp();
        let apart = (skew - self.skew.load(Ordering::Relaxed)).abs() > SKEW;
        // An answer to HEAD does not say why.
        let silent = refusal.status == 403 && refusal.code.is_empty();
        if apart && (refusal.is_skew() || silent) {
            tracing::debug!("{}: signing by its clock, {skew} s from ours", self.shown);
            self.skew.store(skew, Ordering::Relaxed);
            return self.send_once(request);
        }
        Ok(reply)
    }

    fn send_once(&self, request: &S3Request<'_>) -> Result<S3Reply> {
        let stage = request.stage();
        let answer = match &request.file {
            None => self.run(self.build(request, ())?),
            Some(file) => {
                let mut body = Paced::new(file.open()?, self.patience());
                let body = SendBody::from_reader(&mut body);
                self.run(self.build(request, body)?)
            }
        };
        let mut answer = answer.map_err(|error| self.explain(&stage, error))?;
        tracing::debug!("{stage}: {}", answer.status().as_u16());
        if answer.status().is_success() {
            return Ok(S3Reply::Good(HttpAnswer(answer)));
        }
        let header = |name| answer.headers().get(name)?.to_str().ok();
        let date = header("date").and_then(|date| DateTime::parse_from_rfc2822(date).ok());
        let mut refusal = S3Refusal {
            status: answer.status().as_u16(),
            region: header("x-amz-bucket-region").map(str::to_owned),
            wait: header("retry-after").and_then(|wait| wait.parse().ok()),
            date: date.map(|date| date.timestamp()),
            ..S3Refusal::default()
        };
        let body = answer.body_mut().with_config().limit(LONGEST_REFUSAL);
        // Without its document the status has to do.
        if let Ok(body) = body.read_to_vec() {
            refusal.read(&body);
        }
        Ok(S3Reply::Refused(refusal))
    }

    fn build<B>(&self, request: &S3Request<'_>, body: B) -> Result<Request<B>> {
        let now = Utc::now().timestamp() + self.skew.load(Ordering::Relaxed);
        let now = Timestamp::from_second(now).map_err(|_| self.fault(StoreFault::Skewed))?;
        let address = if request.key.is_empty() {
            self.bucket.base_url().clone()
        } else {
            self.bucket.object_url(request.key)
        };
        let headers = request.headers.iter();
        let signed = sign(
            &now,
            request.method,
            address,
            self.keys.id.expose(),
            self.keys.secret.expose(),
            self.keys.token.as_ref().map(Secret::expose),
            self.bucket.region(),
            VALID.as_secs(),
            request.query.iter().copied(),
            headers.map(|(name, value)| (*name, value.as_str())),
        );
        let mut built = Request::builder()
            .method(request.method.to_str())
            .uri(signed.as_str());
        for (name, value) in &request.headers {
            built = built.header(*name, value);
        }
        if let Some(range) = &request.range {
            let last = range.end.saturating_sub(1);
            built = built.header("range", format!("bytes={}-{last}", range.start));
        }
        if let Some(file) = &request.file {
            built = built.header("content-length", file.size);
        }
        // No error may show the signed address.
        built.body(body).map_err(|_| {
            self.fault(StoreFault::Garbled {
                what: "the request cannot be written".to_owned(),
            })
        })
    }

    fn run(
        &self,
        request: Request<impl ureq::AsSendBody>,
    ) -> std::result::Result<Response<ureq::Body>, ureq::Error> {
        self.agent.run(request)
    }

    fn explain(&self, stage: &Stage, error: ureq::Error) -> Error {
        match error {
            ureq::Error::Io(error) => match error.downcast::<Error>() {
                Ok(error) => error,
                Err(error) => explain(&self.server, stage, error),
            },
            other => Error::Protocol {
                server: self.server.clone(),
                stage: stage.clone(),
                detail: other.to_string(),
            },
        }
    }
}
