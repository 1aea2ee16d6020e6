//! Signing in by a code that is typed elsewhere (RFC 8628).

use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use serde_json::{Map, Value};

use super::service::Service;
use super::token::{self, TokenAnswer};
use super::{Ask, Grant, refused};
use crate::base::error::{Error, ErrorKind, Result};
use crate::base::pause::{is_set, pause};
use crate::base::secret::Secret;
use crate::base::stage::Stage;

const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
/// RFC 8628 s.3.5: what each `slow_down` adds to the interval, in seconds.
const SLOWER: u64 = 5;
/// No code is waited for longer than this, in seconds.
const LONGEST: u64 = 3600;

/// A code, and how to ask for what became of it.
#[derive(Debug)]
struct Invitation {
    device_code: Secret,
    ask: Ask,
    lasts: u64,
    interval: u64,
}

/// Shows a code and waits until it was used.
pub(super) fn sign_in(
    service: &Service,
    url: &str,
    stop: &AtomicBool,
    show: &mut dyn FnMut(&Ask),
) -> Result<Grant> {
    let (reply, mask) = service.post(url, &[("scope", &service.scope)])?;
    let object = token::object(service, &reply)?;
    if let Some(code) = object.get("error").and_then(Value::as_str) {
        let words = object.get("error_description").and_then(Value::as_str);
        return Err(token::refusal(service, reply.status, code, words, &mask));
    }
    let invitation = invitation(&object).ok_or_else(|| Error::Protocol {
        server: service.server.clone(),
        stage: Stage::Command("a code".into()),
        detail: "the reply contains no code to type".to_owned(),
    })?;
    show(&invitation.ask);
    let end = Instant::now() + Duration::from_secs(invitation.lasts);
    let mut interval = invitation.interval;
    loop {
        let next = Instant::now() + Duration::from_secs(interval);
        if next > end {
            let reason = "the code was not used in time";
            return Err(refused(service, ErrorKind::Auth, reason, None));
        }
        pause(next, &|| is_set(stop))?;
        let asked = service.ask_patiently(&[
            ("grant_type", GRANT),
            ("device_code", invitation.device_code.expose()),
        ]);
        match asked {
            Ok(TokenAnswer::Tokens(tokens)) => {
                let refresh = tokens.refresh.ok_or_else(|| no_refresh(service))?;
                return Ok(Grant {
                    access: tokens.access,
                    refresh,
                });
            }
            Ok(TokenAnswer::Pending) => {}
            // RFC 8628 s.3.5 asks for the same after a time-out.
            Ok(TokenAnswer::SlowDown)
            | Err(Error::Token {
                kind: ErrorKind::Unreachable,
                ..
            }) => interval += SLOWER,
            Err(error) => return Err(error),
        }
    }
}

/// The error for a grant that ends with its first access token.
pub(super) fn no_refresh(service: &Service) -> Error {
    let reason = "it gave no refresh token, so that every run would need a new sign-in";
    refused(service, ErrorKind::Config, reason, None)
}

fn invitation(object: &Map<String, Value>) -> Option<Invitation> {
    let text = |key: &str| {
        let text = object.get(key).and_then(Value::as_str);
        text.filter(|text| !text.is_empty()).map(str::to_owned)
    };
    let number = |key: &str| object.get(key).and_then(Value::as_u64);
    let lasts = number("expires_in")?.clamp(1, LONGEST);
    Some(Invitation {
        device_code: Secret::new(text("device_code")?),
        ask: Ask::Code {
            // The second is how some wrote it before there was a standard.
            url: text("verification_uri").or_else(|| text("verification_url"))?,
            code: text("user_code")?,
            minutes: lasts.div_ceil(60),
        },
        lasts,
        interval: number("interval").unwrap_or(5).clamp(1, 60),
    })
}

/// What holds for any answer that invites: nobody is kept waiting for ever.
#[cfg(any(test, feature = "fuzzing"))]
pub(super) fn assert_any(object: &Map<String, Value>) {
    if let Some(told) = invitation(object) {
        assert!(told.lasts <= LONGEST && (1..=60).contains(&told.interval));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Option<Invitation> {
        invitation(serde_json::from_str::<Value>(text).ok()?.as_object()?)
    }

    #[test]
    fn an_invitation_has_a_page_and_a_code() {
        let told = read(
            r#"{"device_code":"d","user_code":"AB-12","verification_uri":"https://x/",
                "expires_in":900,"interval":0}"#,
        );
        let told = told.unwrap();
        let ask = Ask::Code {
            url: "https://x/".into(),
            code: "AB-12".into(),
            minutes: 15,
        };
        assert_eq!((told.ask, told.lasts, told.interval), (ask, 900, 1));
    }

    #[test]
    fn without_a_code_there_is_none() {
        assert!(read(r#"{"user_code":"x","expires_in":9}"#).is_none());
    }

    proptest! {
        #[test]
        fn any_numbers_give_bounded_waits(lasts: u64, interval: u64) {
            let told: Value = serde_json::from_str(&format!(
                r#"{{"device_code":"d","user_code":"c","verification_url":"u",
                    "expires_in":{lasts},"interval":{interval}}}"#
            )).unwrap();
            assert_any(told.as_object().unwrap());
        }
    }
}
