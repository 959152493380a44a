//! Plots, drawn on the server. Each also has its numbers as a table, and no two parts differ by
//! colour alone.

mod scale;

use maud::{Markup, PreEscaped, html};

pub(crate) use self::scale::ChartUnit;
use crate::render::untrusted_text::bare;

/// The size of a plot in its own units: a phone's width.
const WIDTH: f64 = 400.0;
const HEIGHT: f64 = 200.0;

/// The margins to the left of a plot and below it, for the labels of the axes.
const LEFT: f64 = 52.0;
const BELOW: f64 = 34.0;
const ABOVE: f64 = 12.0;

/// The number of styles: colours with patterns, and lines with markers.
const LOOKS: usize = 11;

/// The longest label inside a plot, in characters. The table has the whole label.
const LABEL: usize = 48;

/// A plot: for each position on the axis, a number of each series.
#[derive(Clone, Debug)]
pub(crate) struct PlotChart {
    /// The id of the plot within its page: letters only.
    pub(crate) id: String,
    pub(crate) title: String,
    /// The name of the axis with the positions, like `Time`.
    pub(crate) along: &'static str,
    pub(crate) labels: Vec<String>,
    pub(crate) measure: ChartUnit,
    pub(crate) series: Vec<Series>,
}

/// A series: one number at each position.
#[derive(Clone, Debug)]
pub(crate) struct Series {
    /// The style in which it is drawn, which is the same in every plot.
    pub(crate) style_index: usize,
    pub(crate) name: &'static str,
    /// The number at each position; `None` if it has none.
    pub(crate) numbers: Vec<Option<f64>>,
}

impl Series {
    /// Returns whether the plot has any data.
    pub(crate) fn is_there(&self) -> bool {
        self.numbers.iter().flatten().any(|number| *number > 0.0)
    }
}

impl PlotChart {
    /// Draws bars side by side, each with its parts stacked.
    pub(crate) fn columns(&self) -> Markup {
        let sums = (0..self.labels.len()).map(|index| self.sum(index));
        let scale = self.measure.scale(sums.fold(0.0, f64::max));
        let (plain_width, height) = (WIDTH - LEFT, HEIGHT - ABOVE - BELOW);
        let step = plain_width / count(self.labels.len().max(1));
        let drawn = html! {
            (self.grid(&scale))
            @for (place, label) in self.labels.iter().enumerate() {
                @for (style_index, name, number, before) in self.parts(place) {
                    @let tall = number / scale.top() * height;
                    @let y = HEIGHT - BELOW - before / scale.top() * height - tall;
                    (rect(
                        self,
                        style_index,
                        (LEFT + count(place) * step + step * 0.12, y),
                        (step * 0.76, tall),
                        &format!("{label}: {name} {}", self.measure.format(number)),
                    ))
                }
            }
            (self.below(step))
        };
        self.framed(HEIGHT, &drawn, self.series.len() > 1)
    }

    /// Draws a line for each series, each with its own marker.
    pub(crate) fn lines(&self) -> Markup {
        let all = self.series.iter().flat_map(|series| series.numbers.iter().flatten().copied());
        let scale = self.measure.scale(all.fold(0.0, f64::max));
        let (plain_width, height) = (WIDTH - LEFT, HEIGHT - ABOVE - BELOW);
        let step = plain_width / count(self.labels.len().max(1));
        let at = |index: usize, number: f64| {
            (
                LEFT + count(index) * step + step / 2.0,
                HEIGHT - BELOW - number / scale.top() * height,
            )
        };
        let drawn = html! {
            (self.grid(&scale))
            @for Series { style_index, name, numbers } in &self.series {
                @let points: Vec<(usize, f64)> = numbers
                    .iter()
                    .enumerate()
                    .filter_map(|(place, number)| Some((place, (*number)?)))
                    .collect();
                polyline class=(format!("line look{}", style_index % LOOKS))
                    points=(points
                        .iter()
                        .map(|(place, number)| {
                            let (x, y) = at(*place, *number);
                            format!("{x:.1},{y:.1}")
                        })
                        .collect::<Vec<_>>()
                        .join(" ")) {}
                @for (place, number) in &points {
                    @let (x, y) = at(*place, *number);
                    g class=(format!("point look{}", style_index % LOOKS)) {
                        title {
                            (self.labels.get(*place).map(String::as_str).unwrap_or_default()) ": "
                            (name) " " (self.measure.format(*number))
                        }
                        (marker(*style_index, x, y))
                    }
                }
            }
            (self.below(step))
        };
        self.framed(HEIGHT, &drawn, true)
    }

