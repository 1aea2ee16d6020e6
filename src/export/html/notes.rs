//! What a page says in words of a message: its flags, what it lacks, and what was left out of it.

use super::clean::Sanitised;
use crate::mail::bounds::HTML_FILES;
use crate::mail::readable::{Parts, Readable};

/// The flags of a file name (Maildir) in words.
pub(super) fn flags(letters: &str) -> String {
    let words = [
        ('S', "read"),
        ('F', "starred"),
        ('R', "answered"),
        ('P', "forwarded"),
        ('D', "draft"),
        ('T', "deleted"),
    ];
    let words = words.iter().filter(|(letter, _)| letters.contains(*letter));
    let mut words: Vec<&str> = words.map(|(_, word)| *word).collect();
    if !letters.contains('S') {
        words.insert(0, "unread");
    }
    words.join(", ")
}

/// What the page of a message lacks, in words; `html` if it was written so, `body` what of
/// that is shown.
pub(super) fn notes(
    mail: &Readable,
    html: bool,
    body: Option<&Sanitised>,
    parts: &Parts<'_>,
) -> Vec<String> {
    let more = parts.attachments.len().saturating_sub(HTML_FILES);
    let more_text = format!(
        "{more} more attachments are not on this page; 'mailvault show ID --save DIR' saves all of them."
    );
    let left_out = body.map(left_out).unwrap_or_default();
    let notes = [
        (!left_out.is_empty(), left_out.as_str()),
        (
            html && body.is_none(),
            "This part was shortened: it is too long or has too many tags for a page, and is shown as its text.",
        ),
        (
            body.is_some_and(|body| body.flattened),
            "This part was shortened: its deepest tags, or some of very many attributes, were left out; its text is all here.",
        ),
        (
            mail.truncated,
            "This message is too long to be shown whole, and its last attachment is missing here; 'mailvault show ID --save DIR' saves all of them.",
        ),
        (
            mail.text_cut && body.is_none(),
            "This part was shortened: its text is too long to be shown whole; 'mailvault show ID --raw' has all of it.",
        ),
        (
            mail.parts_cut,
            "This message has too many or too deeply nested parts, and some are not shown; 'mailvault show ID --raw' prints all of it.",
        ),
        (more > 0, &more_text),
    ];
    let said = notes.iter().filter(|(said, _)| *said);
    said.map(|(_, text)| (*text).to_owned()).collect()
}

/// What was taken out of HTML, as a sentence; empty if nothing was.
fn left_out(body: &Sanitised) -> String {
    let found = body.found;
    let counted = |count: u64, one: &str, many: &str| match count {
        0 => None,
        1 => Some(format!("1 {one}")),
        count => Some(format!("{count} {many}")),
    };
    let parts = [
        counted(
            found.pictures,
            "picture on the internet",
            "pictures on the internet",
        ),
        counted(found.scripts, "script", "scripts"),
        counted(found.forms, "form", "forms"),
        counted(
            found.embedded,
            "embedded frame, film or drawing",
            "embedded frames, films or drawings",
        ),
        body.styles_dropped
            .then(|| "styles that load something".to_owned()),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    match parts.as_slice() {
        [] => String::new(),
        [only] => format!("Left out of this message: {only}."),
        [most @ .., last] => format!("Left out of this message: {} and {last}.", most.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::clean;
    use super::*;

    #[test]
    fn what_was_left_out_is_said() {
        let said = |html: &str| {
            clean::html(html, &clean::Pictures::new())
                .map(|clean| left_out(&clean))
                .unwrap_or_default()
        };
        assert_eq!(said("<p>a"), "");
        assert_eq!(
            said("<img src=http://t><img src=//t><script></script><p style='background:url(x)'>"),
            "Left out of this message: 2 pictures on the internet, 1 script and styles that load something."
        );
    }

    #[test]
    fn flags_are_words() {
        assert_eq!(flags(""), "unread");
        assert_eq!(flags("FRS"), "read, starred, answered");
    }
}
