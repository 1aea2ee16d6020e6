//! The name that was probably meant, where one is not known.

/// The known name nearest to `given`, if not more than `most` letters are added, dropped,
/// changed or swapped with the next, nor more than a third of the known name.
#[must_use]
pub fn nearest<'a>(
    given: &str,
    known: impl IntoIterator<Item = &'a str>,
    most: usize,
) -> Option<&'a str> {
    known
        .into_iter()
        // A name that is much too long is no slip, and would cost its length squared.
        .filter(|name| given.len() <= 2 * name.len() + 2)
        .map(|name| (strsim::osa_distance(given, name), name))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, name)| *distance <= (name.len() / 3).max(1).min(most))
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn near<'a>(given: &str, known: &[&'a str]) -> Option<&'a str> {
        nearest(given, known.iter().copied(), usize::MAX)
    }

    #[test]
    fn only_a_near_name_is_proposed() {
        let known = ["host", "port", "password_command", "password_file"];
        assert_eq!(near("hsot", &known), Some("host"));
        assert_eq!(near("passwordcomand", &known), Some("password_command"));
        assert_eq!(near("colour", &known), None);
        assert_eq!(near("host", &[]), None);
        assert_eq!(
            nearest("hsot", known, 1),
            Some("host"),
            "a swap counts once"
        );
        assert_eq!(nearest("passwordcomand", known, 1), None);
    }

    proptest! {
        #[test]
        fn a_known_name_is_its_own_nearest(names in prop::collection::vec("[a-f]{1,8}", 1..6)) {
            let known: Vec<&str> = names.iter().map(String::as_str).collect();
            for name in &known {
                prop_assert_eq!(near(name, &known), Some(*name));
            }
        }

        #[test]
        fn one_letter_too_many_is_always_seen(name in "[a-f]{3,12}", at in 0usize..12) {
            let mut slip = name.clone();
            slip.insert(at.min(name.len()), 'z');
            prop_assert_eq!(near(&slip, &[&name]), Some(name.as_str()));
        }
    }
}
