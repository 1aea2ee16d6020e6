//! Passwords and tokens: how they are had, held and kept out of sight.
//!
//! Owns [`Secret`], which never shows itself, the ways to get one, and [`Mask`], which
//! hides it in words of others (`docs/SAFETY.md`, promise 20). This module never looks at
//! the environment: what it needs of it comes in as [`Env`].
//!
//! Whatever a secret comes from, it is the first line that counts, without its line end.

mod access;
mod dump;
mod keyring;
mod mask;
mod program;

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::AtomicBool;

use rustix::fs::{Mode, OFlags};
use zeroize::Zeroizing;

pub use self::access::{AccessKeys, KeySource, obtain_keys};
pub use self::dump::prevent_dumps;
pub use self::keyring::write as write_to_keyring;
pub use self::mask::Mask;
pub use self::program::Program;
use self::program::ProgramWait;
use crate::base::error::{Error, Result, words};

/// What replaces a secret.
const HIDDEN: &str = "****";
/// Longest first line that is taken for a secret, in bytes; tokens reach some thousands.
const LINE_LIMIT: u64 = 64 * 1024;

/// What a file or program gave in its first line.
type SecretLine = Zeroizing<Vec<u8>>;

/// A password or token that is shown only to those who ask for it by name, and whose memory is
/// overwritten once it is dropped. Copies in buffers of programs, readers, logins
/// and TLS are not.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Wraps a secret.
    #[must_use]
    pub fn new(secret: String) -> Self {
        Self(Zeroizing::new(secret))
    }

    /// The secret itself, for the wire only.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}

/// Environment values handed in by the command line, which alone reads the environment.
#[derive(Clone, Default)]
pub struct Env {
    /// The home directory, for `~`.
    pub home: Option<PathBuf>,
    /// Where the service manager puts credentials (`CREDENTIALS_DIRECTORY`).
    pub credentials_directory: Option<PathBuf>,
    /// Values of the variables that a `password_env` names, and of no others.
    pub vars: BTreeMap<String, String>,
}

impl fmt::Debug for Env {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Env")
            .field("home", &self.home)
            .field("credentials_directory", &self.credentials_directory)
            .field("vars", &self.vars.keys())
            .finish()
    }
}

/// Where the secret of an account comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// `password_command`: a program prints the password.
    Command(Program),
    /// `password_file`: a file that nobody else can open.
    File(PathBuf),
    /// `password_env`: an environment variable.
    Env(String),
    /// `password_keyring`: the keyring of the desktop.
    Keyring,
    /// `token_command`: a program prints a fresh OAuth access token.
    Token(Program),
    /// `token_file`: a file that nobody else can open, with an OAuth refresh token.
    Refresh(PathBuf),
    /// Nothing is configured: a systemd credential named like the account, then a prompt.
    Unset,
}

/// Asks a person; is given the text to show.
pub type Prompt<'a> = &'a mut dyn FnMut(&str) -> Result<String>;

/// What an account is called, and what it was called when its secret was filed under its name.
#[derive(Debug, Clone, Copy)]
pub struct SecretNames<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its name in the vault, which stays the same when the account is renamed.
    pub stored: &'a str,
}

impl<'a> From<&'a str> for SecretNames<'a> {
    fn from(name: &'a str) -> Self {
        Self { name, stored: name }
    }
}

