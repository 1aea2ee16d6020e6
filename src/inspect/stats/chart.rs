//! Charts as SVG whose lengths are shares of the width: text keeps its size on a phone.

use maud::{Markup, html};

use crate::mail::markup::visible;

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
pub(super) fn columns(title: &str, class: &str, bars: &[Bar]) -> Markup {
    let most = most(bars);
    let highest = bars.iter().position(|bar| bar.value == most && most > 0);
    let slot = 100.0 / count(bars.len());
    let wide = (slot * 0.72).min(9.0);
    let crowded = bars.len() > CROWDED;
    let column = |n: usize, bar: &Bar| {
        let (label, text) = (visible(&bar.label), visible(&bar.text));
        let middle = slot * (count(n) + 0.5);
        let tall = f64::from(HEIGHT) * share(bar.value, most);
        // What is there is seen.
        let tall = if bar.value > 0 { tall.max(2.0) } else { 0.0 };
        let top = f64::from(ABOVE + HEIGHT) - tall;
        // The last label is always shown, and of the others every second.
        let odd = crowded && (bars.len() - n).is_multiple_of(2);
        html! {
            g {
                title { (label) ": " (text) }
                rect class=(class) x=(percent(middle - wide / 2.0)) y=(pixels(top))
                    width=(percent(wide)) height=(pixels(tall)) rx="2" {}
                @if Some(n) == highest {
                    text.peak x=(percent(middle)) y=(pixels(top - 6.0))
                        text-anchor=(anchor(middle, &bar.text)) { (text) }
                }
                text.tick.odd[odd] x=(percent(middle)) y=(ABOVE + HEIGHT + 17)
                    text-anchor="middle" { (label) }
            }
            "\n"
        }
    };
    let foot = pixels(f64::from(ABOVE + HEIGHT) + 0.5);
    let body = html! {
        @for (n, bar) in bars.iter().enumerate() { (column(n, bar)) }
        line.base x1="0" x2="100%" y1=(foot) y2=(foot) {}
    };
    svg(title, ABOVE + HEIGHT + BELOW, &body)
}

/// Lying bars, one below the other: for names.
pub(super) fn rows(title: &str, class: &str, bars: &[Bar]) -> Markup {
    let most = most(bars);
    let row = |y: u32, bar: &Bar| {
        let (label, text) = (visible(&bar.label), visible(&bar.text));
        let mut long = 100.0 * share(bar.value, most);
        if bar.value > 0 {
            long = long.max(0.5);
        }
        let (line, top) = (y + 15, y + 22);
        html! {
            g {
                title { (label) ": " (text) }
                text.name x="0" y=(line) { (cut(&label)) }
                text.value x="100%" y=(line) text-anchor="end" { (text) }
                rect.rail x="0" y=(top) width="100%" height=(THICK) rx="3" {}
                rect class=(class) x="0" y=(top) width=(percent(long)) height=(THICK) rx="3" {}
            }
            "\n"
        }
    };
    let body = html! {
        @for (y, bar) in (0..).step_by(ROW as usize).zip(bars) { (row(y, bar)) }
    };
    svg(title, bars.iter().map(|_| ROW).sum(), &body)
}

fn svg(title: &str, height: u32, body: &Markup) -> Markup {
    html! {
        svg role="img" aria-label=(visible(title)) width="100%" height=(height) {
            "\n" (body)
        }
        "\n"
    }
}

/// A share of the width.
fn percent(share: f64) -> String {
    format!("{share:.2}%")
}

fn pixels(length: f64) -> String {
    format!("{length:.1}")
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
        let svg = rows("t", "c", &[bar("a", 100_000), bar("b", 1), bar("c", 0)]).into_string();
        assert!(svg.contains("width=\"100.00%\""), "{svg}");
        assert!(svg.contains("width=\"0.50%\""), "{svg}");
        assert!(svg.contains("width=\"0.00%\""), "{svg}");
    }

    #[test]
    fn of_many_columns_every_second_label_gives_way_and_the_last_never() {
        let bars: Vec<_> = (2010..2020).map(|y| bar(&y.to_string(), y)).collect();
        let svg = columns("t", "c", &bars).into_string();
        assert_eq!(svg.matches("tick odd").count(), 5);
        assert!(svg.contains(">2010</text>"), "{svg}");
        let last = svg.lines().find(|line| line.contains(">2019</text>"));
        assert!(last.is_some_and(|line| !line.contains("odd")), "{svg}");
        let few = columns("t", "c", &bars[..3]).into_string();
        assert!(!few.contains("odd"));
    }

    #[test]
    fn foreign_names_stay_text() {
        for svg in [rows, columns].map(|draw| draw("<t>", "c", &[bar("</svg><script>", 3)])) {
            let svg = svg.into_string();
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
        assert!(columns("t", "c", &[]).into_string().contains("<svg"));
        let svg = rows("t", "c", &[bar("a", 0)]).into_string();
        assert!(svg.contains("width=\"0.00%\""), "{svg}");
    }
}
