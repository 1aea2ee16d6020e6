//! The keys of object storage: a key id, a secret, and sometimes a token of the session.
//!
//! A file or a program gives them as two or three lines in that order. Lines after the third
//! are not looked at.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use super::{
    Env, Mask, Program, ProgramWait, Secret, accept, cannot_read, fault, first_lines, open, private,
};
use crate::base::error::{Error, Result};

/// Key id, secret and token.
const LINES: usize = 3;
/// The variables that programs for object storage share.
const VARIABLES: [&str; LINES] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
];

/// Where the keys of object storage come from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum KeySource {
    /// `credentials_command`: a program prints them.
    Command(Program),
    /// `credentials_file`: a file that nobody else can open.
    File(PathBuf),
    /// Nothing is configured: the variables that such programs share.
    #[default]
    Variables,
}

impl KeySource {
    /// The variables of the environment that are looked at, to be put into [`Env`].
    #[must_use]
    pub fn variables(&self) -> &'static [&'static str] {
        match self {
            Self::Variables => &VARIABLES,
            Self::Command(_) | Self::File(_) => &[],
        }
    }
}

/// The keys of object storage. None of them is shown.
#[derive(Clone)]
pub struct AccessKeys {
    /// The key id, which requests name.
    pub id: Secret,
    /// The secret, which signs them and is never sent.
    pub secret: Secret,
    /// The token of keys that last for a session.
    pub token: Option<Secret>,
}

impl AccessKeys {
    /// Hides them in words of others.
    #[must_use]
    pub fn mask(&self) -> Mask {
        let mut mask = Mask::none();
        for key in [Some(&self.id), Some(&self.secret), self.token.as_ref()] {
            mask.add(key.map_or("", Secret::expose));
        }
        mask
    }
}

impl fmt::Debug for AccessKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessKeys").finish_non_exhaustive()
    }
}

/// Gets the keys of the place `name`. With `asks`, a program may use the terminal. Once `stop` is
/// set, it is ended.
///
/// # Errors
/// [`Error::Secret`], which never holds what a program or file gave; [`Error::Interrupted`].
pub fn obtain_keys(
    name: &str,
    source: &KeySource,
    env: &Env,
    asks: bool,
    stop: &AtomicBool,
) -> Result<AccessKeys> {
    let home = env.home.as_deref();
    match source {
        KeySource::Command(program) => {
            let what = format!("the credentials_command of {name}");
            let wait = ProgramWait::new(asks, stop);
            keys(&what, &program.first_lines(&what, home, wait, LINES)?)
        }
        KeySource::File(path) => from_file(name, path, home),
        KeySource::Variables => {
            let [id, secret, token] = VARIABLES.map(|name| env.vars.get(name).map(String::as_str));
            let (Some(id), Some(secret)) = (id, secret) else {
                return Err(Error::Secret {
                    message: format!("no credentials for {name}"),
                    hint: Some(format!(
                        "set credentials_command or credentials_file in [offsite.{name}], or the \
                         variables {} and {}",
                        VARIABLES[0], VARIABLES[1]
                    )),
                });
            };
            let token = token.filter(|token| !token.is_empty());
            let take = |name, value: &str| {
                accept(
                    &format!("the environment variable {name}"),
                    value.as_bytes(),
                )
            };
            Ok(AccessKeys {
                id: take(VARIABLES[0], id)?,
                secret: take(VARIABLES[1], secret)?,
                token: token.map(|token| take(VARIABLES[2], token)).transpose()?,
            })
        }
    }
}

fn from_file(name: &str, path: &Path, home: Option<&Path>) -> Result<AccessKeys> {
    let what = format!("the credentials_file of {name}");
    let failed = |error: &_| cannot_read(&what, path, error);
    let file = open(path).map_err(|error| failed(&error))?;
    let mut reader = private(&what, path, file, home, 0o077)?;
    keys(
        &what,
        &first_lines(&mut reader, LINES).map_err(|error| failed(&error))?,
    )
}