/// Gets the secret of an account.
///
/// The keyring has it under the name in the vault, so that a rename of the account loses nothing.
/// A credential may have either name.
///
/// `prompt` is called only if nothing else gives one; `None` means that nobody can be
/// asked. Then a program gets no terminal input either. Once `stop` is set, a program is ended.
///
/// # Errors
/// [`Error::Secret`], which never holds what a program or file gave; [`Error::Interrupted`]; and
/// what `prompt` says.
pub fn obtain<'a>(
    names: impl Into<SecretNames<'a>>,
    source: &SecretSource,
    env: &Env,
    prompt: Option<Prompt<'_>>,
    stop: &AtomicBool,
) -> Result<Secret> {
    let names = names.into();
    let account = names.name;
    let home = env.home.as_deref();
    let wait = ProgramWait::new(prompt.is_some(), stop);
    match source {
        SecretSource::Command(program) => {
            let what = format!("the password_command of {account}");
            accept(&what, &program.first_line(&what, home, wait)?)
        }
        SecretSource::Token(program) => {
            let what = format!("the token_command of {account}");
            accept(&what, &program.first_line(&what, home, wait)?)
        }
        SecretSource::File(path) => {
            let what = format!("the password_file of {account}");
            let file = open(path).map_err(|error| cannot_read(&what, path, &error))?;
            let line = read_private(&what, path, file, home, 0o077)?;
            accept(&what, &line)
        }
        SecretSource::Refresh(path) => stored_token(account, path, home),
        SecretSource::Keyring => {
            let what = format!("the password_keyring of {account}");
            accept(&what, keyring::read(names)?.as_bytes())
        }
        SecretSource::Env(name) => {
            let what = format!("the environment variable {name} (password_env of {account})");
            match env.vars.get(name) {
                Some(value) => accept(
                    &what,
                    &first_line(&mut value.as_bytes()).unwrap_or_default(),
                ),
                None => Err(fault(format!("{what} is not set"))),
            }
        }
        SecretSource::Unset => {
            for name in [account, names.stored] {
                if let Some(secret) = credential(name, env)? {
                    return Ok(secret);
                }
            }
            let Some(prompt) = prompt else {
                return Err(Error::Secret {
                    message: format!("no password for {account}"),
                    hint: Some(format!(
                        "set password_command or password_file for {account}, \
                         or run on a terminal to be asked"
                    )),
                });
            };
            let typed = prompt(&format!("Password for {account}: "))?;
            accept(&format!("the prompt for {account}"), typed.as_bytes())
        }
    }
}

