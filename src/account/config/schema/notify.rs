//! The keys of the table that says whom to tell how a run ended.

use serde::Deserialize;
use toml::{Spanned, Value};

use super::Context;
use crate::account::config::{Notify, PingUrl};
use crate::base::error::Result;
use crate::base::secret::Program;

#[cfg_attr(test, derive(schemars::JsonSchema))]
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawNotify {
    #[cfg_attr(test, schemars(with = "Option<Vec<String>>"))]
    on_failure: Option<Spanned<Value>>,
    #[cfg_attr(test, schemars(with = "Option<Vec<String>>"))]
    on_recovery: Option<Spanned<Value>>,
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    ping: Option<Spanned<String>>,
}

impl Context<'_> {
    pub(super) fn notify(&self, raw: Option<&RawNotify>) -> Result<Notify> {
        let Some(raw) = raw else {
            return Ok(Notify::default());
        };
        let command = |key, value: &Option<Spanned<Value>>| {
            let value = value.as_ref();
            value.map(|value| self.words(key, value)).transpose()
        };
        Ok(Notify {
            on_failure: command("on_failure", &raw.on_failure)?,
            on_recovery: command("on_recovery", &raw.on_recovery)?,
            ping: raw.ping.as_ref().map(|url| self.ping(url)).transpose()?,
        })
    }

    /// A program and its arguments, and no line for a shell.
    fn words(&self, key: &str, value: &Spanned<Value>) -> Result<Program> {
        match value.get_ref() {
            Value::String(_) => Err(self.hinted(
                &value.span(),
                &format!("{key} is not a list of strings"),
                &format!(
                    "no shell runs it; write {key} = [\"PROGRAM\", \"ARGUMENT\"], or \
                     [\"sh\", \"-c\", \"LINE\"]"
                ),
            )),
            _ => self.program(key, value),
        }
    }

    /// A line for the shell, or a list that is a program and its arguments.
    pub(super) fn program(&self, key: &str, value: &Spanned<Value>) -> Result<Program> {
        let program = match value.get_ref() {
            Value::String(line) if !line.trim().is_empty() => Some(Program::Shell(line.clone())),
            Value::Array(words) => {
                let words = words.iter().map(|word| word.as_str().map(str::to_owned));
                let words: Option<Vec<String>> = words.collect();
                words
                    .filter(|words| words.first().is_some_and(|name| !name.is_empty()))
                    .map(Program::Argv)
            }
            _ => None,
        };
        program.ok_or_else(|| {
            self.hinted(
                &value.span(),
                &format!("{key} is neither a shell command nor a list of strings"),
                &format!("write {key} = [\"PROGRAM\", \"ARGUMENT\"]"),
            )
        })
    }

    fn ping(&self, url: &Spanned<String>) -> Result<PingUrl> {
        if !cfg!(any(feature = "oauth", feature = "offsite")) {
            return Err(self.hinted(
                &url.span(),
                "ping cannot be used: this mailvault was built without the features oauth and \
                 offsite",
                "build it with its default features, or call the address with on_failure",
            ));
        }
        PingUrl::parse(url.get_ref()).ok_or_else(|| {
            self.hinted(
                &url.span(),
                "ping is no https:// address",
                "http:// is for this machine only; leave out any part that begins with #",
            )
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::path::Path;

    use crate::account::config::Config;
    use crate::base::error::Error;
    use crate::base::secret::Program;

    fn parse(text: &str) -> crate::base::error::Result<Config> {
        Config::parse(&format!("[notify]\n{text}\n"), Path::new("/c/m.toml"), None)
    }

    #[test]
    fn commands_are_lists_and_know_no_shell() {
        let config =
            parse("on_failure = [\"mail\", \"-s\", \"mailvault failed\", \"ann\"]").unwrap();
        let words = ["mail", "-s", "mailvault failed", "ann"].map(str::to_owned);
        assert_eq!(
            config.notify.on_failure,
            Some(Program::Argv(words.to_vec()))
        );
        assert_eq!(config.notify.on_recovery, None);
        for (lines, said) in [
            (
                "on_failure = \"mail ann\"",
                "on_failure is not a list of strings",
            ),
            ("on_recovery = []", "on_recovery is neither"),
            ("on_recovery = [1]", "on_recovery is neither"),
            ("on_error = [\"x\"]", "on_failure"),
        ] {
            let Err(Error::ConfigLine { message, hint, .. }) = parse(lines) else {
                panic!("accepted: {lines}");
            };
            let all = format!("{message} {hint:?}");
            assert!(all.contains(said), "{lines}: {all}");
        }
    }

    #[cfg(any(feature = "oauth", feature = "offsite"))]
    #[test]
    fn a_ping_goes_to_https_or_to_this_machine() {
        let config = parse("ping = \"https://hc.example.org/secret\"").unwrap();
        assert!(config.notify.ping.is_some());
        assert!(!format!("{config:?}").contains("secret"));
        let Err(Error::ConfigLine { message, .. }) =
            parse("ping = \"http://hc.example.org/secret\"")
        else {
            panic!("accepted");
        };
        assert!(message.contains("ping is no https:// address"), "{message}");
        assert!(!message.contains("secret"), "{message}");
    }

    #[cfg(not(any(feature = "oauth", feature = "offsite")))]
    #[test]
    fn without_the_features_the_key_names_them() {
        let Err(Error::ConfigLine { message, .. }) = parse("ping = \"https://hc.example.org/x\"")
        else {
            panic!("accepted");
        };
        assert!(
            message.contains("without the features oauth and offsite"),
            "{message}"
        );
    }
}