    /// Draws horizontal bars, each below its name, with its parts in a row.
    pub(crate) fn rows(&self) -> Markup {
        const ROW: f64 = 40.0;
        const RIGHT: f64 = 44.0;
        let sums: Vec<f64> = (0..self.labels.len()).map(|index| self.sum(index)).collect();
        let most = sums.iter().copied().fold(0.0, f64::max).max(1.0);
        let drawn = html! {
            @for (place, label) in self.labels.iter().enumerate() {
                @let y = count(place) * ROW;
                text.label x="0" y=(format!("{:.1}", y + 13.0)) { (cut(label)) }
                @let long = |number: f64| number / most * (WIDTH - RIGHT);
                @for (style_index, name, number, before) in self.parts(place) {
                    (rect(
                        self,
                        style_index,
                        (long(before), y + 18.0),
                        (long(number), 15.0),
                        &format!("{label}: {name} {}", self.measure.format(number)),
                    ))
                }
                text.number x=(format!("{:.1}", long(self.sum(place)) + 6.0))
                    y=(format!("{:.1}", y + 30.0))
                {
                    (self.measure.format(sums.get(place).copied().unwrap_or_default()))
                }
            }
        };
        self.framed((count(self.labels.len()) * ROW).max(ROW), &drawn, true)
    }

    /// Returns the parts of a bar: style, name, number, and the sum of the parts before.
    fn parts(&self, index: usize) -> Vec<(usize, &'static str, f64, f64)> {
        let (mut parts, mut before) = (Vec::new(), 0.0);
        for Series { style_index, name, numbers } in &self.series {
            let number = numbers.get(index).copied().flatten().unwrap_or_default();
            if number > 0.0 {
                parts.push((*style_index, *name, number, before));
                before += number;
            }
        }
        parts
    }

    fn sum(&self, index: usize) -> f64 {
        self.series.iter().filter_map(|series| series.numbers.get(index).copied().flatten()).sum()
    }

    /// Draws the numbers of the left axis, with grid lines.
    fn grid(&self, scale: &scale::Scale) -> Markup {
        let height = HEIGHT - ABOVE - BELOW;
        html! {
            g.axis {
                @for tick in scale.ticks() {
                    @let y = format!("{:.1}", HEIGHT - BELOW - tick / scale.top() * height);
                    line x1=(LEFT) x2=(WIDTH) y1=(y) y2=(y) {}
                    text x=(LEFT - 6.0) y=(y) dy="4" text-anchor="end" {
                        (self.measure.format(tick))
                    }
                }
            }
        }
    }

    /// Draws the labels of the bottom axis: some of the positions, and the name of the axis.
    fn below(&self, step: f64) -> Markup {
        let each = self.labels.len().div_ceil(5).max(1);
        html! {
            g.axis {
                @for (index, label) in
                    self.labels.iter().enumerate().filter(|(place, _)| place.is_multiple_of(each))
                {
                    @let x = format!("{:.1}", LEFT + count(index) * step + step / 2.0);
                    text x=(x) y=(HEIGHT - BELOW + 15.0) text-anchor="middle" { (cut(label)) }
                }
                text.name x=(f64::midpoint(LEFT, WIDTH)) y=(HEIGHT - 3.0) text-anchor="middle" {
                    (self.along)
                }
            }
        }
    }

