//! Charts whose lengths are shares of the width: text keeps its size on a phone. Their SVG is in
//! `templates/stats/charts.html`. A bar may lead to the messages that it is of.

use std::fmt::Write as _;

use crate::mail::markup::visible;

/// One value of a chart.
#[derive(Debug, Clone)]
pub(super) struct Bar {
    /// What it is of.
    pub(super) label: String,
    /// What stands below a column; below many it is nothing.
    pub(super) tick: String,
    /// Where it leads.
    pub(super) href: Option<String>,
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
/// Room for labels below columns in a narrow window, in letters; each needs one and a half more.
const CROWDED: usize = 34;
/// Stands where the axis leaves something out.
pub(super) const BREAK: &str = "…";
/// Labels below columns, about; of more, every so many-th is shown.
const TICKS: usize = 12;
/// Room of a label beside its value, in letters of a Latin script: in a narrow window, and in others.
const NARROW: usize = 26;
const WIDE: usize = 42;

/// A chart of upright columns.
#[derive(Debug)]
pub(crate) struct ColumnChart {
    pub(crate) title: String,
    pub(crate) class: &'static str,
    pub(crate) height: u32,
    pub(crate) foot: String,
    pub(crate) tick: u32,
    pub(crate) columns: Vec<ColumnBar>,
}

/// A column, in places of the picture.
#[derive(Debug)]
pub(crate) struct ColumnBar {
    /// Nothing to see but what stands below it.
    pub(crate) empty: bool,
    pub(crate) label: String,
    pub(crate) tick: String,
    /// To which side the label goes, at an end of the axis.
    pub(crate) side: &'static str,
    pub(crate) href: Option<String>,
    pub(crate) text: String,
    pub(crate) left: String,
    pub(crate) middle: String,
    pub(crate) top: String,
    pub(crate) width: String,
    pub(crate) tall: String,
    /// Where its value stands, if it is the highest.
    pub(crate) peak: Option<PeakText>,
    pub(crate) odd: bool,
}

/// Where the value of the highest column stands.
#[derive(Debug)]
pub(crate) struct PeakText {
    pub(crate) y: String,
    pub(crate) anchor: &'static str,
}

/// A chart of lying bars.
#[derive(Debug)]
pub(crate) struct RowChart {
    pub(crate) title: String,
    pub(crate) class: &'static str,
    pub(crate) height: u32,
    pub(crate) thick: u32,
    pub(crate) rows: Vec<RowBar>,
}

/// A lying bar, in places of the picture.
#[derive(Debug)]
pub(crate) struct RowBar {
    pub(crate) label: String,
    pub(crate) href: Option<String>,
    /// The label as far as it fits into a narrow window, and into others.
    pub(crate) short: String,
    pub(crate) long: String,
    pub(crate) text: String,
    pub(crate) line: u32,
    pub(crate) top: u32,
    pub(crate) share: String,
}

/// Upright columns, from left to right: for times.
pub(super) fn columns(title: &str, class: &'static str, bars: &[Bar]) -> ColumnChart {
    let most = most(bars);
    let highest = bars.iter().position(|bar| bar.value == most && most > 0);
    let slot = 100.0 / count(bars.len());
    let wide = (slot * 0.72).min(9.0);
    let ticks = bars.iter().filter(|bar| !bar.tick.is_empty()).count();
    let step = ticks.div_ceil(TICKS).max(1);
    let widest = bars.iter().map(|bar| bar.tick.chars().count()).max();
    let crowded = ticks.div_ceil(step) * (2 * widest.unwrap_or(0) + 3) > 2 * CROWDED;
    let mut ticks_left = ticks;
    let column = |(n, bar): (usize, &Bar)| {
        if !bar.tick.is_empty() {
            ticks_left -= 1;
        }
        let is_shown = ticks_left.is_multiple_of(step) || bar.tick == BREAK;
        let middle = slot * (count(n) + 0.5);
        let tall = f64::from(HEIGHT) * share(bar.value, most);
        // What is there is seen.
        let tall = if bar.value > 0 { tall.max(2.0) } else { 0.0 };
        let top = f64::from(ABOVE + HEIGHT) - tall;
        ColumnBar {
            empty: bar.value == 0,
            label: visible(&bar.label).into_owned(),
            side: side(middle, &bar.tick),
            tick: if is_shown {
                visible(&bar.tick).into_owned()
            } else {
                String::new()
            },
            href: bar.href.clone(),
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
            odd: crowded && !(ticks_left / step).is_multiple_of(2),
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
            short: fitted(&label, NARROW),
            long: fitted(&label, WIDE),
            label,
            href: bar.href.clone(),
            text: visible(&bar.text).into_owned(),
            line: y + 15,
            top: y + 22,
            share: percent(long),
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

/// How something grew, as a line over a time axis.
#[derive(Debug)]
pub(crate) struct LineChart {
    pub(crate) title: String,
    pub(crate) height: u32,
    /// The points of the line, in a picture that is [`LINE_WIDTH`] wide.
    pub(crate) line: String,
    pub(crate) area: String,
    /// How high a limit stands.
    pub(crate) limit: Option<String>,
    /// The ends of the axis.
    pub(crate) ends: (String, String),
    pub(crate) top: String,
}

/// Width of the picture of a line, which is stretched to that of the page.
const LINE_WIDTH: u32 = 1_000;
/// Points of a line, at most.
const POINTS: usize = 240;

/// A line through points in time, each a place on the axis and a value, with a limit across it.
/// Between two points it goes on at the value of the first.
pub(super) fn line(
    title: &str,
    points: &[(u32, u64)],
    limit: Option<u64>,
    (ends, top): ((String, String), String),
) -> LineChart {
    // One point has no way to go: the line is level.
    let level = points.first().filter(|_| points.len() == 1);
    let points: Vec<(u32, u64)> = points
        .iter()
        .copied()
        .chain(level.map(|(at, value)| (at + 1, *value)))
        .collect();
    let first = points.first().map_or(0, |(at, _)| *at);
    let span = points.last().map_or(0, |(at, _)| at - first).max(1);
    let most = points.iter().map(|(_, value)| *value).chain(limit).max();
    let y = |value: u64| {
        let high = f64::from(HEIGHT) * share(value, most.unwrap_or(0));
        pixels(f64::from(HEIGHT) - high)
    };
    let x = |at: u32| pixels(f64::from(LINE_WIDTH) * f64::from(at - first) / f64::from(span));
    // Of many points every so many-th is drawn, and the last.
    let step = points.len().div_ceil(POINTS).max(1);
    let drawn = |(n, point): (usize, &(u32, u64))| {
        let is_drawn = n % step == 0 || n + 1 == points.len();
        is_drawn.then_some(*point)
    };
    let mut line = String::new();
    let mut last = None;
    for (at, value) in points.iter().enumerate().filter_map(drawn) {
        let command = if last.is_none() { "M" } else { "L" };
        if let Some(last) = last {
            // Nothing came in between.
            let _ = write!(line, "L{},{} ", x(at), y(last));
        }
        let _ = write!(line, "{command}{},{} ", x(at), y(value));
        last = Some(value);
    }
    let foot = pixels(f64::from(HEIGHT));
    let area = match last {
        Some(_) => format!("{line}L{LINE_WIDTH},{foot} L0,{foot} Z"),
        None => String::new(),
    };
    LineChart {
        title: visible(title).into_owned(),
        height: HEIGHT,
        line: line.trim_end().to_owned(),
        area,
        limit: limit.map(y),
        ends,
        top,
    }
}

/// A share of the width.
fn percent(share: f64) -> String {
    format!("{share:.2}%")
}

fn pixels(length: f64) -> String {
    format!("{length:.1}")
}

/// The same of a label below a column.
fn side(middle: f64, text: &str) -> &'static str {
    match anchor(middle, text) {
        "middle" => "",
        "end" => " end",
        _ => " start",
    }
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

/// The beginning of a label that is too wide. Other scripts have letters of about twice the width.
fn fitted(label: &str, room: usize) -> String {
    let mut taken = 0;
    let fits = |c: &char| {
        taken += if u32::from(*c) < 0x1100 { 1 } else { 2 };
        taken <= room
    };
    let letters = label.chars().take_while(fits).count();
    cut(label, letters.max(2))
}

/// The beginning of a label that has too many letters.
pub(super) fn cut(label: &str, letters: usize) -> String {
    if label.chars().count() <= letters {
        return label.to_owned();
    }
    let mut short: String = label.chars().take(letters - 1).collect();
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
            tick: label.to_owned(),
            href: None,
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
    fn a_bar_leads_where_its_messages_are() {
        let mut bar = bar("a", 1);
        bar.href = Some("search.html#q=\"x".to_owned());
        for draw in [drawn_rows, drawn_columns] {
            let svg = draw("t", std::slice::from_ref(&bar));
            assert!(svg.contains("<a href=\"search.html#q=&#34;x\""), "{svg}");
        }
    }

    #[test]
    fn a_text_stays_in_the_picture() {
        assert_eq!(anchor(4.0, "5.0 MiB"), "start");
        assert_eq!(anchor(4.0, "25"), "middle");
        assert_eq!(anchor(96.0, "5.0 MiB"), "end");
    }

    #[test]
    fn a_line_stays_level_where_nothing_came() {
        let ends = || ((String::new(), String::new()), String::new());
        let chart = line("t", &[(24, 50), (30, 50), (34, 150)], Some(300), ends());
        assert_eq!(
            chart.line,
            "M0.0,125.0 L600.0,125.0 L600.0,125.0 L1000.0,125.0 L1000.0,75.0"
        );
        assert_eq!(chart.limit.as_deref(), Some("0.0"));
        assert!(
            chart.area.ends_with(" L1000,150.0 L0,150.0 Z"),
            "{}",
            chart.area
        );
        let one = line("t", &[(24, 50)], None, ends());
        assert_eq!(one.line, "M0.0,0.0 L1000.0,0.0 L1000.0,0.0");
        assert_eq!(
            one.area,
            "M0.0,0.0 L1000.0,0.0 L1000.0,0.0 L1000,150.0 L0,150.0 Z"
        );
        let none = line("t", &[], Some(5), ends());
        assert_eq!((&*none.line, &*none.area), ("", ""));
        let many: Vec<_> = (0..5_000).map(|n| (n, u64::from(n))).collect();
        let chart = line("t", &many, None, ends());
        assert!(chart.line.len() < 12_000 && chart.line.ends_with("L1000.0,0.0"));
    }

    #[test]
    fn nothing_at_all_is_an_empty_picture() {
        assert!(drawn_columns("t", &[]).contains("<svg"));
        let svg = drawn_rows("t", &[bar("a", 0)]);
        assert!(svg.contains("width=\"0.00%\""), "{svg}");
    }
}