fn keys(what: &str, given: &[u8]) -> Result<AccessKeys> {
    let mut lines = given.split(|byte| *byte == b'\n');
    let mut line = || lines.next().unwrap_or_default();
    let id = accept(what, line())?;
    let secret = line();
    if secret.iter().all(u8::is_ascii_whitespace) {
        return Err(Error::Secret {
            message: format!("{what} gave one line, and two are needed"),
            hint: Some("the first line is the key id, the second the secret".to_owned()),
        });
    }
    let token = line();
    let is_token = !token.iter().all(u8::is_ascii_whitespace);
    let keys = AccessKeys {
        id,
        secret: accept(what, secret)?,
        token: is_token.then(|| accept(what, token)).transpose()?,
    };
    let plain = |key: &Secret| key.expose().bytes().all(|byte| byte.is_ascii_graphic());
    if [Some(&keys.id), Some(&keys.secret), keys.token.as_ref()]
        .into_iter()
        .flatten()
        .all(plain)
    {
        Ok(keys)
    } else {
        Err(fault(format!("{what} gave a line that is no key")))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use std::os::unix::fs::PermissionsExt;

    static RUNS: AtomicBool = AtomicBool::new(false);

    fn shown(keys: &AccessKeys) -> [Option<&str>; 3] {
        [Some(&keys.id), Some(&keys.secret), keys.token.as_ref()].map(|key| key.map(Secret::expose))
    }

    #[test]
    fn a_program_or_a_private_file_gives_two_or_three_lines() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keys");
        std::fs::write(&path, "id\r\nhunter2\ntoken\nmore\n").unwrap();
        let file = KeySource::File(path.clone());
        let set = |mode| std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
        set(0o644);
        let error = obtain_keys("b2", &file, &Env::default(), false, &RUNS).unwrap_err();
        assert!(error.to_string().contains("can be read by others"));
        set(0o600);
        let keys = obtain_keys("b2", &file, &Env::default(), false, &RUNS).unwrap();
        assert_eq!(shown(&keys), [Some("id"), Some("hunter2"), Some("token")]);
        assert_eq!(format!("{keys:?}"), "AccessKeys { .. }");
        assert_eq!(&*keys.mask().apply(b"no hunter2"), b"no ****");

        let program = KeySource::Command(Program::Shell("echo id; echo hunter2".into()));
        let keys = obtain_keys("b2", &program, &Env::default(), false, &RUNS).unwrap();
        assert_eq!(shown(&keys), [Some("id"), Some("hunter2"), None]);
    }

    #[test]
    fn what_gives_no_keys_says_so_without_them() {
        for (line, said) in [
            ("echo hunter2", "gave one line, and two are needed"),
            ("echo hunter2; echo", "gave one line, and two are needed"),
            ("true", "gave nothing"),
            ("echo id; echo 'hunter2 x'", "gave a line that is no key"),
            ("echo id; echo hunter2; false", "failed with exit status 1"),
        ] {
            let source = KeySource::Command(Program::Shell(line.into()));
            let error = obtain_keys("b2", &source, &Env::default(), false, &RUNS).unwrap_err();
            assert!(error.to_string().contains(said), "{line}: {error}");
            assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
        }
    }

    #[test]
    fn the_usual_variables_are_the_last_resort() {
        let mut env = Env::default();
        let error = obtain_keys("b2", &KeySource::Variables, &env, false, &RUNS).unwrap_err();
        assert_eq!(error.to_string(), "no credentials for b2");
        for (name, value) in VARIABLES.into_iter().zip(["id", "hunter2", ""]) {
            env.vars.insert(name.to_owned(), value.to_owned());
        }
        let keys = obtain_keys("b2", &KeySource::Variables, &env, false, &RUNS).unwrap();
        assert_eq!(shown(&keys), [Some("id"), Some("hunter2"), None]);
    }
}