    /// Renders the plot with its title, its legend, and its table of numbers.
    fn framed(&self, height: f64, drawn: &Markup, has_legend: bool) -> Markup {
        let id = &self.id;
        html! {
            figure.plot aria-labelledby=(format!("{id}-caption")) {
                figcaption #(format!("{id}-caption")) { (bare(&self.title)) }
                @if has_legend { (self.legend()) }
                svg.drawn viewBox=(format!("0 0 {WIDTH} \
                    {height}")) role="img" aria-labelledby=(format!("{id}-title {id}-desc")) {
                    title #(format!("{id}-title")) { (bare(&self.title)) }
                    desc #(format!("{id}-desc")) { (self.description()) }
                    defs {
                        @for Series { style_index, .. } in &self.series {
                            (pattern(&format!("{id}-look{style_index}"), *style_index))
                        }
                    }
                    (drawn)
                }
                (self.table())
            }
        }
    }

    /// Describes the plot for people who cannot see it.
    fn description(&self) -> String {
        let of = |Series { name, numbers, .. }: &Series| {
            let all = numbers.iter().flatten().copied();
            match self.measure {
                ChartUnit::Count => format!("{name} {} in total", self.measure.format(all.sum())),
                ChartUnit::Time => {
                    format!("{name} {} at most", self.measure.format(all.fold(0.0, f64::max)))
                }
            }
        };
        format!(
            "{}. The table below has all numbers.",
            self.series.iter().map(of).collect::<Vec<_>>().join(", ")
        )
    }

    fn legend(&self) -> Markup {
        html! {
            ul.legend aria-hidden="true" {
                @for Series { style_index, name, .. } in &self.series {
                    li {
                        svg.swatch viewBox="0 0 14 14" {
                            @let id = format!("{}-swatch{style_index}", self.id);
                            defs { (pattern(&id, *style_index)) }
                            rect class=(format!("part look{}", style_index % LOOKS)) x="1" y="1"
                                width="12" height="12" fill=(format!("url(#{id})")) {}
                        }
                        (name)
                    }
                }
            }
        }
    }

