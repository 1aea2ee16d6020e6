//! Shows where two texts differ, line by line.

/// What turns `expected` into `actual`: ` ` kept, `-` only expected, `+` only actual.
/// None if the texts are equal.
pub(crate) fn diff(expected: &str, actual: &str) -> Option<String> {
    if expected == actual {
        return None;
    }
    let (old, new) = (lines(expected), lines(actual));
    let common = common_lengths(&old, &new);
    let (mut i, mut j) = (0, 0);
    let mut shown = String::new();
    while i < old.len() || j < new.len() {
        let (mark, line) = if i < old.len() && j < new.len() && old[i] == new[j] {
            j += 1;
            i += 1;
            (' ', &old[i - 1])
        } else if j == new.len() || (i < old.len() && common[i + 1][j] >= common[i][j + 1]) {
            i += 1;
            ('-', &old[i - 1])
        } else {
            j += 1;
            ('+', &new[j - 1])
        };
        shown.push_str(&format!("  {mark} {line}\n"));
    }
    Some(shown)
}

/// The lines of a text; a missing newline at the end is shown as one.
fn lines(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = text.lines().map(ToString::to_string).collect();
    if !text.is_empty() && !text.ends_with('\n') {
        lines.push("(no newline at the end)".to_string());
    }
    lines
}

/// For each pair of tails, how many lines they have in common, in order.
fn common_lengths(old: &[String], new: &[String]) -> Vec<Vec<usize>> {
    let mut common = vec![vec![0; new.len() + 1]; old.len() + 1];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            common[i][j] = if old[i] == new[j] {
                common[i + 1][j + 1] + 1
            } else {
                common[i + 1][j].max(common[i][j + 1])
            };
        }
    }
    common
}

#[test]
fn a_diff_shows_kept_lost_and_new_lines() {
    assert_eq!(diff("a\nb\n", "a\nb\n"), None);
    assert_eq!(
        diff("a\nb\nc\n", "a\nx\nc").as_deref(),
        Some("    a\n  - b\n  + x\n    c\n  + (no newline at the end)\n")
    );
}
