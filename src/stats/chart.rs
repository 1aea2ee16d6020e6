//! Charts whose lengths are shares of the width: text keeps its size on a phone. Their SVG is in
//! `templates/stats/charts.html`.

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

/// A chart of upright columns.
#[derive(Debug)]
pub(super) struct ColumnChart {
    pub(super) title: String,
    pub(super) class: &'static str,
    pub(super) height: u32,
    pub(super) foot: String,
    pub(super) tick: u32,
    pub(super) columns: Vec<ColumnBar>,
}

/// A column, in places of the picture.
#[derive(Debug)]
pub(super) struct ColumnBar {
    pub(super) label: String,
    pub(super) text: String,
    pub(super) left: String,
    pub(super) middle: String,
    pub(super) top: String,
    pub(super) width: String,
    pub(super) tall: String,
    /// Where its value stands, if it is the highest.
    pub(super) peak: Option<PeakText>,
    pub(super) odd: bool,
}

/// Where the value of the highest column stands.
#[derive(Debug)]
pub(super) struct PeakText {
    pub(super) y: String,
    pub(super) anchor: &'static str,
}

/// A chart of lying bars.
#[derive(Debug)]
pub(super) struct RowChart {
    pub(super) title: String,
    pub(super) class: &'static str,
    pub(super) height: u32,
    pub(super) thick: u32,
    pub(super) rows: Vec<RowBar>,
}

/// A lying bar, in places of the picture.
#[derive(Debug)]
pub(super) struct RowBar {
    pub(super) label: String,
    pub(super) short: String,
    pub(super) text: String,
    pub(super) line: u32,
    pub(super) top: u32,
    pub(super) long: String,
}

/// Upright columns, from left to right: for times.
pub(super) fn columns(title: &str, class: &'static str, bars: &[Bar]) -> ColumnChart {
    let most = most(bars);
    let highest = bars.iter().position(|bar| bar.value == most && most > 0);
    let slot = 100.0 / count(bars.len());
    let wide = (slot * 0.72).min(9.0);
    let crowded = bars.len() > CROWDED;
    let column = |(n, bar): (usize, &Bar)| {
        let middle = slot * (count(n) + 0.5);
        let tall = f64::from(HEIGHT) * share(bar.value, most);
        // What is there is seen.
        let tall = if bar.value > 0 { tall.max(2.0) } else { 0.0 };
        let top = f64::from(ABOVE + HEIGHT) - tall;
        ColumnBar {
            label: visible(&bar.label).into_owned(),
            text: visible(&bar.text).into_owned(),
            left: percent(middle - wide / 2.0),
            middle: percent(middle),
            top: pixels(top),
            width: percent(wide),
            tall: pixels(tall),
            peak: (Some(n) == highest).then(|| PeakText {
                y: pixels(top - 6.0),
                anchor: anchor(middle, &bar.text),
            }),
            // The last label is always shown, and of the others every second.
            odd: crowded && (bars.len() - n).is_multiple_of(2),
        }
    };
    ColumnChart {
        title: visible(title).into_owned(),
        class,
        height: ABOVE + HEIGHT + BELOW,
        foot: pixels(f64::from(ABOVE + HEIGHT) + 0.5),
        tick: ABOVE + HEIGHT + 17,
        columns: bars.iter().enumerate().map(column).collect(),
    }
}

/// Lying bars, one below the other: for names.
pub(super) fn rows(title: &str, class: &'static str, bars: &[Bar]) -> RowChart {
    let most = most(bars);
    let row = |(y, bar): (u32, &Bar)| {
        let mut long = 100.0 * share(bar.value, most);
        if bar.value > 0 {
            long = long.max(0.5);
        }
        let label = visible(&bar.label).into_owned();
        RowBar {
            short: cut(&label),
            label,
            text: visible(&bar.text).into_owned(),
            line: y + 15,
            top: y + 22,
            long: percent(long),
        }
    };
    RowChart {
        title: visible(title).into_owned(),
        class,
        height: bars.iter().map(|_| ROW).sum(),
        thick: THICK,
        rows: (0..).step_by(ROW as usize).zip(bars).map(row).collect(),
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
    #![allow(clippy::unwrap_used)]

    use askama::Template;

    use super::*;

    #[derive(Template)]
    #[template(
        source = "{% import \"stats/charts.html\" as charts %}{% call charts::columns(chart) %}{% endcall %}",
        ext = "html"
    )]
    struct ColumnsAlone {
        chart: ColumnChart,
    }

    #[derive(Template)]
    #[template(
        source = "{% import \"stats/charts.html\" as charts %}{% call charts::rows(chart) %}{% endcall %}",
        ext = "html"
    )]
    struct RowsAlone {
        chart: RowChart,
    }

    fn drawn_rows(title: &str, bars: &[Bar]) -> String {
        let chart = rows(title, "c", bars);
        RowsAlone { chart }.render().unwrap()
    }

    fn drawn_columns(title: &str, bars: &[Bar]) -> String {
        let chart = columns(title, "c", bars);
        ColumnsAlone { chart }.render().unwrap()
    }

    fn bar(label: &str, value: u64) -> Bar {
        Bar {
            label: label.to_owned(),
            value,
            text: format!("{value} B"),
        }
    }

    #[test]
    fn the_longest_bar_fills_the_width_and_the_shortest_is_seen() {
        let svg = drawn_rows("t", &[bar("a", 100_000), bar("b", 1), bar("c", 0)]);
        assert!(svg.contains("width=\"100.00%\""), "{svg}");
        assert!(svg.contains("width=\"0.50%\""), "{svg}");
        assert!(svg.contains("width=\"0.00%\""), "{svg}");
    }

    #[test]
    fn of_many_columns_every_second_label_gives_way_and_the_last_never() {
        let bars: Vec<_> = (2010..2020).map(|y| bar(&y.to_string(), y)).collect();
        let svg = drawn_columns("t", &bars);
        assert_eq!(svg.matches("tick odd").count(), 5);
        assert!(svg.contains(">2010</text>"), "{svg}");
        let last = svg.lines().find(|line| line.contains(">2019</text>"));
        assert!(last.is_some_and(|line| !line.contains("odd")), "{svg}");
        let few = drawn_columns("t", &bars[..3]);
        assert!(!few.contains("odd"));
    }

    #[test]
    fn foreign_names_stay_text() {
        for draw in [drawn_rows, drawn_columns] {
            let svg = draw("<t>", &[bar("</svg><script>", 3)]);
            assert!(!svg.contains("<script>") && svg.contains("&#60;script&#62;"));
            assert!(svg.contains("aria-label=\"&#60;t&#62;\""));
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
        assert!(drawn_columns("t", &[]).contains("<svg"));
        let svg = drawn_rows("t", &[bar("a", 0)]);
        assert!(svg.contains("width=\"0.00%\""), "{svg}");
    }
}