/// The refresh token of an account from its file.
pub(crate) fn stored_token(account: &str, path: &Path, home: Option<&Path>) -> Result<Secret> {
    let what = format!("the token_file of {account}");
    match open(path) {
        Ok(file) => accept(&what, &read_private(&what, path, file, home, 0o077)?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(Error::Secret {
            message: format!("nobody has signed in to {account} yet"),
            hint: Some(format!(
                "'mailvault login {account}' signs in with a browser, and keeps the token in {}",
                typed_path(path, home)
            )),
        }),
        Err(error) => Err(cannot_read(&what, path, &error)),
    }
}

/// What an OAuth service calls a client secret, from its file.
pub(crate) fn stored_client_secret(
    account: &str,
    path: &Path,
    home: Option<&Path>,
) -> Result<Secret> {
    let what = format!("the client_secret_file of {account}");
    let file = open(path).map_err(|error| cannot_read(&what, path, &error))?;
    accept(&what, &read_private(&what, path, file, home, 0o077)?)
}

/// Whether the program of an account, if it has one, also works where cron would run it.
///
/// # Errors
/// Why it does not.
pub fn works_alone(
    account: &str,
    source: &SecretSource,
    home: Option<&Path>,
    stop: &AtomicBool,
) -> Result<()> {
    let (SecretSource::Command(program) | SecretSource::Token(program)) = source else {
        return Ok(());
    };
    let what = format!("the program of {account}");
    accept(&what, &program.first_line_alone(&what, home, stop)?).map(drop)
}

/// A path in which a leading `~` is the home; `None` if it needs a home that is unknown.
#[must_use]
pub fn expand_home(text: &str, home: Option<&Path>) -> Option<PathBuf> {
    match text.strip_prefix('~') {
        Some("") => home.map(Path::to_path_buf),
        Some(rest) if rest.starts_with('/') => {
            home.map(|home| home.join(rest.trim_start_matches('/')))
        }
        _ => Some(PathBuf::from(text)),
    }
}

fn fault(message: String) -> Error {
    Error::Secret {
        message,
        hint: None,
    }
}

fn cannot_read(what: &str, path: &Path, error: &io::Error) -> Error {
    fault(format!(
        "cannot read {what}, {}: {}",
        path.display(),
        words(error)
    ))
}

/// Takes the first line of what was given for a secret, if it can be one.
fn accept(what: &str, given: &[u8]) -> Result<Secret> {
    let line = given.split(|byte| *byte == b'\n').next().unwrap_or(given);
    let line = &line[..line
        .iter()
        .rposition(|byte| *byte != b'\r')
        .map_or(0, |at| at + 1)];
    if line.is_empty() {
        return Err(fault(format!("{what} gave nothing")));
    }
    if line.len() as u64 > LINE_LIMIT {
        return Err(fault(format!(
            "{what} printed more than {LINE_LIMIT} bytes in a line"
        )));
    }
    if line.contains(&0) || line.contains(&b'\r') {
        return Err(fault(format!(
            "{what} returned a NUL or CR inside the secret"
        )));
    }
    match std::str::from_utf8(line) {
        Ok(text) => Ok(Secret::new(text.to_owned())),
        Err(_) => Err(fault(format!(
            "{what} returned something that is not UTF-8"
        ))),
    }
}

/// The first line with its end; one byte more than the limit if it is too long.
fn first_line(reader: &mut impl BufRead) -> io::Result<SecretLine> {
    let mut line = Zeroizing::new(Vec::new());
    // Two more for the line end.
    reader.take(LINE_LIMIT + 2).read_until(b'\n', &mut line)?;
    Ok(line)
}

/// The first lines with their ends, at most so many; too long ones as [`first_line`] has them.
fn first_lines(reader: &mut impl BufRead, most: usize) -> io::Result<SecretLine> {
    let mut lines = first_line(reader)?;
    for _ in 1..most {
        lines.extend_from_slice(&first_line(reader)?);
    }
    Ok(lines)
}

fn open(path: &Path) -> io::Result<File> {
    // A FIFO would block the open itself; the descriptor is looked at afterwards.
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    Ok(rustix::fs::open(path, flags, Mode::empty())?.into())
}

/// The first line of a regular file of ours (or of root) without any of the `open_to` bits.
fn read_private(
    what: &str,
    path: &Path,
    file: File,
    home: Option<&Path>,
    open_to: u32,
) -> Result<SecretLine> {
    let mut reader = private(what, path, file, home, open_to)?;
    first_line(&mut reader).map_err(|error| cannot_read(what, path, &error))
}

/// A reader of such a file.
fn private(
    what: &str,
    path: &Path,
    file: File,
    home: Option<&Path>,
    open_to: u32,
) -> Result<BufReader<File>> {
    let name = path.file_name().map_or(path.as_os_str(), |name| name);
    let name = Path::new(name).display();
    let meta = file
        .metadata()
        .map_err(|error| cannot_read(what, path, &error))?;
    if !meta.is_file() {
        return Err(fault(format!(
            "{what}, {}, is not a regular file",
            path.display()
        )));
    }
    let owner = meta.uid();
    if owner != 0 && owner != rustix::process::geteuid().as_raw() {
        return Err(Error::Secret {
            message: format!("{name} belongs to another user (uid {owner})"),
            hint: Some(format!(
                "copy the password to a file of your own and name it in {what}"
            )),
        });
    }
    let mode = meta.mode() & 0o7777;
    if mode & open_to != 0 {
        let how = if mode & open_to & 0o044 == 0 {
            "is open to others"
        } else {
            "can be read by others"
        };
        return Err(Error::Secret {
            message: format!("{name} {how} (mode {mode:o})"),
            hint: Some(format!("chmod 600 {}", typed_path(path, home))),
        });
    }
    Ok(BufReader::new(file))
}

/// A path as one would type it into a shell.
pub(crate) fn typed_path(path: &Path, home: Option<&Path>) -> String {
    let quote = |path: &Path| {
        let text = path.display().to_string();
        let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+,@%:".contains(c);
        if !text.is_empty() && text.chars().all(plain) {
            text
        } else {
            format!("'{}'", text.replace('\'', r"'\''"))
        }
    };
    match home.and_then(|home| path.strip_prefix(home).ok()) {
        Some(rest) => format!("~/{}", quote(rest)),
        None => quote(path),
    }
}

/// The systemd credential named like the account, if there is one.
fn credential(account: &str, env: &Env) -> Result<Option<Secret>> {
    let Some(folder) = &env.credentials_directory else {
        return Ok(None);
    };
    // The name must not lead out of the folder.
    let mut parts = Path::new(account).components();
    if !matches!(
        (parts.next(), parts.next()),
        (Some(Component::Normal(_)), None)
    ) {
        return Ok(None);
    }
    let path = folder.join(account);
    let what = format!("the credential of {account}");
    let file = match open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(cannot_read(&what, &path, &error)),
    };
    // systemd lets a service user in by an access list, which shows as group read.
    let line = read_private(&what, &path, file, env.home.as_deref(), 0o037)?;
    accept(&what, &line).map(Some)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use proptest::prelude::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::process::Command;

    const NOBODY: Option<Prompt<'static>> = None;
    static RUNS: AtomicBool = AtomicBool::new(false);

    fn shell(line: &str) -> SecretSource {
        SecretSource::Command(Program::Shell(line.into()))
    }

    fn argv(words: &[&str]) -> Program {
        Program::Argv(words.iter().map(|word| (*word).to_owned()).collect())
    }

    fn got(source: &SecretSource, env: &Env) -> String {
        obtain("work", source, env, NOBODY, &RUNS)
            .unwrap()
            .expose()
            .to_owned()
    }

    /// Message and hint; nothing of the error may hold the word.
    fn refused(source: &SecretSource, env: &Env) -> (String, String) {
        let error = obtain("work", source, env, NOBODY, &RUNS).unwrap_err();
        assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
        match error {
            Error::Secret { message, hint } => (message, hint.unwrap_or_default()),
            other => panic!("{other:?}"),
        }
    }

    fn file(folder: &Path, name: &str, content: &[u8], mode: u32) -> PathBuf {
        let path = folder.join(name);
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path
    }

    #[test]
    fn a_secret_shows_only_stars() {
        let secret = Secret::new("hunter2".into());
        assert_eq!(
            format!("{secret} {secret:?} {:?}", secret.clone()),
            "**** **** ****"
        );
        assert_eq!(secret.expose(), "hunter2");
    }

    #[test]
    fn an_environment_shows_names_only() {
        let env = Env {
            vars: BTreeMap::from([("WORK".into(), "hunter2".into())]),
            ..Env::default()
        };
        let shown = format!("{env:?}");
        assert!(
            shown.contains("WORK") && !shown.contains("hunter2"),
            "{shown}"
        );
    }

    #[test]
    fn a_command_gives_its_first_line() {
        let env = Env::default();
        assert_eq!(
            got(&shell("printf 'hunter2\\r\\nsecond\\n'"), &env),
            "hunter2"
        );
        assert_eq!(got(&shell("printf ' sp ace '"), &env), " sp ace ");
        let list = argv(&["printf", "%s", "$HOME hunter2"]);
        assert_eq!(
            got(&SecretSource::Command(list.clone()), &env),
            "$HOME hunter2"
        );
        assert_eq!(got(&SecretSource::Token(list), &env), "$HOME hunter2");
    }

    #[test]
    fn a_tilde_in_a_list_is_the_home() {
        let source = SecretSource::Command(argv(&["printf", "%s", "~/x"]));
        let env = Env {
            home: Some("/home/ann".into()),
            ..Env::default()
        };
        assert_eq!(got(&source, &env), "/home/ann/x");
        assert_eq!(
            refused(&source, &Env::default()).0,
            "the password_command of work has a \"~\", but no home directory is known"
        );
    }

    #[test]
    fn a_long_output_after_the_first_line_does_no_harm() {
        let line = "echo hunter2; head -c 1000000 /dev/zero";
        assert_eq!(got(&shell(line), &Env::default()), "hunter2");
    }

    #[test]
    fn a_failing_command_is_named_with_its_status_and_without_its_output() {
        let env = Env::default();
        for (line, message) in [
            ("echo hunter2; exit 3", "failed with exit status 3"),
            ("echo hunter2; kill -9 $$", "was ended by signal 9"),
            ("true", "gave nothing"),
            ("echo; echo hunter2", "gave nothing"),
            (
                "printf 'hunter2\\000\\n'",
                "returned a NUL or CR inside the secret",
            ),
            (
                "printf 'hunter2\\rx\\n'",
                "returned a NUL or CR inside the secret",
            ),
            (
                "printf 'hunter2\\377\\n'",
                "returned something that is not UTF-8",
            ),
            (
                "head -c 70000 /dev/zero | tr '\\0' x",
                "printed more than 65536 bytes in a line",
            ),
        ] {
            let whole = format!("the password_command of work {message}");
            assert_eq!(refused(&shell(line), &env).0, whole, "{line}");
        }
        let message = refused(&SecretSource::Token(argv(&["/nonexistent/program"])), &env).0;
        assert!(
            message.starts_with("cannot run the token_command of work: "),
            "{message}"
        );
        assert_eq!(
            refused(&SecretSource::Token(argv(&[])), &env).0,
            "the token_command of work is an empty list"
        );
    }

    #[test]
    fn a_command_that_leaves_something_running_has_finished() {
        assert_eq!(
            got(&shell("sleep 5 & echo hunter2"), &Env::default()),
            "hunter2"
        );
    }

    #[test]
    fn a_private_file_gives_its_first_line() {
        let folder = tempfile::tempdir().unwrap();
        for (content, mode) in [
            ("hunter2", 0o600),
            ("hunter2\n", 0o400),
            ("hunter2\r\nx", 0o700),
        ] {
            let path = file(folder.path(), "secret", content.as_bytes(), mode);
            assert_eq!(
                got(&SecretSource::File(path.clone()), &Env::default()),
                "hunter2"
            );
            fs::remove_file(path).unwrap();
        }
    }

    #[test]
    fn a_file_open_to_others_is_refused_with_the_line_that_helps() {
        let home = tempfile::tempdir().unwrap();
        let env = Env {
            home: Some(home.path().into()),
            ..Env::default()
        };
        for (mode, how) in [
            (0o644, "can be read by others"),
            (0o640, "can be read by others"),
            (0o604, "can be read by others"),
            (0o620, "is open to others"),
            (0o601, "is open to others"),
        ] {
            let path = file(home.path(), "secret-work", b"hunter2\n", mode);
            let (message, hint) = refused(&SecretSource::File(path.clone()), &env);
            assert_eq!(message, format!("secret-work {how} (mode {mode:o})"));
            assert_eq!(hint, "chmod 600 ~/secret-work");
            let (_, hint) = refused(&SecretSource::File(path.clone()), &Env::default());
            assert_eq!(hint, format!("chmod 600 {}", path.display()));
        }
        let path = file(home.path(), "it's mine", b"hunter2\n", 0o644);
        let (_, hint) = refused(&SecretSource::File(path), &env);
        assert_eq!(hint, r"chmod 600 ~/'it'\''s mine'");
    }

    #[test]
    fn what_is_no_regular_file_of_ours_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let env = Env::default();
        let message = |path: &Path| refused(&SecretSource::File(path.into()), &env).0;
        let shown = folder.path().display();
        assert_eq!(
            message(folder.path()),
            format!("the password_file of work, {shown}, is not a regular file")
        );
        let fifo = folder.path().join("fifo");
        let made = Command::new("mkfifo").arg(&fifo).status().unwrap();
        assert!(made.success());
        assert_eq!(
            message(&fifo),
            format!("the password_file of work, {shown}/fifo, is not a regular file")
        );
        assert_eq!(
            message(&folder.path().join("none")),
            format!(
                "cannot read the password_file of work, {shown}/none: \
                 No such file or directory"
            )
        );
        let empty = file(folder.path(), "empty", b"\n", 0o600);
        assert_eq!(message(&empty), "the password_file of work gave nothing");
        let foreign = file(folder.path(), "foreign", b"hunter2", 0o600);
        // Only root can give a file away.
        if std::os::unix::fs::chown(&foreign, Some(54_321), None).is_ok() {
            assert_eq!(
                message(&foreign),
                "foreign belongs to another user (uid 54321)"
            );
        }
    }

    #[test]
    fn an_environment_variable_must_be_set() {
        let source = SecretSource::Env("WORK".into());
        let env = |value: &str| Env {
            vars: BTreeMap::from([("WORK".into(), value.into())]),
            ..Env::default()
        };
        assert_eq!(got(&source, &env("hunter2\n")), "hunter2");
        let what = "the environment variable WORK (password_env of work)";
        assert_eq!(
            refused(&source, &Env::default()).0,
            format!("{what} is not set")
        );
        assert_eq!(refused(&source, &env("")).0, format!("{what} gave nothing"));
    }

    #[test]
    fn a_credential_named_like_the_account_comes_before_the_prompt() {
        let folder = tempfile::tempdir().unwrap();
        let env = Env {
            credentials_directory: Some(folder.path().into()),
            ..Env::default()
        };
        let mut asked = Vec::new();
        let mut prompt = |text: &str| {
            asked.push(text.to_owned());
            Ok("typed".to_owned())
        };
        let unset = SecretSource::Unset;
        let first = obtain("work", &unset, &env, Some(&mut prompt), &RUNS).unwrap();
        // Access lists of systemd show as group read.
        let path = file(folder.path(), "work", b"hunter2", 0o440);
        let second = obtain("work", &unset, &env, Some(&mut prompt), &RUNS).unwrap();
        assert_eq!((first.expose(), second.expose()), ("typed", "hunter2"));
        assert_eq!(asked, ["Password for work: "]);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o444)).unwrap();
        assert_eq!(
            refused(&unset, &env).0,
            "work can be read by others (mode 444)"
        );
    }

    #[test]
    fn a_name_that_leads_out_of_the_credentials_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        file(folder.path(), "outside", b"hunter2", 0o400);
        let inner = folder.path().join("inner");
        fs::create_dir(&inner).unwrap();
        let env = Env {
            credentials_directory: Some(inner),
            ..Env::default()
        };
        for name in ["../outside", "..", "", "/outside"] {
            assert!(obtain(name, &SecretSource::Unset, &env, NOBODY, &RUNS).is_err());
        }
    }

    #[test]
    fn without_any_secret_the_hint_names_the_keys() {
        let (message, hint) = refused(&SecretSource::Unset, &Env::default());
        assert_eq!(message, "no password for work");
        assert_eq!(
            hint,
            "set password_command or password_file for work, or run on a terminal to be asked"
        );
    }

    #[test]
    fn a_prompt_is_not_used_where_a_command_fails() {
        let mut prompt = |_: &str| panic!("asked");
        let source = shell("exit 1");
        assert!(obtain("work", &source, &Env::default(), Some(&mut prompt), &RUNS).is_err());
    }

    proptest! {
        #[test]
        fn any_output_is_a_secret_without_line_ends_or_an_error(
            given in proptest::collection::vec(any::<u8>(), 0..40),
        ) {
            if let Ok(secret) = accept("it", &given) {
                let text = secret.expose();
                prop_assert!(!text.is_empty() && !text.contains(['\0', '\r', '\n']));
                prop_assert!(given.starts_with(text.as_bytes()));
            }
        }
    }
}
