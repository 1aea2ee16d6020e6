//! What a run shows while it works: bars on a terminal, plain lines with `-v` elsewhere,
//! JSON lines with `--json`. The only user of indicatif.

use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use mailvault::base::event::{Notice, RunEvent};
use serde_json::{Value, json};

use super::output::Output;
use super::report;
use super::screen::style;
use super::text::{count, escape, plural, size, span};

/// How often a plain line reports the progress of an account.
const PLAIN_EVERY: Duration = Duration::from_secs(30);
/// How often a JSON line does.
const JSON_EVERY: Duration = Duration::from_secs(1);

const BAR: &str = "{prefix}  {wide_bar} {percent:>3}%  {msg}  {binary_bytes_per_sec}  {eta}";
/// Where it is not known how many octets are to come.
const MESSAGES_BAR: &str = "{prefix}  {wide_bar} {percent:>3}%  {msg}  {eta}";

/// How far one account is.
#[derive(Debug)]
struct ProgressRow {
    account: String,
    bar: Option<ProgressBar>,
    messages: u64,
    octets: u64,
    wanted: u64,
    wanted_octets: u64,
    began: Instant,
    told: Instant,
}

/// How far all accounts are.
#[derive(Debug)]
pub(crate) struct Progress<'a> {
    out: &'a Output,
    /// Columns of the longest account name.
    width: usize,
    rows: Vec<ProgressRow>,
}

