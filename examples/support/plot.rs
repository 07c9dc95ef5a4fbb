//! Pictures: a drawing area divided into panels with axes, lines, bands and points.

use std::{ops::Range, path::Path};

use plotters::{
    coord::{Shift, types::RangedCoordf64},
    prelude::*,
};

use super::Outcome;

pub const INK: RGBColor = RGBColor(38, 38, 38);
pub const BLUE: RGBColor = RGBColor(31, 119, 180);
pub const ORANGE: RGBColor = RGBColor(230, 126, 34);
pub const GREY: RGBColor = RGBColor(120, 120, 120);
pub const RED: RGBColor = RGBColor(192, 57, 43);
const GRID: RGBColor = RGBColor(232, 232, 232);

pub type Svg<'a> = SVGBackend<'a>;
pub type Area<'a> = DrawingArea<Svg<'a>, Shift>;

/// Creates an empty white picture at `path`, and its folder if necessary.
pub fn picture<'a>(path: &'a Path, size: (u32, u32)) -> Outcome<Area<'a>> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    }
    let area = SVGBackend::new(path, size).into_drawing_area();
    area.fill(&WHITE)?;
    Ok(area)
}

/// Writes the picture to its file.
pub fn finish(area: &Area, path: &Path) -> Outcome {
    area.present()
        .map_err(|e| format!("{}: {e}", path.display()))?;
    println!("picture: {}", path.display());
    Ok(())
}

/// A pair of axes.
pub struct Panel<'a> {
    chart: ChartContext<'a, Svg<'a>, Cartesian2d<RangedCoordf64, RangedCoordf64>>,
    labelled: bool,
}

impl<'a> Panel<'a> {
    /// Creates axes in `area` with a title. An axis with an empty label has no numbers.
    pub fn new(
        area: &Area<'a>,
        title: &str,
        [x_label, y_label]: [&str; 2],
        x: Range<f64>,
        y: Range<f64>,
    ) -> Outcome<Self> {
        let mut chart = ChartBuilder::on(area)
            .caption(title, ("sans-serif", 17).into_font().color(&INK))
            .margin(10)
            .margin_right(18)
            .x_label_area_size(42)
            .y_label_area_size(if y_label.is_empty() { 12 } else { 62 })
            .build_cartesian_2d(x, y)?;
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(GRID)
            .axis_style(INK)
            .label_style(("sans-serif", 13).into_font().color(&INK))
            .axis_desc_style(("sans-serif", 14).into_font().color(&INK))
            .x_desc(x_label)
            .y_desc(y_label)
            .x_labels(6)
            .y_labels(if y_label.is_empty() { 0 } else { 6 })
            .x_label_formatter(&|v| short(*v))
            .y_label_formatter(&|v| short(*v))
            .draw()?;
        Ok(Self {
            chart,
            labelled: false,
        })
    }

    /// Draws a line through `points`, which a NaN breaks. With an empty `label` it is left out of the legend.
    pub fn line(
        &mut self,
        points: impl IntoIterator<Item = [f64; 2]>,
        colour: RGBColor,
        width: u32,
        label: &str,
    ) -> Outcome {
        let points: Vec<_> = points.into_iter().collect();
        for part in points.split(|p| p[1].is_nan()) {
            let part = part.iter().map(|&[x, y]| (x, y));
            self.chart
                .draw_series(LineSeries::new(part, colour.stroke_width(width)))?;
        }
        self.legend(label, move |(x, y)| {
            PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(width.max(2))).into_dyn()
        })
    }

    /// Draws the surface between two lines, given as [x, low, high].
    pub fn band(
        &mut self,
        edges: impl IntoIterator<Item = [f64; 3]>,
        colour: RGBColor,
        opacity: f64,
        label: &str,
    ) -> Outcome {
        let edges: Vec<_> = edges.into_iter().collect();
        let low = edges.iter().map(|&[x, low, _]| (x, low));
        let high = edges.iter().rev().map(|&[x, _, high]| (x, high));
        let style = colour.mix(opacity).filled();
        let outline: Vec<_> = low.chain(high).collect();
        self.chart.draw_series([Polygon::new(outline, style)])?;
        self.legend(label, move |(x, y)| {
            Rectangle::new([(x, y - 5), (x + 18, y + 5)], style).into_dyn()
        })
    }

    /// Draws dots.
    pub fn points(
        &mut self,
        points: impl IntoIterator<Item = [f64; 2]>,
        colour: RGBColor,
        radius: u32,
        label: &str,
    ) -> Outcome {
        let style = colour.mix(0.75).filled();
        let dots = points
            .into_iter()
            .map(|[x, y]| Circle::new((x, y), radius, style));
        self.chart.draw_series(dots)?;
        self.legend(label, move |(x, y)| {
            Circle::new((x + 9, y), radius, style).into_dyn()
        })
    }

    /// Draws bars of equal width over `range`.
    pub fn histogram(
        &mut self,
        heights: &[f64],
        range: Range<f64>,
        colour: RGBColor,
        label: &str,
    ) -> Outcome {
        let width = (range.end - range.start) / heights.len() as f64;
        let style = colour.mix(0.45).filled();
        let bars = heights.iter().enumerate().map(|(i, height)| {
            let left = range.start + i as f64 * width;
            Rectangle::new([(left, 0.0), (left + width, *height)], style)
        });
        self.chart.draw_series(bars)?;
        self.legend(label, move |(x, y)| {
            Rectangle::new([(x, y - 5), (x + 18, y + 5)], style).into_dyn()
        })
    }

    fn legend<F>(&mut self, label: &str, sample: F) -> Outcome
    where
        F: Fn((i32, i32)) -> DynElement<'static, Svg<'a>, (i32, i32)> + 'a,
    {
        if label.is_empty() {
            return Ok(());
        }
        self.labelled = true;
        // In plotters a legend belongs to a series, here to an empty one.
        self.chart
            .draw_series(std::iter::empty::<Circle<(f64, f64), i32>>())?
            .label(label)
            .legend(sample);
        Ok(())
    }

    /// Draws the legend in the given corner.
    pub fn done(mut self, corner: SeriesLabelPosition) -> Outcome {
        if self.labelled {
            self.chart
                .configure_series_labels()
                .position(corner)
                .background_style(WHITE.mix(0.85))
                .border_style(GRID)
                .legend_area_size(26)
                .label_font(("sans-serif", 13).into_font().color(&INK))
                .draw()?;
        }
        Ok(())
    }
}

/// Formats a number with as many digits as an axis needs.
fn short(value: f64) -> String {
    let text = format!("{value:.4}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" {
        "0".into()
    } else {
        text.into()
    }
}

/// Returns the densities of `values` in `bins` bars over `range`.
pub fn density(values: impl IntoIterator<Item = f64>, range: &Range<f64>, bins: usize) -> Vec<f64> {
    let width = (range.end - range.start) / bins as f64;
    let mut heights = vec![0.0; bins];
    let mut count = 0.0;
    for value in values {
        count += 1.0;
        let bin = (value - range.start) / width;
        if bin >= 0.0 && bin < bins as f64 {
            heights[bin as usize] += 1.0;
        }
    }
    for height in &mut heights {
        *height /= count * width;
    }
    heights
}
