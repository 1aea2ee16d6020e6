//! What a token endpoint says (RFC 6749 s.5, RFC 8628 s.3.5).

use serde_json::{Map, Value};

use super::refused;
use super::service::Service;
use crate::base::error::{Error, ErrorKind, Result};
use crate::base::secret::{Mask, Secret};
use crate::net::http::HttpReply;

/// Most of a description that is shown, in characters.
const WORDS: usize = 300;

/// What came for a request.
#[derive(Debug)]
pub(super) enum TokenAnswer {
    Tokens(Tokens),
    /// The person has not finished yet.
    Pending,
    /// We ask too often.
    SlowDown,
}

#[derive(Debug)]
pub(super) struct Tokens {
    pub(super) access: Secret,
    pub(super) refresh: Option<Secret>,
}

impl Service {
    /// Asks the token endpoint, where no waiting is possible.
    pub(super) fn ask(&self, fields: &[(&str, &str)]) -> Result<Tokens> {
        match self.ask_patiently(fields)? {
            TokenAnswer::Tokens(tokens) => Ok(tokens),
            TokenAnswer::Pending | TokenAnswer::SlowDown => Err(Error::Busy {
                server: self.server.clone(),
                reply: "slow_down".to_owned(),
            }),
        }
    }

    /// Asks the token endpoint.
    pub(super) fn ask_patiently(&self, fields: &[(&str, &str)]) -> Result<TokenAnswer> {
        let (reply, mask) = self.post(&self.token_url, fields)?;
        read(self, &reply, &mask)
    }
}

/// Reads an answer; `mask` hides what was sent.
pub(super) fn read(service: &Service, reply: &HttpReply, mask: &Mask) -> Result<TokenAnswer> {
    let object = object(service, reply)?;
    let text = |key: &str| object.get(key).and_then(Value::as_str);
    if let Some(code) = text("error") {
        return match code {
            "authorization_pending" => Ok(TokenAnswer::Pending),
            "slow_down" => Ok(TokenAnswer::SlowDown),
            _ => Err(refusal(
                service,
                reply.status,
                code,
                text("error_description"),
                mask,
            )),
        };
    }
    match text("access_token") {
        Some(access) if reply.status < 300 && !access.is_empty() => {
            Ok(TokenAnswer::Tokens(Tokens {
                access: Secret::new(access.to_owned()),
                refresh: text("refresh_token")
                    .filter(|refresh| !refresh.is_empty() && !refresh.contains(char::is_control))
                    .map(|refresh| Secret::new(refresh.to_owned())),
            }))
        }
        _ => Err(broken(service, reply.status)),
    }
}

/// The object that an answer is.
pub(super) fn object(service: &Service, reply: &HttpReply) -> Result<Map<String, Value>> {
    match serde_json::from_slice(&reply.body) {
        Ok(Value::Object(object)) => Ok(object),
        _ => Err(broken(service, reply.status)),
    }
}

/// The error that a service named.
pub(super) fn refusal(
    service: &Service,
    status: u16,
    code: &str,
    description: Option<&str>,
    mask: &Mask,
) -> Error {
    let first = description.and_then(|text| text.lines().next());
    let said = first.map_or(code.to_owned(), |words| format!("{code}: {words}"));
    let said = String::from_utf8_lossy(&mask.apply(said.as_bytes())).into_owned();
    let reply: String = said.chars().take(WORDS).collect();
    let (kind, reason) = match code {
        "invalid_grant" | "interaction_required" | "consent_required" | "login_required" => (
            ErrorKind::Auth,
            "the stored sign-in has expired or was revoked",
        ),
        "access_denied" | "authorization_declined" => (ErrorKind::Auth, "the sign-in was declined"),
        "expired_token" | "code_expired" => (ErrorKind::Auth, "the code was not used in time"),
        "invalid_client"
        | "unauthorized_client"
        | "invalid_scope"
        | "unsupported_grant_type"
        | "invalid_request" => (
            ErrorKind::Config,
            "the service does not know this client or what it asks for",
        ),
        "temporarily_unavailable" | "server_error" => {
            return Error::Busy {
                server: service.server.clone(),
                reply,
            };
        }
        _ if status >= 500 || status == 429 => {
            return Error::Busy {
                server: service.server.clone(),
                reply,
            };
        }
        _ => (ErrorKind::Failed, "the service refused"),
    };
    refused(service, kind, reason, Some(reply))
}

fn broken(service: &Service, status: u16) -> Error {
    let server = service.server.clone();
    if status >= 500 || status == 429 {
        let reply = format!("HTTP status {status}");
        return Error::Busy { server, reply };
    }
    // No error of the protocol that the mail server speaks, which may be well.
    let reason = format!("its reply (HTTP status {status}) is neither a token nor an error");
    refused(service, ErrorKind::Failed, &reason, None)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::account::oauth::fuzzing::assert_any_answer;
    use proptest::prelude::*;

    fn answer(status: u16, body: &str) -> Result<TokenAnswer> {
        let mut mask = Mask::none();
        mask.add("sent-secret");
        let body = body.as_bytes().to_vec();
        read(&Service::sample(), &HttpReply { status, body }, &mask)
    }

    #[test]
    fn tokens_are_read_with_or_without_a_new_refresh_token() {
        let TokenAnswer::Tokens(tokens) =
            answer(200, r#"{"access_token":"a","expires_in":1}"#).unwrap()
        else {
            panic!("no tokens");
        };
        assert_eq!(tokens.access.expose(), "a");
        assert!(tokens.refresh.is_none());
        let both = r#"{"access_token":"a","refresh_token":"r"}"#;
        let TokenAnswer::Tokens(tokens) = answer(200, both).unwrap() else {
            panic!("no tokens");
        };
        assert_eq!(tokens.refresh.unwrap().expose(), "r");
    }

    #[test]
    fn every_refusal_has_its_class() {
        for (status, body, kind) in [
            (400, r#"{"error":"invalid_grant"}"#, ErrorKind::Auth),
            (400, r#"{"error":"access_denied"}"#, ErrorKind::Auth),
            (400, r#"{"error":"expired_token"}"#, ErrorKind::Auth),
            (401, r#"{"error":"invalid_client"}"#, ErrorKind::Config),
            (400, r#"{"error":"invalid_scope"}"#, ErrorKind::Config),
            (503, r#"{"error":"anything"}"#, ErrorKind::Unreachable),
            (502, "<html>", ErrorKind::Unreachable),
            (429, "", ErrorKind::Unreachable),
            (200, "{}", ErrorKind::Failed),
            (302, "", ErrorKind::Failed),
            (400, r#"{"access_token":"a"}"#, ErrorKind::Failed),
        ] {
            assert_eq!(answer(status, body).unwrap_err().kind(), kind, "{body}");
        }
    }

    #[test]
    fn waiting_and_slowing_down_are_no_errors() {
        let told = answer(400, r#"{"error":"authorization_pending"}"#);
        assert!(matches!(told, Ok(TokenAnswer::Pending)));
        let told = answer(400, r#"{"error":"slow_down"}"#);
        assert!(matches!(told, Ok(TokenAnswer::SlowDown)));
    }

    #[test]
    fn what_was_sent_does_not_come_back_in_words() {
        let body = r#"{"error":"invalid_grant","error_description":"no sent-secret\r\nTrace: 1"}"#;
        let error = answer(400, body).unwrap_err();
        assert_eq!(error.reply(), Some("invalid_grant: no ****"));
    }

    proptest! {
        #[test]
        fn no_answer_makes_it_panic(status in 100u16..600, body: String) {
            assert_any_answer(status, body.as_bytes());
        }
    }
}
