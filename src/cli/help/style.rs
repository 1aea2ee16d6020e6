//! How help is coloured. Where colour is not wanted, it is taken out when the text is printed.

use clap::builder::Styles;
use clap::builder::styling::AnsiColor;

/// Headings stand out, and so does what is typed as it stands.
pub(super) const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default())
    .placeholder(AnsiColor::Cyan.on_default().dimmed());

pub(super) fn heading(text: &str) -> String {
    let style = STYLES.get_header();
    format!("{style}{text}{style:#}")
}

pub(super) fn literal(text: &str) -> String {
    let style = STYLES.get_literal();
    format!("{style}{text}{style:#}")
}
