//! A page of a list that does not come in order: the names after a mark that come first.

use std::collections::BTreeMap;

use super::{ListedObject, ObjectName, ObjectPage, ObjectStat};

/// Objects on a page, as object storage has them.
const MOST: usize = 1_000;

/// Keeps the first names after a mark, of however many there are.
#[derive(Debug)]
pub(super) struct PageBuilder<'a> {
    prefix: &'a str,
    after: Option<&'a str>,
    first: BTreeMap<ObjectName, ObjectStat>,
    foreign: u64,
    more: bool,
}

impl<'a> PageBuilder<'a> {
    pub(super) fn new(prefix: &'a str, after: Option<&'a str>) -> Self {
        Self {
            prefix,
            after,
            first: BTreeMap::new(),
            foreign: 0,
            more: false,
        }
    }

    /// True if an object of this name belongs on the page, as far as is known.
    pub(super) fn wants(&self, name: &ObjectName) -> bool {
        let early = || {
            self.first
                .last_key_value()
                .is_none_or(|(last, _)| name < last)
        };
        name.as_str().starts_with(self.prefix)
            && self.after.is_none_or(|after| name.as_str() > after)
            && (self.first.len() < MOST || early())
    }

    /// Takes in an object.
    pub(super) fn add(&mut self, name: ObjectName, stat: ObjectStat) {
        let after = self.after.is_none_or(|after| name.as_str() > after);
        if !after || !name.as_str().starts_with(self.prefix) {
            return;
        }
        if !self.wants(&name) {
            self.more = true;
            return;
        }
        self.first.insert(name, stat);
        if self.first.len() > MOST {
            self.first.pop_last();
            self.more = true;
        }
    }

    /// Counts something whose name is none of ours, on the first page alone.
    pub(super) fn add_foreign(&mut self) {
        self.foreign += u64::from(self.after.is_none());
    }

    pub(super) fn finish(self) -> ObjectPage {
        let last = self.first.keys().next_back().map(ToString::to_string);
        ObjectPage {
            next: last.filter(|_| self.more),
            foreign: self.foreign,
            objects: (self.first.into_iter())
                .map(|(name, stat)| ListedObject { name, stat })
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn pages_have_every_name_once_and_in_order() {
        let names: Vec<_> = (0..2_500u32)
            .map(|n| ObjectName::new(&format!("p/{:04}", n * 7919 % 2_500)).unwrap())
            .collect();
        let stat = ObjectStat { size: 1, md5: None };
        let (mut seen, mut pages, mut mark) = (Vec::new(), 0, None::<String>);
        loop {
            let mut page = PageBuilder::new("p/", mark.as_deref());
            for name in &names {
                page.add(name.clone(), stat);
            }
            page.add(ObjectName::new("q/1").unwrap(), stat);
            page.add_foreign();
            let page = page.finish();
            assert_eq!(page.foreign, u64::from(pages == 0));
            seen.extend(page.objects.into_iter().map(|object| object.name));
            pages += 1;
            mark = page.next;
            if mark.is_none() {
                break;
            }
        }
        let mut sorted = names;
        sorted.sort();
        assert_eq!((pages, seen), (3, sorted));
    }
}
