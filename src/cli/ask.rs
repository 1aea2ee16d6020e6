//! Questions at a terminal. The caller has made sure that there is one.

use std::io::{self, BufRead as _, Write as _};

use mailvault::base::error::{Error, Result};
use mailvault::base::secret::Secret;

use super::output::Output;
use super::text::escape;

/// Asks for a line; nothing typed means the default, if there is one.
pub(crate) fn line(out: &Output, question: &str, default: Option<&str>) -> Result<String> {
    let shown = default.map_or(String::new(), |text| format!(" [{}]", escape(text)));
    loop {
        let mut typed = String::new();
        let mut read = Ok(0);
        out.screen.aside(|| {
            // Who cannot see the question will not answer it.
            let mut err = io::stderr();
            let _ = write!(err, "{question}{shown}: ");
            let _ = err.flush();
            read = out
                .question
                .ask(|| io::stdin().lock().read_line(&mut typed));
        });
        match (read, typed.trim(), default) {
            // The end of the input is how people say that they want no more of this.
            (Ok(0) | Err(_), ..) => {
                out.say("");
                return Err(Error::Interrupted);
            }
            (_, "", Some(default)) => return Ok(default.to_owned()),
            (_, "", None) => {}
            (_, typed, _) => return Ok(typed.to_owned()),
        }
    }
}

/// Asks for one of several; their number is typed, and counts from 0 here.
pub(crate) fn choice(
    out: &Output,
    question: &str,
    choices: &[&str],
    default: usize,
) -> Result<usize> {
    out.say(question);
    for (n, choice) in choices.iter().enumerate() {
        out.say(&format!("  {}) {choice}", n + 1));
    }
    let usual = (default + 1).to_string();
    loop {
        let typed = line(out, "Choice", Some(&usual))?;
        match typed.parse::<usize>() {
            Ok(n) if (1..=choices.len()).contains(&n) => return Ok(n - 1),
            _ => out.say(&format!("Type a number from 1 to {}.", choices.len())),
        }
    }
}

/// Asks for a secret, which is not shown while it is typed.
pub(crate) fn secret(out: &Output, question: &str) -> Result<Secret> {
    loop {
        let typed = out.question.ask(|| rpassword::prompt_password(question));
        let typed = typed.map_err(|error| match error.kind() {
            io::ErrorKind::Interrupted | io::ErrorKind::UnexpectedEof => Error::Interrupted,
            _ => Error::Secret {
                message: format!("cannot ask for the password: {error}"),
                hint: None,
            },
        })?;
        if !typed.is_empty() {
            return Ok(Secret::new(typed));
        }
    }
}
