//! What a run shows while it works: a line per account on a terminal, plain lines with `-v`
//! elsewhere, JSON lines with `--json`.

mod line;
mod meter;

use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use mailvault::base::event::{Notice, RunEvent};
use serde_json::{Value, json};

use super::output::Output;
use super::report;
use super::screen;
use super::text::{count, escape, plural, size, span, width};
use line::WorkLine;
use meter::RateMeter;

/// How often a plain line reports the progress of an account.
const PLAIN_EVERY: Duration = Duration::from_secs(30);
/// How often a JSON line does.
const JSON_EVERY: Duration = Duration::from_secs(1);

/// How far one account is.
#[derive(Debug)]
struct ProgressRow {
    account: String,
    /// Columns of the longest account name.
    name: usize,
    utf8: bool,
    bar: Option<ProgressBar>,
    /// The folder it is in.
    folder: Option<String>,
    meter: RateMeter,
    /// When it was first heard of.
    started: Instant,
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
    /// There are several accounts, so that the result of the first is long to come.
    several: bool,
    rows: Vec<ProgressRow>,
}

impl<'a> Progress<'a> {
    pub(crate) fn new<'n>(out: &'a Output, accounts: impl Iterator<Item = &'n str>) -> Self {
        let widths: Vec<usize> = accounts.map(width).collect();
        Self {
            out,
            width: widths.iter().copied().max().unwrap_or(0),
            several: widths.len() > 1,
            rows: Vec::new(),
        }
    }

    /// Takes note of an event. At [`RunEvent::Finished`] a line stays if there are more accounts:
    /// what came of them is for the command to tell.
    pub(crate) fn event(&mut self, event: &RunEvent<'_>) {
        match event {
            RunEvent::Connecting { account, server } => {
                let text = format!("connecting to {}", escape(&server.to_string()));
                if !self.row(account).say(&text) {
                    self.plain(account, &text);
                }
            }
            RunEvent::Listed {
                account,
                wanted,
                wanted_octets,
                ..
            } => {
                self.row(account).list(*wanted, *wanted_octets);
            }
            RunEvent::Folder { account, folder } => {
                self.row(account).folder = Some((*folder).to_owned());
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
            RunEvent::Finished {
                account,
                report,
                error,
            } => {
                let several = self.several;
                let row = self.row(account);
                let stays = several && error.is_none() && !report.dry_run;
                if let Some(bar) = &row.bar {
                    bar.finish_and_clear();
                    let line = line::done(account, report, row.name, screen::columns());
                    if stays {
                        self.out.say(&line);
                    }
                }
            }
            RunEvent::ReadBack {
                account,
                done,
                planned,
            } => {
                self.row(account).say(&format!(
                    "reading back {} of {}",
                    count(*done),
                    count(*planned)
                ));
            }
            RunEvent::Verified { done, total } => {
                let row = self.row("verify");
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
            let now = Instant::now();
            self.rows.push(ProgressRow {
                account: account.to_owned(),
                name: self.width.max(width(account)),
                utf8: self.out.screen.utf8,
                bar: self.out.screen.bar(),
                folder: None,
                meter: RateMeter::default(),
                started: now,
                messages: 0,
                octets: 0,
                wanted: 0,
                wanted_octets: 0,
                began: now,
                told: now,
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
            Notice::KeywordsCut { messages } => (
                "keywords_cut",
                format!(
                    "more keywords than are kept (8 KiB) at {}; the first in alphabetical \
                     order are",
                    plural(*messages, "message")
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
    fn list(&mut self, wanted: u64, wanted_octets: u64) {
        let before = (self.wanted, self.wanted_octets);
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
        if before == (0, 0) || (before.1 == 0) != (self.wanted_octets == 0) {
            // What it counts in is new.
            self.meter = RateMeter::new(self.started.elapsed(), self.way().0);
        }
        self.show();
    }

    /// Shows words in place of how far it is; false if nobody sees them.
    fn say(&self, text: &str) -> bool {
        let Some(bar) = &self.bar else {
            return false;
        };
        let columns = screen::columns();
        bar.set_message(line::words(&self.account, text, self.name, columns));
        bar.tick();
        true
    }

    fn show(&mut self) {
        if self.bar.is_none() {
            return;
        }
        let (done, wanted) = self.way();
        self.meter.update(self.started.elapsed(), done, wanted);
        let by_octets = self.wanted_octets > 0;
        let shown = WorkLine {
            account: &self.account,
            done,
            wanted,
            amount: self.text(),
            rate: self.meter.rate().filter(|_| by_octets),
            left: self.meter.left(),
            folder: self.folder.as_deref(),
        };
        let text = shown.render(self.name, screen::columns(), self.utf8);
        if let Some(bar) = &self.bar {
            bar.set_message(text);
            bar.tick();
        }
    }

    /// How far it is of how far, in octets, or in messages where only these are known.
    fn way(&self) -> (u64, u64) {
        let (messages, octets) = self.done();
        match self.wanted_octets {
            0 => (messages, self.wanted),
            wanted => (octets, wanted),
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
        let (done, wanted) = self.way();
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
