//! Whatever `rclone` reaches, by its command line.
//!
//! What it does is told from its exit status alone (3 and 4: not there; 5: passing), never from
//! its words. Of a failure without a class of its own, two more questions say what it is: does the
//! place answer at all, and is there such a remote?
//!
//! `--immutable` does not protect the file of a single `copyto` (seen with 1.60), so
//! `--ignore-existing` is given too, and what is there is looked at before and after.

mod listing;
mod run;

use std::ffi::{OsStr, OsString};
use std::ops::Range;
use std::path::PathBuf;

use self::run::{Ended, RcloneRun};
use super::object::digest;
use super::page::PageBuilder;
use super::{
    Confirmation, ObjectBody, ObjectName, ObjectPage, ObjectStat, Patience, PutOutcome, SpoolFile,
    StoreLimits, fault_of,
};
use crate::base::error::{Error, Result, StoreFault};

/// Bytes a second below which a transfer is given up.
const LEAST_RATE: u64 = 8 * 1024;

/// The program, and where its configuration is if not in its usual place.
#[derive(Debug, Clone)]
pub struct RcloneProgram {
    /// Its name or path.
    pub program: OsString,
    /// Its configuration file.
    pub config: Option<PathBuf>,
}

impl Default for RcloneProgram {
    fn default() -> Self {
        Self {
            program: "rclone".into(),
            config: None,
        }
    }
}

/// A path of a remote.
#[derive(Debug)]
pub struct RcloneStore {
    program: RcloneProgram,
    /// `remote:path`, without a slash at its end.
    root: String,
    shown: String,
    patience: Patience,
}

impl RcloneStore {
    /// A place; nothing is started yet.
    #[must_use]
    pub fn new(remote: &str, program: RcloneProgram, limits: StoreLimits) -> Self {
        let trimmed = remote.trim_end_matches('/');
        let root = if trimmed.ends_with(':') && remote.ends_with('/') {
            remote
        } else {
            trimmed
        };
        Self {
            program,
            root: root.to_owned(),
            shown: format!("rclone:{root}"),
            patience: Patience::new(limits),
        }
    }

    pub(super) fn shown(&self) -> &str {
        &self.shown
    }

    pub(super) fn patience(&self) -> &Patience {
        &self.patience
    }

    pub(super) fn head(&self, name: &ObjectName) -> Result<Option<ObjectStat>> {
        self.patience.run(|| self.head_once(name))
    }

    pub(super) fn put(&self, name: &ObjectName, file: &SpoolFile<'_>) -> Result<PutOutcome> {
        self.patience.run(|| self.put_once(name, file))
    }

    pub(super) fn list(&self, prefix: &str, after: Option<&str>) -> Result<ObjectPage> {
        self.patience.run(|| self.list_once(prefix, after))
    }

