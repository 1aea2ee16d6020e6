//! `mailvault init`: from an address to an account that works.
//!
//! The order is: find the server, connect, sign in, and only then write. With enough flags
//! nothing is asked; without a terminal a missing one is named.

mod browser;
mod find;
mod write;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use mailvault::account::config::{Account, Auth, Protocol, is_account_name};
use mailvault::account::providers::{self, Accepts, Provider};
use mailvault::base::error::{Error, Result, TlsFault};
use mailvault::base::secret::{self, Program, Secret, SecretSource};
use mailvault::inspect::doctor::{self, Fact};
use serde_json::json;

use self::write::InitPlan;
use super::Done;
use super::args::{Global, Init};
use super::ask;
use super::output::Output;
use super::report::{self, Failure};
use super::secrets;
use super::settings::{ConfigPlace, secret_env, shown, usual_vault};
use super::signals::Stop;
use super::text::{day, escape, plural, size, wrap};

/// Times that a person may type a password.
const TRIES: usize = 3;

/// What all steps need.
struct Wizard<'a> {
    args: &'a Init,
    out: &'a Output,
    home: Option<PathBuf>,
    /// The configuration to write to.
    file: PathBuf,
    /// Somebody may be asked.
    asks: bool,
    stop: Stop,
}

/// How an account signs in for the first time.
enum SignInWay {
    /// With the secret that the flags name.
    Given,
    /// With a password that a person types.
    Password,
    /// With a token, for which a person signs in with a browser.
    Browser,
}

pub(crate) fn run(args: &Init, global: &Global, out: &Output) -> Result<Done, Failure> {
    let place = ConfigPlace::find(global)?;
    let file = place.to_write()?;
    let plan = InitPlan::read(file.clone(), place.home.clone())?;
    let wizard = Wizard {
        args,
        out,
        home: place.home.clone(),
        file,
        asks: secrets::may_ask(global, out),
        stop: Stop::watch(out, "stopping; nothing is written"),
    };
    if wizard.asks && !args.print {
        let verb = if plan.exists() { "add to" } else { "create" };
        out.say(&format!("This will {verb} {}.\n", wizard.shown()));
    }
    wizard.run(plan, global)
}

