//! What holds for whatever a token service or a browser sends, for unit tests and for `fuzz/`.

use super::service::Service;
use super::token::{self, TokenAnswer};
use super::{browser, device, form};
use crate::base::secret::Mask;
use crate::net::http::HttpReply;

/// What was sent, and may come back in no words.
const SENT: &str = "sent-secret";

/// Any body of an answer, and any request.
pub(crate) fn assert_any(body: &[u8]) {
    for status in [200, 400, 503] {
        assert_any_answer(status, body);
    }
    browser::assert_any(body);
    form::assert_any(&String::from_utf8_lossy(body));
}

/// An answer gives tokens only where it succeeds, and no refusal repeats what was sent.
pub(super) fn assert_any_answer(status: u16, body: &[u8]) {
    let mut mask = Mask::none();
    mask.add(SENT);
    let body = body.to_vec();
    let (service, reply) = (Service::sample(), HttpReply { status, body });
    if let Ok(object) = token::object(&service, &reply) {
        device::assert_any(&object);
    }
    match token::read(&service, &reply, &mask) {
        Ok(TokenAnswer::Tokens(tokens)) => {
            assert!(status < 300 && !tokens.access.expose().is_empty());
        }
        Ok(TokenAnswer::Pending | TokenAnswer::SlowDown) => {}
        Err(error) => assert!(!error.to_string().contains(SENT)),
    }
}