    fn table(&self) -> Markup {
        html! {
            details {
                summary { "The numbers" }
                // If it is wider than the page, the arrow keys scroll it.
                div.wide tabindex="0" role="group"
                    aria-label=(format!("{}: the numbers", bare(&self.title)))
                {
                    table {
                        caption.hidden { (bare(&self.title)) }
                        thead {
                            tr {
                                th scope="col" { (self.along) }
                                @for Series { name, .. } in &self.series {
                                    th scope="col" { (name) }
                                }
                            }
                        }
                        tbody {
                            @for (index, label) in self.labels.iter().enumerate() {
                                tr {
                                    th scope="row" { (crate::render::untrusted_text::plain(label)) }
                                    @for Series { numbers, .. } in &self.series {
                                        td {
                                            @match numbers.get(index).copied().flatten() {
                                                Some(number) => (self.measure.format(number)),
                                                None => "–",
                                            }
                                        }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Draws a part of a bar.
fn rect(
    plot: &PlotChart,
    style_index: usize,
    (x, y): (f64, f64),
    (wide, tall): (f64, f64),
    message: &str,
) -> Markup {
    html! {
        rect class=(format!("part look{}", style_index % LOOKS)) x=(format!("{x:.1}"))
            y=(format!("{y:.1}")) width=(format!("{wide:.1}")) height=(format!("{tall:.1}"))
            fill=(format!("url(#{}-look{style_index})", plot.id)) { title { (bare(message)) } }
    }
}

/// Draws the pattern that fills a part: a background in its colour, with lines or dots.
fn pattern(id: &str, style_index: usize) -> Markup {
    // These are constants, without any external input, so they need no escaping.
    let strokes = match style_index % LOOKS {
        0 => "",
        1 => r#"<path d="M-1 7L7 -1M3 9L9 3" class="stroke"/>"#,
        2 => concat!(
            r#"<circle cx="2" cy="2" r="1.3" class="dot"/>"#,
            r#"<circle cx="6" cy="6" r="1.3" class="dot"/>"#
        ),
        3 => r#"<path d="M0 0L8 8M8 0L0 8" class="stroke"/>"#,
        4 => r#"<path d="M0 2H8M0 6H8" class="stroke"/>"#,
        5 => r#"<path d="M2 0V8M6 0V8" class="stroke"/>"#,
        6 => r#"<path d="M-1 1L7 9M3 -1L9 5" class="stroke"/>"#,
        7 => r#"<path d="M0 4H8M4 0V8" class="stroke"/>"#,
        8 => r#"<path d="M0 4H8" class="stroke"/>"#,
        9 => r#"<path d="M0 0L4 4M8 0L4 4" class="stroke"/>"#,
        _ => r#"<path d="M2 2H6V6H2Z" class="stroke"/>"#,
    };
    html! {
        pattern id=(id) class=(format!("look{}", style_index % LOOKS)) width="8" height="8"
            patternUnits="userSpaceOnUse"
        {
            rect class="ground" width="8" height="8" {}
            (PreEscaped(strokes))
        }
    }
}

/// Draws a point of a line.
fn marker(style_index: usize, x: f64, y: f64) -> Markup {
    html! {
        @if style_index == 0 {
            circle cx=(format!("{x:.1}")) cy=(format!("{y:.1}")) r="3" {}
        } @else {
            rect x=(format!("{:.1}", x - 3.0)) y=(format!("{:.1}", y - 3.0)) width="6" height="6" {}
        }
    }
}

/// Shortens a label to the space that it has.
fn cut(label: &str) -> String {
    let shown = bare(label);
    if shown.chars().count() <= LABEL {
        shown
    } else {
        format!("{}…", shown.chars().take(LABEL - 1).collect::<String>())
    }
}

#[expect(clippy::cast_precision_loss, reason = "places in a plot are few")]
fn count(number: usize) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plot(labels: &[&str], numbers: &[f64]) -> PlotChart {
        let numbers = numbers.iter().map(|number| Some(*number)).collect();
        let indexes = labels.iter().map(|label| (*label).to_owned()).collect();
        PlotChart {
            id: "volume".into(),
            title: "Calls".into(),
            along: "Time",
            labels: indexes,
            measure: ChartUnit::Count,
            series: vec![
                Series { style_index: 0, name: "asked", numbers },
                Series { style_index: 1, name: "denied", numbers: vec![None, Some(1.0)] },
            ],
        }
    }

    #[test]
    fn a_plot_has_a_name_what_it_says_and_its_numbers() {
        let plot = plot(&["Monday", "Tuesday"], &[5.0, 0.0]);
        for drawn in [plot.columns(), plot.lines(), plot.rows()] {
            let drawn = drawn.into_string();
            for message in [
                "role=\"img\"",
                "<title id=\"volume-title\">Calls",
                "asked 5 in total",
                "<th scope=\"row\"><bdi>Monday</bdi></th><td>5</td><td>–</td>",
            ] {
                assert!(drawn.contains(message), "{message} {drawn}");
            }
            assert!(
                !drawn.contains("NaN") && !drawn.contains("inf") && !drawn.contains("style="),
                "{drawn}"
            );
        }
    }

    #[test]
    fn labels_are_text_and_so_long() {
        let hostile = format!("</text><script>\u{202e}{}", "a".repeat(500));
        for drawn in [plot(&[&hostile], &[1.0]).columns(), plot(&[&hostile], &[1.0]).rows()] {
            let drawn = drawn.into_string();
            assert!(
                !drawn.contains("<script>")
                    && !drawn.contains('\u{202e}')
                    && drawn.contains("\\u{202e}"),
                "{drawn}"
            );
        }
    }

    #[test]
    fn where_there_is_nothing_there_is_an_empty_plot() {
        for drawn in [plot(&[], &[]).columns(), plot(&[], &[]).lines(), plot(&["x"], &[0.0]).rows()]
        {
            assert!(!drawn.into_string().contains("NaN"));
        }
    }
}