impl<'a> Progress<'a> {
    pub(crate) fn new<'n>(out: &'a Output, accounts: impl Iterator<Item = &'n str>) -> Self {
        Self {
            out,
            width: accounts.map(str::len).max().unwrap_or(0),
            rows: Vec::new(),
        }
    }

    /// Takes note of an event. [`RunEvent::Finished`] only ends the bar: what came of an
    /// account is for the command to tell.
    pub(crate) fn event(&mut self, event: &RunEvent<'_>) {
        match event {
            RunEvent::Connecting { account, server } => {
                let text = format!("connecting to {}", escape(&server.to_string()));
                if let Some(bar) = &self.row(account).bar {
                    bar.set_message(text);
                    bar.tick();
                } else {
                    self.plain(account, &text);
                }
            }
            RunEvent::Listed {
                account,
                wanted,
                wanted_octets,
                ..
            } => {
                let utf8 = self.out.screen.utf8;
                self.row(account).list(*wanted, *wanted_octets, utf8);
            }
            RunEvent::Progress {
                account,
                messages,
                octets,
            } => {
                let row = self.row(account);
                row.messages = *messages;
                row.octets = *octets;
                row.show();
                self.tell(account);
            }
            RunEvent::Notice { account, notice } => self.notice(account, notice),
            RunEvent::Finished { account, .. } => {
                if let Some(bar) = &self.row(account).bar {
                    bar.finish_and_clear();
                }
            }
            RunEvent::ReadBack {
                account,
                done,
                planned,
            } => {
                let row = self.row(account);
                if let Some(bar) = &row.bar {
                    bar.set_message(format!(
                        "reading back {} of {}",
                        count(*done),
                        count(*planned)
                    ));
                    bar.tick();
                }
            }
            RunEvent::Verified { done, total } => {
                let utf8 = self.out.screen.utf8;
                let row = self.row("verify");
                if let (0, Some(bar)) = (row.wanted_octets, &row.bar) {
                    bar.set_style(style(BAR, utf8));
                    bar.set_length(*total);
                }
                row.octets = *done;
                row.wanted_octets = *total;
                row.show();
                self.tell("verify");
            }
            _ => {}
        }
    }

    /// Removes the bars.
    pub(crate) fn clear(&self) {
        for bar in self.rows.iter().filter_map(|row| row.bar.as_ref()) {
            bar.finish_and_clear();
        }
    }

    fn row(&mut self, account: &str) -> &mut ProgressRow {
        let at = self.rows.iter().position(|row| row.account == account);
        let at = at.unwrap_or_else(|| {
            let width = self.width;
            self.rows.push(ProgressRow {
                account: account.to_owned(),
                bar: self.out.screen.bar(format!("{account:width$}")),
                messages: 0,
                octets: 0,
                wanted: 0,
                wanted_octets: 0,
                began: Instant::now(),
                told: Instant::now(),
            });
            self.rows.len() - 1
        });
        &mut self.rows[at]
    }

    /// A line for those who asked for more and see no bar.
    fn plain(&self, account: &str, text: &str) {
        if self.out.verbose > 0 && !self.out.json && self.out.progress {
            self.out.say(&format!("{account}: {text}"));
        }
    }

    /// Tells programs and logs how far an account is, but not too often.
    fn tell(&mut self, account: &str) {
        let (json, progress) = (self.out.json, self.out.progress);
        let row = self.row(account);
        let every = if json { JSON_EVERY } else { PLAIN_EVERY };
        if !progress || row.bar.is_some() || row.told.elapsed() < every {
            return;
        }
        row.told = Instant::now();
        let (line, text) = (row.json(), row.text());
        self.out.json("progress", line, true);
        self.plain(account, &text);
    }

    #[expect(clippy::too_many_lines, reason = "one arm for each kind of notice")]
    fn notice(&self, account: &str, notice: &Notice<'_>) {
        let (kind, text, always) = match notice {
            Notice::Reconnecting { error, pause } => (
                "reconnecting",
                format!(
                    "{}; trying again in {}",
                    first_line(&report::text(error, None)),
                    span(*pause)
                ),
                false,
            ),
            Notice::AwaitingUploads { folder, messages } => (
                "awaiting_uploads",
                format!(
                    "{} of an interrupted upload may still arrive in {}; waiting until it stops growing",
                    plural(*messages, "message"),
                    escape(folder)
                ),
                true,
            ),
            Notice::OverImap { error } => (
                "over_imap",
                format!(
                    "no POP3 ({}); reading the account over IMAP",
                    first_line(&report::text(error, None))
                ),
                true,
            ),
            Notice::FewerConnections { error } => (
                "fewer_connections",
                format!(
                    "the server did not allow another connection, or closed it ({}{}); \
                     continuing without it",
                    first_line(&report::text(error, None)),
                    said(error)
                ),
                true,
            ),
            Notice::DeletionUnknown { error, pause } => {
                let text = report::text(error, None);
                (
                    "deletion_unknown",
                    format!(
                        "the server did not confirm the deletion ({}{}); checking again in {}",
                        first_line(&text),
                        said(error),
                        span(*pause)
                    ),
                    true,
                )
            }
            Notice::LoginDelay { pause } => (
                "login_delay",
                format!(
                    "the server requires {} between logins; waiting before listing again",
                    span(*pause)
                ),
                true,
            ),
            Notice::Moved {
                compared,
                same,
                believed,
            } => (
                "moved",
                match (compared, believed) {
                    (0, _) => "no message has the name and size that it had there; all are \
                               fetched, and stored once"
                        .to_owned(),
                    (_, 0) => format!(
                        "only {} of {} that were received are those that the vault has; all are \
                         fetched, and stored once",
                        count(*same),
                        plural(*compared, "message")
                    ),
                    _ => format!(
                        "{} received and compared, all match; {} known by the old names",
                        count(*compared),
                        plural(*believed, "message")
                    ),
                },
                true,
            ),
            Notice::Renumbered { listed } => (
                "renumbered",
                format!(
                    "the server gave new names to its messages ({}); they are recognised by \
                     their headers, not fetched again",
                    count(*listed)
                ),
                true,
            ),
            Notice::ComparingImported { listed, imported } => (
                "comparing_imported",
                format!(
                    "comparing the headers of {} with those of {} imported before",
                    plural(*listed, "message"),
                    count(*imported)
                ),
                true,
            ),
            Notice::Shrunk { before, now } => (
                "shrunk",
                format!(
                    "the server lists {}, {} fewer than last time; the vault keeps them",
                    plural(*now, "message"),
                    count(before.saturating_sub(*now))
                ),
                true,
            ),
            Notice::Nameless { messages } => (
                "nameless",
                format!(
                    "the server gives no names for {}; they are fetched and compared",
                    plural(*messages, "message")
                ),
                false,
            ),
            Notice::MayDelete => (
                "may_delete",
                "the server says that it may delete mail once any program has fetched it \
                 (EXPIRE 0); what mailvault fetches is in the vault"
                    .to_owned(),
                true,
            ),
            Notice::Replaced { id } => (
                "replaced",
                format!(
                    "the damaged copy of {} was set aside, and a good one stored",
                    escape(id)
                ),
                true,
            ),
            _ => return,
        };
        let line = json!({"account": account, "notice": kind, "message": text});
        self.out.json("notice", line, true);
        let out = self.out;
        if always || (!out.quiet && (out.err_terminal || out.verbose > 0)) {
            report::warn(out, &format!("{account}: {text}"), None);
        }
    }
}