    pub(super) fn body(&self, name: &ObjectName, range: Range<u64>) -> Result<ObjectBody<'_>> {
        let count = range.end - range.start;
        let mut arguments = self.arguments("cat");
        arguments.extend([
            "--offset".into(),
            range.start.to_string().into(),
            "--count".into(),
            count.to_string().into(),
            self.path(name).into(),
        ]);
        Ok(Box::new(RcloneRun::start(self, &arguments)?.into_body()))
    }

    fn head_once(&self, name: &ObjectName) -> Result<Option<ObjectStat>> {
        let mut arguments = self.arguments("lsjson");
        let options = ["--stat", "--hash", "--hash-type", "md5", "--no-modtime"];
        arguments.extend(options.map(OsString::from));
        arguments.push(self.path(name).into());
        let mut run = RcloneRun::start(self, &arguments)?;
        let text = run.read_text()?;
        match run.end()? {
            Ended::Well => {
                let entry = listing::entry(&text).ok_or_else(|| self.garbled())?;
                Ok(entry.stat())
            }
            Ended::NotThere => Ok(None),
            Ended::Badly(status) => Err(self.failed(status)),
        }
    }

    fn put_once(&self, name: &ObjectName, file: &SpoolFile<'_>) -> Result<PutOutcome> {
        if let Some(stat) = self.head_once(name)? {
            return Ok(if self.compare(name, stat, file)? {
                PutOutcome::Stored(Confirmation::Md5)
            } else {
                PutOutcome::Exists(stat)
            });
        }
        let mut arguments = self.arguments("copyto");
        arguments.extend(["--immutable", "--ignore-existing"].map(OsString::from));
        if let Some(rate) = self.patience.limits().rate {
            arguments.extend(["--bwlimit".into(), format!("{rate}B").into()]);
        }
        // The program reads the file by itself, so that nobody hears how much of it was sent
        // (`SpoolFile::sent`): its own account of that is made for people.
        arguments.extend([file.path.into(), self.path(name).into()]);
        let mut run = RcloneRun::start(self, &arguments)?;
        run.allow(file.size / self.least_rate());
        run.read_text()?;
        let ended = run.end()?;
        let Some(stat) = self.head_once(name)? else {
            return Err(match ended {
                Ended::Badly(status) => self.failed(status),
                Ended::Well | Ended::NotThere => self.fault(StoreFault::Unconfirmed {
                    name: name.to_string(),
                }),
            });
        };
        match stat.is(file) {
            Some(true) => Ok(PutOutcome::Stored(Confirmation::Md5)),
            None => Ok(PutOutcome::Stored(Confirmation::SizeOnly)),
            Some(false) => match ended {
                Ended::Well => Ok(PutOutcome::Exists(stat)),
                // A part of what was being sent: some places show it at once.
                Ended::Badly(status) => Err(self.failed(status)),
                Ended::NotThere => Err(self.fault(StoreFault::NoBucket)),
            },
        }
    }

    fn least_rate(&self) -> u64 {
        let rate = self.patience.limits().rate.unwrap_or(u64::MAX);
        LEAST_RATE.min(rate / 2).max(1)
    }

    fn list_once(&self, prefix: &str, after: Option<&str>) -> Result<ObjectPage> {
        let mut page = PageBuilder::new(prefix, after);
        // The deepest folder that has all of them.
        let folder = prefix.rsplit_once('/').map_or("", |(folder, _)| folder);
        let mut arguments = self.arguments("lsjson");
        let options = ["-R", "--files-only", "--no-modtime", "--no-mimetype"];
        arguments.extend(options.map(OsString::from));
        arguments.extend(["--hash", "--hash-type", "md5"].map(OsString::from));
        arguments.push(self.join(folder).into());
        let mut run = RcloneRun::start(self, &arguments)?;
        while let Some(line) = run.read_line()? {
            let Some(row) = listing::row(&line) else {
                continue;
            };
            let row = row.ok_or_else(|| self.garbled())?;
            let name = match folder {
                "" => row.path.clone(),
                folder => format!("{folder}/{}", row.path),
            };
            match (ObjectName::new(&name), row.stat()) {
                (Some(name), Some(stat)) => page.add(name, stat),
                _ => page.add_foreign(),
            }
        }
        match run.end()? {
            Ended::Well => Ok(page.finish()),
            Ended::NotThere => Ok(ObjectPage::default()),
            Ended::Badly(status) => Err(self.failed(status)),
        }
    }

    /// Whether what is there is what was sent; without an MD5 it is read.
    fn compare(&self, name: &ObjectName, stat: ObjectStat, file: &SpoolFile<'_>) -> Result<bool> {
        if let Some(equal) = stat.is(file) {
            return Ok(equal);
        }
        let mut body = self.body(name, 0..stat.size)?;
        match digest(&mut body) {
            Ok(read) => Ok(read == (file.size, file.md5)),
            Err(error) => Err(error.downcast::<Error>().unwrap_or_else(|_| self.garbled())),
        }
    }

    /// What a failure was that has no status of its own.
    fn failed(&self, status: Option<i32>) -> Error {
        let code = match status {
            Some(5) => return self.fault(StoreFault::Busy { wait: None }),
            Some(status) => format!("exit status {status}"),
            None => "ended by a signal".to_owned(),
        };
        let mut arguments = self.arguments("lsjson");
        arguments.extend(["--stat".into(), OsString::from(&self.root)]);
        match self.ended(&arguments) {
            Ok(Ended::Well | Ended::NotThere) => self.fault(StoreFault::Refused { code }),
            Ok(Ended::Badly(_)) => self.fault(match self.has_remote() {
                Ok(false) => StoreFault::NoBucket,
                _ => StoreFault::Unreachable,
            }),
            Err(error) => error,
        }
    }

    /// True if the configuration of `rclone` has the remote.
    fn has_remote(&self) -> Result<bool> {
        let Some((remote, _)) = self
            .root
            .split_once(':')
            .filter(|(name, _)| !name.is_empty())
        else {
            return Ok(true);
        };
        let mut run = RcloneRun::start(self, &self.arguments("listremotes"))?;
        let name = remote.split(',').next().unwrap_or_default();
        let mut found = false;
        while let Some(line) = run.read_line()? {
            found |= line.trim().strip_suffix(':') == Some(name);
        }
        run.end()?;
        Ok(found)
    }

    fn ended(&self, arguments: &[OsString]) -> Result<Ended> {
        let mut run = RcloneRun::start(self, arguments)?;
        run.read_text()?;
        run.end()
    }

    /// The beginning of every command line. Tries are ours to repeat.
    fn arguments(&self, command: &str) -> Vec<OsString> {
        let limits = &self.patience.limits().wire;
        let mut arguments: Vec<OsString> = vec![command.into()];
        if let Some(config) = &self.program.config {
            arguments.extend([OsStr::new("--config").to_owned(), config.into()]);
        }
        arguments.extend([
            "--retries=1".into(),
            "--low-level-retries=1".into(),
            "--ask-password=false".into(),
            format!("--contimeout={}s", limits.connect.as_secs().max(1)).into(),
            format!("--timeout={}s", limits.reply.as_secs().max(1)).into(),
        ]);
        arguments
    }

    fn path(&self, name: &ObjectName) -> String {
        self.join(name.as_str())
    }

    fn join(&self, name: &str) -> String {
        if name.is_empty() || self.root.ends_with([':', '/']) {
            format!("{}{name}", self.root)
        } else {
            format!("{}/{name}", self.root)
        }
    }

    fn garbled(&self) -> Error {
        self.fault(StoreFault::Garbled {
            what: "the list of rclone cannot be read".to_owned(),
        })
    }

    fn fault(&self, fault: StoreFault) -> Error {
        fault_of(&self.shown, fault)
    }
}
