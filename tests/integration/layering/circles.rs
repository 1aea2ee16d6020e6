//! Files that import each other in a circle. A folder's own file and the files in it belong
//! together: what these import from each other is no circle.

use std::collections::{BTreeMap, BTreeSet};

/// The circles among modules with what each imports, as sorted lists.
pub(super) fn circles(imports: &BTreeMap<String, BTreeSet<String>>) -> Vec<Vec<String>> {
    let reached: BTreeMap<&String, BTreeSet<&String>> = imports
        .keys()
        .map(|from| (from, reachable(from, imports)))
        .collect();
    let mut circles = BTreeSet::new();
    for (from, to) in &reached {
        let together = to.iter().filter(|other| reached[**other].contains(from));
        let circle: BTreeSet<String> = together.map(|other| (*other).clone()).collect();
        if !circle.is_empty() {
            circles.insert(circle.into_iter().collect());
        }
    }
    circles.into_iter().collect()
}

fn reachable<'i>(
    from: &String,
    imports: &'i BTreeMap<String, BTreeSet<String>>,
) -> BTreeSet<&'i String> {
    let mut found = BTreeSet::new();
    let mut left: Vec<&String> = imports[from].iter().collect();
    while let Some(next) = left.pop() {
        if let Some((next, more)) = imports.get_key_value(next)
            && found.insert(next)
        {
            left.extend(more);
        }
    }
    found
}

/// True if one of two modules is the folder of the other.
pub(super) fn is_family(module: &str, other: &str) -> bool {
    let parent = |module: &str| {
        module
            .rsplit_once("::")
            .map(|(parent, _)| parent.to_owned())
    };
    parent(module).as_deref() == Some(other) || parent(other).as_deref() == Some(module)
}