impl Wizard<'_> {
    fn run(&self, mut plan: InitPlan, global: &Global) -> Result<Done, Failure> {
        let args = self.args;
        if let Some(name) = &args.name {
            plan.check_name(name)?;
        }
        plan.check_vault(global.vault.as_deref())?;
        let (mut account, provider) = self.draft(&plan)?;
        let way = self.way_to_sign_in(&mut account, provider, global)?;
        if args.print {
            plan.choose_vault(global.vault.as_deref());
            return self.print(&plan, &account);
        }
        let mut pin = args.tls_pin_sha256.clone();
        let mut settled = plan.parsed(&account, pin.as_deref())?;
        if let Err(failure) = self.connect(&settled) {
            pin = Some(self.ask_to_pin(failure)?);
            settled = plan.parsed(&account, pin.as_deref())?;
            self.connect(&settled)?;
        }
        let kept = match way {
            SignInWay::Given => {
                let env = secret_env(self.home.clone(), std::iter::once(&settled));
                let secret =
                    secret::obtain(&*settled.name, &settled.secret, &env, None, &self.stop.flag)?;
                self.sign_in(&settled, &secret)?;
                None
            }
            SignInWay::Password => {
                let secret = self.sign_in_asking(&settled)?;
                self.ask_name(&plan, &mut account)?;
                let to_file = self.ask_place(&mut account, &secret)?;
                self.ask_vault(&mut plan, global)?;
                to_file.then_some(secret)
            }
            SignInWay::Browser => {
                Some(self.sign_in_by_browser(&settled, &mut plan, &mut account, global)?)
            }
        };
        plan.choose_vault(global.vault.as_deref());
        settled = plan.parsed(&account, pin.as_deref())?;
        plan.write(&settled, kept.as_ref())?;
        self.tell(&plan, &settled, kept.is_some());
        Ok(Done::new(0, json!({"written": true})))
    }

    /// The account without its secret, and its provider if that is known.
    fn draft(&self, plan: &InitPlan) -> Result<(Account, Option<&'static Provider>), Failure> {
        let args = self.args;
        let email = self.email()?;
        let found = self.find(email.as_deref())?;
        let user = self.user(email.as_deref(), found.provider)?;
        let mut account = Account::new(String::new(), found.server.host.clone(), user);
        account.protocol = found.protocol;
        account.tls = found.server.tls;
        account.port = found.server.port_for(found.protocol);
        account.tls_ca_file = args.tls_ca_file.as_deref().map(absolute);
        self.show_trap(found.provider);
        account.name = match &args.name {
            Some(name) => name.clone(),
            None => plan.usual_name(email.as_deref(), &account.host),
        };
        Ok((account, found.provider))
    }

    fn print(&self, plan: &InitPlan, account: &Account) -> Result<Done, Failure> {
        let text = plan.text(account, self.args.tls_pin_sha256.as_deref())?;
        self.out.line(text.trim_end());
        let line = json!({"path": plan.path(), "text": text});
        self.out.json("config", line, false);
        Ok(Done::new(0, json!({"written": false})))
    }

    /// How the account is going to sign in; its secret's source is set.
    fn way_to_sign_in(
        &self,
        account: &mut Account,
        provider: Option<&Provider>,
        global: &Global,
    ) -> Result<SignInWay, Failure> {
        if self.given_secret(account) {
            return Ok(SignInWay::Given);
        }
        let accepts_none = provider.is_some_and(|known| known.password == Accepts::Token);
        if !self.args.oauth.is_empty() || (accepts_none && self.may_ask_for_client()) {
            if !self.args.print && (!self.asks || self.args.name.is_some()) {
                self.refuse_taken_file(&account.name)?;
            }
            self.use_oauth(account, provider, global)?;
            return Ok(SignInWay::Browser);
        }
        if accepts_none {
            return Err(token_or(provider, "this provider accepts no password"));
        }
        if !self.asks && !self.args.print {
            return Err(token_or(
                provider,
                "no password was given, and there is no terminal",
            ));
        }
        account.secret = SecretSource::File(self.secret_file(&account.name));
        Ok(SignInWay::Password)
    }

    fn shown(&self) -> String {
        shown(&self.file, self.home.as_deref())
    }

    fn email(&self) -> Result<Option<String>, Failure> {
        let address = match &self.args.email {
            Some(email) => email.clone(),
            None if self.args.host.is_some() && self.args.user.is_some() => return Ok(None),
            None if self.asks => ask::line(self.out, "E-mail address", None)?,
            None => {
                return Err(Failure::usage(
                    "no address was given, and there is no terminal",
                    "mailvault init EMAIL, or --host and --user",
                ));
            }
        };
        let address = address.trim().to_owned();
        match address.rsplit_once('@') {
            Some((local, domain)) if !local.is_empty() && !domain.is_empty() => Ok(Some(address)),
            _ => Err(Failure::usage(
                format!("\"{address}\" is not an e-mail address"),
                "write it in full, such as ann@example.org",
            )),
        }
    }

    fn user(&self, email: Option<&str>, provider: Option<&Provider>) -> Result<String, Failure> {
        if let Some(user) = &self.args.user {
            return Ok(user.clone());
        }
        let email = email.unwrap_or_default();
        let usual = provider.map_or(email.to_owned(), |provider| provider.user_of(email));
        if self.asks && !self.args.print {
            return Ok(ask::line(self.out, "User name", Some(&usual))?);
        }
        Ok(usual)
    }

    /// What surprises people there is said before they type a password.
    fn show_trap(&self, provider: Option<&Provider>) {
        if let Some(trap) = provider.and_then(|provider| provider.trap.as_ref())
            && self.asks
        {
            self.out.say(&wrap(trap, "Note: ", 6, report::COLUMNS));
        }
    }

    /// Takes the secret that the flags name; false if they name none.
    fn given_secret(&self, account: &mut Account) -> bool {
        let Init {
            password_file,
            password_command,
            token_command,
            ..
        } = self.args;
        if let Some(line) = token_command {
            account.auth = Auth::Xoauth2;
            account.secret = SecretSource::Token(Program::Shell(line.clone()));
        } else if let Some(line) = password_command {
            account.secret = SecretSource::Command(Program::Shell(line.clone()));
        } else if let Some(path) = password_file {
            account.secret = SecretSource::File(absolute(path));
        } else {
            return false;
        }
        true
    }

    fn secret_file(&self, name: &str) -> PathBuf {
        let folder = self.file.parent().unwrap_or(Path::new("/"));
        folder.join(format!("secret-{name}"))
    }

    /// Connects without a password, so that none is typed for a server that is none.
    fn connect(&self, account: &Account) -> Result<(), Failure> {
        let server = mailvault::account::connect::endpoint(account);
        self.talk(&format!("Connecting to {server} ..."));
        self.look(account, None, |fact| match fact {
            Fact::Trusted(certificate) => {
                let until = certificate.until.map(day).unwrap_or_default();
                self.talk(&format!(
                    "Connected by TLS, certificate good until {until}."
                ));
            }
            Fact::Clear => self.talk("Connected; not encrypted."),
            _ => {}
        })
    }

    /// The fingerprint of a certificate that is not trusted, if a person decides to trust just
    /// this one. No password was sent yet.
    fn ask_to_pin(&self, failure: Failure) -> Result<String, Failure> {
        let Failure::Error(Error::Tls {
            server,
            reason,
            shown: Some(shown),
            fault: TlsFault::Untrusted,
        }) = &failure
        else {
            return Err(failure);
        };
        if !self.asks || self.args.tls_pin_sha256.is_some() {
            return Err(failure);
        }
        let text = format!(
            "{server} shows a certificate that is not trusted: {}. Compare its fingerprint with the \
             one that whoever runs the server tells you; no password was sent yet.",
            escape(reason)
        );
        self.out.say(&wrap(&text, "", 0, report::COLUMNS));
        let lines = report::certificate::lines(shown);
        self.out.say(lines.trim_start_matches('\n'));
        let question = "Trust this certificate, and no other, from now on (yes or no)";
        match ask::line(self.out, question, Some("no"))?.as_str() {
            "yes" => Ok(shown.fingerprint.clone()),
            _ => Err(failure),
        }
    }

    fn sign_in(&self, account: &Account, secret: &Secret) -> Result<(), Failure> {
        self.look(account, Some(secret.clone()), |fact| {
            if let Fact::SignedIn {
                messages,
                octets,
                folders,
            } = fact
            {
                let mut text = format!("Signed in: {}", plural(*messages, "message"));
                if let Some(octets) = octets {
                    text = format!("{text}, {}", size(*octets));
                }
                if let Some(folders) = folders {
                    text = format!("{text} in {}", plural(*folders, "folder"));
                }
                self.talk(&format!("{text} on the server."));
            }
        })
    }

    fn look(
        &self,
        account: &Account,
        secret: Option<Secret>,
        mut told: impl FnMut(&Fact),
    ) -> Result<(), Failure> {
        let mut failed = None;
        let stop = Arc::clone(&self.stop.flag);
        doctor::server(account, secret, stop, &mut |_, found| match found {
            Ok(fact) => told(&fact),
            Err(error) => {
                failed.get_or_insert(error);
            }
        });
        failed.map_or(Ok(()), |error| Err(error.into()))
    }

    fn sign_in_asking(&self, account: &Account) -> Result<Secret, Failure> {
        let mut tries = 1;
        loop {
            let secret = ask::secret(self.out, "Password (not shown): ")?;
            match self.sign_in(account, &secret) {
                Ok(()) => return Ok(secret),
                Err(Failure::Error(error @ Error::Auth { .. })) if tries < TRIES => {
                    tries += 1;
                    report::print(self.out, &error, None);
                }
                Err(failure) => return Err(failure),
            }
        }
    }

    fn ask_name(&self, plan: &InitPlan, account: &mut Account) -> Result<(), Failure> {
        let out = self.out;
        out.say("");
        if self.args.name.is_none() {
            account.name = loop {
                let name = ask::line(out, "Short name for this account", Some(&account.name))?;
                let free = plan
                    .check_name(&name)
                    .and_then(|()| self.refuse_taken_file(&name));
                match free {
                    Ok(()) => break name,
                    Err(failure) => failure.print(out),
                }
            };
        }
        Ok(())
    }

    /// Refuses a name whose secret file exists: it is not replaced.
    fn refuse_taken_file(&self, name: &str) -> Result<(), Failure> {
        let path = self.secret_file(name);
        if path.symlink_metadata().is_err() {
            return Ok(());
        }
        Err(Failure::usage(
            format!("{} already exists", shown(&path, self.home.as_deref())),
            "move it away, or choose another name for the account",
        ))
    }

    /// Where to keep the password; true if it is to be written to a file.
    fn ask_place(&self, account: &mut Account, secret: &Secret) -> Result<bool, Failure> {
        let path = self.secret_file(&account.name);
        let file = format!(
            "{}, readable by you only",
            shown(&path, self.home.as_deref())
        );
        let ways = [
            file.as_str(),
            "nowhere; run a command such as 'pass show mail-work'",
        ];
        let to_file = ask::choice(self.out, "Keep the password in", &ways, 0)? == 0;
        if to_file {
            account.secret = SecretSource::File(path);
        } else {
            account.secret = self.ask_command(account, secret)?;
        }
        Ok(to_file)
    }

    fn ask_vault(&self, plan: &mut InitPlan, global: &Global) -> Result<(), Failure> {
        if plan.takes_vault() && global.vault.is_none() {
            let usual = usual_vault(self.home.as_deref());
            let usual = usual.map(|path| shown(&path, self.home.as_deref()));
            let typed = ask::line(self.out, "Vault directory", usual.as_deref())?;
            if Some(&typed) != usual.as_ref() {
                let path = secret::expand_home(&typed, self.home.as_deref());
                plan.choose_vault(path.as_deref());
            }
        }
        self.out.say("");
        Ok(())
    }

    /// A command counts only if it prints the password that has just worked.
    fn ask_command(&self, account: &Account, secret: &Secret) -> Result<SecretSource> {
        loop {
            let typed = ask::line(self.out, "Command that prints it", None)?;
            let source = SecretSource::Command(Program::Shell(typed));
            let env = secret_env(self.home.clone(), std::iter::once(account));
            match secret::obtain(&*account.name, &source, &env, None, &self.stop.flag) {
                Ok(printed) if printed.expose() == secret.expose() => return Ok(source),
                Ok(_) => self
                    .out
                    .say("It prints something other than the password that worked."),
                Err(error) => report::print(self.out, &error, None),
            }
        }
    }

    /// Words for a person who waits; a script only wants to know how it ended.
    fn talk(&self, text: &str) {
        if self.asks && !self.out.quiet {
            self.out.say(text);
        }
    }

    fn tell(&self, plan: &InitPlan, account: &Account, secret: bool) {
        let out = self.out;
        let line = json!({
            "account": account.name, "path": plan.path(), "host": account.host,
            "port": account.port, "user": account.user,
        });
        out.json("account", line, false);
        if out.quiet {
            return;
        }
        let also = if secret {
            format!(" and secret-{} (mode 600)", account.name)
        } else {
            String::new()
        };
        out.line(&format!("Wrote {}{also}.", self.shown()));
        out.line("Next:");
        out.line("  mailvault pull         fetch everything; nothing is deleted");
        out.line("  mailvault init         add another account");
        out.line("  mailvault doctor       check everything, at any time");
    }
}

