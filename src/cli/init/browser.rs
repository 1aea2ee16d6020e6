//! Signing in with a browser, for a provider that takes no passwords.

use std::sync::Arc;

use mailvault::account::config::{Account, Auth, OAuth};
use mailvault::account::oauth;
use mailvault::account::providers::Provider;
use mailvault::base::secret::{self, Secret, SecretSource};

use super::super::args::Global;
use super::super::report::{self, Failure};
use super::super::text::wrap;
use super::super::{ask, login};
use super::write::InitPlan;
use super::{Wizard, absolute};

impl Wizard<'_> {
    /// Somebody can type the ID, and this build can use it.
    pub(super) fn may_ask_for_client(&self) -> bool {
        cfg!(feature = "oauth") && self.asks && !self.args.print
    }

    /// Makes the account sign in with tokens, as the flags say or a person answers.
    pub(super) fn use_oauth(
        &self,
        account: &mut Account,
        provider: Option<&Provider>,
        global: &Global,
    ) -> Result<(), Failure> {
        if global.no_input && !self.args.print {
            return Err(Failure::usage(
                "signing in with a browser needs a person",
                "leave out --no-input",
            ));
        }
        let mut table = self.oauth_flags()?;
        if self.args.oauth.is_empty() {
            let name = provider.map_or("This provider", |known| &known.name);
            let text = format!(
                "{name} accepts no passwords, so you sign in with a browser. For that, mailvault \
                 needs a client ID of your own, which is free; docs/providers.md says how to get \
                 one."
            );
            self.out.say(&wrap(&text, "", 0, report::COLUMNS));
            table.set("client_id", &ask::line(self.out, "Client ID", None)?);
        }
        account.auth = Auth::Xoauth2;
        account.secret = SecretSource::Refresh(self.secret_file(&account.name));
        account.oauth = Some(table);
        Ok(())
    }

    fn oauth_flags(&self) -> Result<OAuth, Failure> {
        let mut table = OAuth::default();
        for flag in &self.args.oauth {
            let known = flag.split_once('=').is_some_and(|(key, value)| {
                // Without a home there is nothing that a ~ could stand for.
                let path = key
                    .ends_with("_file")
                    .then(|| secret::expand_home(value, self.home.as_deref()))
                    .flatten()
                    .map(|path| absolute(&path).to_string_lossy().into_owned());
                table.set(key, path.as_deref().unwrap_or(value))
            });
            if !known {
                return Err(Failure::usage(
                    format!("--oauth takes KEY=VALUE, not \"{flag}\""),
                    format!("the keys are {}", OAuth::KEYS.join(", ")),
                ));
            }
        }
        Ok(table)
    }

    /// The refresh token to keep, once the mail server has accepted an access token.
    pub(super) fn sign_in_by_browser(
        &self,
        settled: &Account,
        plan: &mut InitPlan,
        account: &mut Account,
        global: &Global,
    ) -> Result<Secret, Failure> {
        let flag = Arc::clone(&self.stop.flag);
        let grant = oauth::sign_in(settled, false, &flag, &mut |step| {
            login::show(step, settled, self.out);
        })?;
        self.sign_in(&login::without_source(settled), &grant.access)?;
        if self.asks {
            self.ask_name(plan, account)?;
            self.ask_vault(plan, global)?;
            account.secret = SecretSource::Refresh(self.secret_file(&account.name));
        }
        Ok(grant.refresh)
    }
}
