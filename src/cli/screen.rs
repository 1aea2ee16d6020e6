//! Stderr as it is seen: lines, and lines at its end that change. With `progress`, the only user
//! of indicatif.

use std::io::Write as _;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Columns of a terminal that says nothing of them.
const COLUMNS: usize = 80;

/// Stderr with bars at its end, which other lines must go round.
#[derive(Debug, Clone)]
pub(crate) struct Screen {
    bars: MultiProgress,
    shown: bool,
    pub(super) utf8: bool,
}

impl Screen {
    /// `bars`: they may be shown. `utf8`: with more than ASCII.
    pub(crate) fn new(bars: bool, utf8: bool) -> Self {
        let target = if bars {
            ProgressDrawTarget::stderr_with_hz(10)
        } else {
            ProgressDrawTarget::hidden()
        };
        Self {
            bars: MultiProgress::with_draw_target(target),
            shown: bars,
            utf8,
        }
    }

    /// Prints lines on stderr.
    pub(crate) fn say(&self, text: &str) {
        // If stderr is closed there is nobody left to tell.
        self.aside(|| {
            let _ = writeln!(std::io::stderr().lock(), "{text}");
        });
    }

    /// Does something while no bar is in the way.
    pub(crate) fn aside(&self, act: impl FnOnce()) {
        self.bars.suspend(act);
    }

    /// A line that changes, and is cut where the terminal ends.
    pub(super) fn bar(&self) -> Option<ProgressBar> {
        if !self.shown {
            return None;
        }
        let bar = self.bars.add(ProgressBar::no_length());
        bar.set_style(style());
        Some(bar)
    }
}

/// Columns of the terminal on stderr; it may change them at any time.
pub(super) fn columns() -> usize {
    let size = rustix::termios::tcgetwinsize(std::io::stderr()).ok();
    let columns = size.map(|size| usize::from(size.ws_col));
    columns.filter(|columns| *columns > 0).unwrap_or(COLUMNS)
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("{wide_msg}").expect("the template is sound, as a test shows")
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_template_is_sound() {
        let _ = super::style();
    }
}
