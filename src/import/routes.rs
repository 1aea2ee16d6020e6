//! Where messages go: a folder of the vault for each folder of the source and for each label.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::{Arc, Mutex};

use super::ImportOptions;
use super::folder::{Kind, SourceFolder};
use crate::archive::commit::Route;
use crate::base::error::Result;
use crate::base::sync::lock;
use crate::vault::layout::Layout;
use crate::vault::maildir;

/// Gmail lets an account have no more labels; what a file has beyond is none.
const MOST_LABELS: usize = 10_000;

/// The routes of an import. Directories are made when they are first needed.
#[derive(Debug)]
pub(super) struct Routes<'a> {
    layout: &'a Layout,
    options: &'a ImportOptions,
    known: Mutex<KnownRoutes>,
}

#[derive(Debug, Default)]
struct KnownRoutes {
    /// The accounts with the directories of their folders.
    dirs: BTreeMap<String, Vec<String>>,
    /// By account, the name in the source that each directory was given to.
    given: HashMap<String, HashMap<String, String>>,
    /// By account and label.
    labels: HashMap<(String, Vec<String>), Arc<Route>>,
}

impl<'a> Routes<'a> {
    pub(super) fn new(layout: &'a Layout, options: &'a ImportOptions) -> Self {
        Self {
            layout,
            options,
            known: Mutex::default(),
        }
    }

    /// The route of a folder of the source.
    pub(super) fn of(&self, folder: &SourceFolder) -> Result<Arc<Route>> {
        let account = self.options.account.as_ref().or(folder.account.as_ref());
        let account = account.map(|name| self.options.names.stored(name).to_owned());
        let account = account.unwrap_or_default();
        self.add(&mut lock(&self.known), account, folder)
    }

    /// The routes of a message with these labels, each folder once, that would go to `usual`
    /// without them.
    pub(super) fn labelled(
        &self,
        usual: &Arc<Route>,
        labels: &[Vec<String>],
    ) -> Result<Vec<Arc<Route>>> {
        let mut known = lock(&self.known);
        let mut routes: Vec<Arc<Route>> = Vec::with_capacity(labels.len());
        for label in labels {
            let key = (usual.account.clone(), label.clone());
            let route = if let Some(route) = known.labels.get(&key) {
                Arc::clone(route)
            } else if known.labels.len() >= MOST_LABELS {
                Arc::clone(usual)
            } else {
                let folder = SourceFolder::new(Kind::Mbox, Path::new(""), label);
                let route = self.add(&mut known, usual.account.clone(), &folder)?;
                known.labels.insert(key, Arc::clone(&route));
                route
            };
            if !routes.iter().any(|other| other.dir == route.dir) {
                routes.push(route);
            }
        }
        Ok(routes)
    }

    /// The accounts that mail went to.
    pub(super) fn into_accounts(self) -> Vec<String> {
        let known = self.known.into_inner();
        let known = known.unwrap_or_else(std::sync::PoisonError::into_inner);
        known.dirs.into_keys().collect()
    }

    fn add(
        &self,
        known: &mut KnownRoutes,
        account: String,
        folder: &SourceFolder,
    ) -> Result<Arc<Route>> {
        if !known.dirs.contains_key(&account) {
            let dirs = maildir::folders(self.layout, &account)?;
            known.dirs.insert(account.clone(), dirs);
        }
        let taken = known.dirs.entry(account.clone()).or_default();
        let given = known.given.entry(account.clone()).or_default();
        let dir = folder.target(self.options.into.as_deref(), taken, given);
        if !self.options.dry_run {
            maildir::create_folder(self.layout, &account, "")?;
            maildir::create_folder(self.layout, &account, &dir)?;
        }
        if !taken.contains(&dir) {
            taken.push(dir.clone());
        }
        Ok(Arc::new(Route {
            account,
            server: folder.kind.name().to_owned(),
            dir: Some(dir),
            policy: self.options.policy,
        }))
    }
}