/// The server's words, behind what they are about.
fn said(error: &mailvault::base::error::Error) -> String {
    error
        .reply()
        .map_or_else(String::new, |reply| format!(": {}", escape(reply)))
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

impl ProgressRow {
    /// Takes note of what is still to come.
    fn list(&mut self, wanted: u64, wanted_octets: u64, utf8: bool) {
        // After a reconnect the rest is listed, but all of it was begun.
        self.wanted = self.messages + wanted;
        self.wanted_octets = match wanted_octets {
            0 if wanted > 0 => 0,
            octets => self.octets + octets,
        };
        self.began = Instant::now();
        if (wanted, wanted_octets) == (0, 0) {
            return;
        }
        if let Some(bar) = &self.bar {
            let (template, length) = match self.wanted_octets {
                0 => (MESSAGES_BAR, self.wanted),
                octets => (BAR, octets),
            };
            bar.set_style(style(template, utf8));
            bar.set_length(length);
        }
        self.show();
    }

    fn show(&self) {
        if let Some(bar) = &self.bar {
            let (messages, octets) = self.done();
            bar.set_position(match self.wanted_octets {
                0 => messages,
                _ => octets,
            });
            bar.set_message(self.text());
        }
    }

    /// Messages and octets done, of those that are known to be wanted: a server may send more
    /// than it listed.
    fn done(&self) -> (u64, u64) {
        let messages = match self.wanted {
            0 => self.messages,
            wanted => self.messages.min(wanted),
        };
        let octets = match self.wanted_octets {
            0 => self.octets,
            wanted => self.octets.min(wanted),
        };
        (messages, octets)
    }

    fn text(&self) -> String {
        let (messages, octets) = self.done();
        let mut text = match self.wanted_octets {
            0 => size(octets),
            wanted => format!("{} of {}", size(octets), size(wanted)),
        };
        if self.wanted > 0 {
            text = format!("{text}, {} of {}", count(messages), count(self.wanted));
        } else if messages > 0 {
            text = format!("{text}, {}", plural(messages, "message"));
        }
        text
    }

    fn json(&self) -> Value {
        let (messages, octets) = self.done();
        let (done, wanted) = match self.wanted_octets {
            0 => (messages, self.wanted),
            wanted => (octets, wanted),
        };
        let left = wanted.saturating_sub(done);
        let seconds = self.began.elapsed().as_secs();
        // How long the rest of an unknown number takes, nobody knows.
        let eta = left.saturating_mul(seconds).checked_div(done);
        let eta = eta.filter(|_| wanted > 0);
        let is_known = self.wanted_octets > 0 || octets == 0;
        json!({
            "account": self.account,
            "messages_done": messages,
            "messages_total": (self.wanted > 0).then_some(self.wanted),
            "bytes_done": octets,
            "bytes_total": is_known.then_some(self.wanted_octets),
            "eta": eta,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_templates_are_sound() {
        for utf8 in [false, true] {
            for template in [BAR, MESSAGES_BAR, "{prefix}  {msg}"] {
                let _ = style(template, utf8);
            }
        }
    }
}