/// The failure for a password that is missing, or that the provider would not take.
fn token_or(provider: Option<&Provider>, message: &str) -> Failure {
    match provider {
        Some(provider) if provider.password == Accepts::Token => {
            let trap = provider.trap.clone().unwrap_or_default();
            let way = if cfg!(feature = "oauth") {
                "Sign in with --oauth client_id=ID (docs/providers.md says how to get one), or \
                 name a program that prints a token with --token-command."
            } else {
                "Name a program that prints a token with --token-command."
            };
            Failure::usage(message, format!("{trap} {way}"))
        }
        _ => Failure::usage(
            message,
            "name it with --password-file or --password-command",
        ),
    }
}

/// The provider of an address or a host.
fn known(email: Option<&str>, host: Option<&str>) -> Option<&'static Provider> {
    match (host, email.and_then(|email| email.rsplit_once('@'))) {
        (Some(host), _) => providers::by_host(host),
        (None, Some((_, domain))) => providers::by_domain(domain),
        (None, None) => None,
    }
}

/// The protocol that a flag names.
fn wanted(args: &Init) -> Option<Protocol> {
    match (args.pop3, args.imap) {
        (true, _) => Some(Protocol::Pop3),
        (_, true) => Some(Protocol::Imap),
        _ => None,
    }
}

/// In the configuration, a relative path would begin at that file's folder.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf())
}

/// A name that an account may have, made of any text.
fn name_of(text: &str) -> String {
    let fits = |c: &char| c.is_ascii_alphanumeric() || *c == '-' || *c == '_';
    let name: String = text.to_ascii_lowercase().chars().filter(fits).collect();
    let name: String = name
        .trim_start_matches(['-', '_'])
        .chars()
        .take(40)
        .collect();
    if is_account_name(&name) {
        name
    } else {
        "mail".to_owned()
    }
}
