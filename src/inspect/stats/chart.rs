//! Charts as SVG whose lengths are shares of the width: text keeps its size on a phone.

use std::fmt::Write as _;

use crate::mail::markup::esc;

/// One value of a chart.
#[derive(Debug, Clone)]
pub(super) struct Bar {
    /// What it is of.
    pub(super) label: String,
    /// How long it is.
    pub(super) value: u64,
    /// The value in words.
    pub(super) text: String,
}

/// Height of a chart of columns, and of what stands above and below them.
const HEIGHT: u32 = 150;
const ABOVE: u32 = 22;
const BELOW: u32 = 24;
/// Height of a row of bars, and of the bar in it.
const ROW: u32 = 40;
const THICK: u32 = 10;
/// With more columns than this, a narrow window has no room for all their labels.
const CROWDED: usize = 8;
/// Letters of a label beside the value, in a narrow window.
const LETTERS: usize = 30;

/// Upright columns, from left to right: for times.
pub(super) fn columns(title: &str, class: &str, bars: &[Bar]) -> String {
    let most = most(bars);
    let highest = bars.iter().position(|bar| bar.value == most && most > 0);
    let slot = 100.0 / count(bars.len());
    let wide = (slot * 0.72).min(9.0);
    let crowded = bars.len() > CROWDED;
    let mut body = String::new();
    for (n, bar) in bars.iter().enumerate() {
        let middle = slot * (count(n) + 0.5);
        let tall = f64::from(HEIGHT) * share(bar.value, most);
        // What is there is seen.
        let tall = if bar.value > 0 { tall.max(2.0) } else { 0.0 };
        let top = f64::from(ABOVE + HEIGHT) - tall;
        // The last label is always shown, and of the others every second.
        let odd = if crowded && (bars.len() - n).is_multiple_of(2) {
            " odd"
        } else {
            ""
        };
        let peak = if Some(n) == highest {
            format!(
                "<text class=\"peak\" x=\"{middle:.2}%\" y=\"{:.1}\" text-anchor=\"{}\">{}</text>",
                top - 6.0,
                anchor(middle, &bar.text),
                esc(&bar.text)
            )
        } else {
            String::new()
        };
        // Writing to a String cannot fail.
        let _ = writeln!(
            body,
            "<g><title>{label}: {text}</title>\
             <rect class=\"{class}\" x=\"{left:.2}%\" y=\"{top:.1}\" width=\"{wide:.2}%\" \
             height=\"{tall:.1}\" rx=\"2\"/>{peak}\
             <text class=\"tick{odd}\" x=\"{middle:.2}%\" y=\"{under}\" \
             text-anchor=\"middle\">{label}</text></g>",
            label = esc(&bar.label),
            text = esc(&bar.text),
            left = middle - wide / 2.0,
            under = ABOVE + HEIGHT + 17,
        );
    }
    let _ = writeln!(
        body,
        "<line class=\"base\" x1=\"0\" x2=\"100%\" y1=\"{0}.5\" y2=\"{0}.5\"/>",
        ABOVE + HEIGHT
    );
    svg(title, ABOVE + HEIGHT + BELOW, &body)
}

/// Lying bars, one below the other: for names.
pub(super) fn rows(title: &str, class: &str, bars: &[Bar]) -> String {
    let most = most(bars);
    let mut body = String::new();
    let mut y = 0;
    for bar in bars {
        let mut long = 100.0 * share(bar.value, most);
        if bar.value > 0 {
            long = long.max(0.5);
        }
        let _ = writeln!(
            body,
            "<g><title>{label}: {text}</title>\
             <text class=\"name\" x=\"0\" y=\"{line}\">{cut}</text>\
             <text class=\"value\" x=\"100%\" y=\"{line}\" text-anchor=\"end\">{text}</text>\
             <rect class=\"rail\" x=\"0\" y=\"{top}\" width=\"100%\" height=\"{THICK}\" rx=\"3\"/>\
             <rect class=\"{class}\" x=\"0\" y=\"{top}\" width=\"{long:.2}%\" \
             height=\"{THICK}\" rx=\"3\"/></g>",
            label = esc(&bar.label),
            cut = esc(&cut(&bar.label)),
            text = esc(&bar.text),
            line = y + 15,
            top = y + 22,
        );
        y += ROW;
    }
    svg(title, y, &body)
}

fn svg(title: &str, height: u32, body: &str) -> String {
    format!(
        "<svg role=\"img\" aria-label=\"{}\" width=\"100%\" height=\"{height}\">\n{body}</svg>\n",
        esc(title)
    )
}

/// A text at the edge must not stand out of the picture: in a narrow one, a letter takes
/// two hundredths of the width.
fn anchor(middle: f64, text: &str) -> &'static str {
    let half = count(text.chars().count());
    if middle < half {
        "start"
    } else if middle > 100.0 - half {
        "end"
    } else {
        "middle"
    }
}

fn cut(label: &str) -> String {
    if label.chars().count() <= LETTERS {
        return label.to_owned();
    }
    let mut short: String = label.chars().take(LETTERS - 1).collect();
    short.push('…');
    short
}

fn most(bars: &[Bar]) -> u64 {
    bars.iter().map(|bar| bar.value).max().unwrap_or(0)
}

#[allow(clippy::cast_precision_loss, reason = "a picture is not that exact")]
fn share(value: u64, most: u64) -> f64 {
    value as f64 / most.max(1) as f64
}

fn count(n: usize) -> f64 {
    u32::try_from(n).map_or(f64::MAX, f64::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(label: &str, value: u64) -> Bar {
        Bar {
            label: label.to_owned(),
            value,
            text: format!("{value} B"),
        }
    }

    #[test]
    fn the_longest_bar_fills_the_width_and_the_shortest_is_seen() {
        let svg = rows("t", "c", &[bar("a", 100_000), bar("b", 1), bar("c", 0)]);
        assert!(svg.contains("width=\"100.00%\""), "{svg}");
        assert!(svg.contains("width=\"0.50%\""), "{svg}");
        assert!(svg.contains("width=\"0.00%\""), "{svg}");
    }

    #[test]
    fn of_many_columns_every_second_label_gives_way_and_the_last_never() {
        let bars: Vec<_> = (2010..2020).map(|y| bar(&y.to_string(), y)).collect();
        let svg = columns("t", "c", &bars);
        assert_eq!(svg.matches("tick odd").count(), 5);
        assert!(svg.contains(">2010</text>"), "{svg}");
        let last = svg.lines().find(|line| line.contains(">2019</text>"));
        assert!(last.is_some_and(|line| !line.contains("odd")), "{svg}");
        let few = columns("t", "c", &bars[..3]);
        assert!(!few.contains("odd"));
    }

    #[test]
    fn foreign_names_stay_text() {
        for svg in [rows, columns].map(|draw| draw("<t>", "c", &[bar("</svg><script>", 3)])) {
            assert!(!svg.contains("<script>") && svg.contains("&lt;script&gt;"));
            assert!(svg.contains("aria-label=\"&lt;t&gt;\""));
        }
    }

    #[test]
    fn a_text_stays_in_the_picture() {
        assert_eq!(anchor(4.0, "5.0 MiB"), "start");
        assert_eq!(anchor(4.0, "25"), "middle");
        assert_eq!(anchor(96.0, "5.0 MiB"), "end");
    }

    #[test]
    fn nothing_at_all_is_an_empty_picture() {
        assert!(columns("t", "c", &[]).contains("<svg"));
        assert!(rows("t", "c", &[bar("a", 0)]).contains("width=\"0.00%\""));
    }
}
