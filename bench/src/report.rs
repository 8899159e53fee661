//! The figures, their medians, what they are held against, and the one table of them.
//!
//! A figure may stand beside limits of the machine, which are figures themselves, measured in the same
//! run: its ratio is the median of the ratios of the runs. A mark is a value that a figure has to
//! reach, or a ratio.

/// One measurement.
#[derive(Debug, Clone)]
pub struct Figure {
    name: String,
    unit: &'static str,
    value: f64,
    mark: Option<Mark>,
    /// The limits that the figure is told beside, by name.
    limits: Vec<String>,
}

#[derive(Debug, Clone, Copy)]
enum Mark {
    Above(f64),
    Below(f64),
    /// The ratio to the first limit.
    RatioAbove(f64),
    RatioBelow(f64),
}

impl Figure {
    /// A figure without a mark.
    pub fn new(name: impl Into<String>, unit: &'static str, value: f64) -> Figure {
        Figure { name: name.into(), unit, value, mark: None, limits: Vec::new() }
    }

    /// The same, to be at least so much, if that is given.
    pub fn goal_above(self, goal: Option<f64>) -> Figure {
        Figure { mark: goal.map(Mark::Above), ..self }
    }

    /// The same, to be less than so much.
    pub fn goal_below(self, goal: f64) -> Figure {
        Figure { mark: Some(Mark::Below(goal)), ..self }
    }

    /// The same, told also as a share of a limit by its name.
    pub fn beside(mut self, limit: impl Into<String>) -> Figure {
        self.limits.push(limit.into());
        self
    }

    /// The same, to be at least so many times the first limit that it is beside.
    pub fn ratio_above(self, ratio: f64) -> Figure {
        Figure { mark: Some(Mark::RatioAbove(ratio)), ..self }
    }

    /// The same, to be at most so many times the first limit that it is beside.
    pub fn ratio_below(self, ratio: f64) -> Figure {
        Figure { mark: Some(Mark::RatioBelow(ratio)), ..self }
    }
}

/// How a table looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// For a file or a pipe.
    Plain,
    /// For a terminal: what is met in green, what is missed in red.
    Coloured,
    /// For a document.
    Markdown,
}

/// All figures of all runs, in the order in which they first came.
#[derive(Debug, Default)]
pub struct Report {
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    figure: Figure,
    values: Vec<f64>,
}

impl Report {
    /// Takes a figure in: another value of one that is there already, or a new one.
    pub fn add(&mut self, figure: Figure) {
        match self.rows.iter_mut().find(|row| row.figure.name == figure.name) {
            Some(row) => row.values.push(figure.value),
            None => self.rows.push(Row { values: vec![figure.value], figure }),
        }
    }

    /// Every figure in a table without colours.
    pub fn text(&self) -> String {
        self.table(Look::Plain, true)
    }

    /// The table; if it is not to be whole, only of figures with a mark or a limit, and of the limits.
    pub fn table(&self, look: Look, is_whole: bool) -> String {
        let head = ["figure", "value", "runs", "least to largest", "limit beside it", "ratio", "mark", ""];
        let mut lines: Vec<[String; 8]> = vec![head.map(str::to_owned)];
        let is_limit =
            |row: &Row| self.rows.iter().any(|other| other.figure.limits.contains(&row.figure.name));
        for row in &self.rows {
            if is_whole || row.figure.mark.is_some() || !row.figure.limits.is_empty() || is_limit(row) {
                self.put_lines(row, &mut lines);
            }
        }
        match look {
            Look::Markdown => markdown(&lines),
            Look::Plain | Look::Coloured => aligned(&lines, look == Look::Coloured),
        }
    }

    /// A line for a figure with its first limit, and one for each other limit.
    fn put_lines(&self, row: &Row, lines: &mut Vec<[String; 8]>) {
        let mut limits = row.figure.limits.iter().filter_map(|name| {
            let limit = self.rows.iter().find(|other| other.figure.name == *name)?;
            let value = format!("{}: {}", name.trim_start_matches("limit: "), limit.value_text());
            Some((value, short(ratio(row, limit))))
        });
        let (limit, share) = limits.next().unwrap_or_default();
        let range = match row.values.as_slice() {
            [] | [_] => String::new(),
            values => {
                let least = values.iter().copied().fold(f64::INFINITY, f64::min);
                let largest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                format!("{} to {}", short(least), short(largest))
            }
        };
        lines.push([
            row.figure.name.clone(),
            row.value_text(),
            row.values.len().to_string(),
            range,
            limit,
            share,
            row.figure.mark.map_or_else(String::new, |mark| mark.text(row.figure.unit)),
            self.verdict(row).to_owned(),
        ]);
        for (limit, share) in limits {
            let nothing = String::new;
            lines.push([nothing(), nothing(), nothing(), nothing(), limit, share, nothing(), nothing()]);
        }
    }

    fn verdict(&self, row: &Row) -> &'static str {
        let first_ratio = || {
            let name = row.figure.limits.first()?;
            Some(ratio(row, self.rows.iter().find(|other| other.figure.name == *name)?))
        };
        let is_met = match row.figure.mark {
            None => return "",
            Some(Mark::Above(mark)) => row.median() >= mark,
            Some(Mark::Below(mark)) => row.median() < mark,
            Some(Mark::RatioAbove(mark)) => first_ratio().is_some_and(|ratio| ratio >= mark),
            Some(Mark::RatioBelow(mark)) => first_ratio().is_some_and(|ratio| ratio <= mark),
        };
        if is_met { MET } else { MISSED }
    }

    /// Every figure as one JSON object, by name.
    pub fn json(&self) -> String {
        let rows: Vec<String> = self.rows.iter().map(|row| self.row_json(row)).collect();
        format!("{{{}}}\n", rows.join(","))
    }

    fn row_json(&self, row: &Row) -> String {
        let values: Vec<String> = row.values.iter().map(f64::to_string).collect();
        let mark = row.figure.mark.map_or_else(String::new, |mark| {
            let (name, value) = match mark {
                Mark::Above(value) => ("markAtLeast", value),
                Mark::Below(value) => ("markBelow", value),
                Mark::RatioAbove(value) => ("markRatioAtLeast", value),
                Mark::RatioBelow(value) => ("markRatioAtMost", value),
            };
            format!(r#","{name}":{value},"met":{}"#, self.verdict(row) == MET)
        });
        let ratios = row.figure.limits.iter().filter_map(|name| {
            let limit = self.rows.iter().find(|other| other.figure.name == *name)?;
            Some(format!(r#""{name}":{}"#, ratio(row, limit)))
        });
        let ratios = ratios.collect::<Vec<_>>().join(",");
        let ratios = if ratios.is_empty() { ratios } else { format!(r#","ratioTo":{{{ratios}}}"#) };
        format!(
            r#""{}":{{"median":{},"unit":"{}","values":[{}]{mark}{ratios}}}"#,
            row.figure.name,
            row.median(),
            row.figure.unit,
            values.join(",")
        )
    }
}

const MET: &str = "met";
const MISSED: &str = "MISSED";

impl Row {
    fn median(&self) -> f64 {
        median(self.values.clone())
    }

    fn value_text(&self) -> String {
        format!("{} {}", short(self.median()), self.figure.unit).trim_end().to_owned()
    }
}

impl Mark {
    fn text(self, unit: &str) -> String {
        match self {
            Mark::Above(mark) => format!("at least {} {unit}", short(mark)),
            Mark::Below(mark) => format!("under {} {unit}", short(mark)),
            Mark::RatioAbove(mark) => format!("at least {} of it", short(mark)),
            Mark::RatioBelow(mark) => format!("at most {} of it", short(mark)),
        }
    }
}

/// The middle of the values, or the mean of the two in the middle.
///
/// # Panics
///
/// If there are none.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 { values[middle] } else { (values[middle - 1] + values[middle]) / 2.0 }
}

/// The median of the ratios of the runs; where one of the two was measured in other runs, the ratio of
/// the medians.
fn ratio(row: &Row, limit: &Row) -> f64 {
    match row.values.len() == limit.values.len() {
        true => median(row.values.iter().zip(&limit.values).map(|(value, limit)| value / limit).collect()),
        false => row.median() / limit.median(),
    }
}

fn markdown(lines: &[[String; 8]]) -> String {
    let mut text = String::new();
    for (at, line) in lines.iter().enumerate() {
        text += &format!("| {} |\n", line.join(" | "));
        if at == 0 {
            text += "|---|---:|---:|---|---|---:|---|---|\n";
        }
    }
    text
}

fn aligned(lines: &[[String; 8]], is_coloured: bool) -> String {
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; 8] = std::array::from_fn(width);
    let mut text = String::new();
    for line in lines {
        let mut row = String::new();
        for (at, cell) in line.iter().enumerate() {
            let padding = " ".repeat(widths[at] - cell.chars().count());
            let cell = match cell.as_str() {
                MET if is_coloured => format!("\x1b[32m{cell}\x1b[0m"),
                MISSED if is_coloured => format!("\x1b[31m{cell}\x1b[0m"),
                _ => cell.clone(),
            };
            // Numbers end where those above and below them end.
            row += &match at {
                1 | 2 | 5 => format!("{padding}{cell}  "),
                _ => format!("{cell}{padding}  "),
            };
        }
        text += row.trim_end();
        text.push('\n');
    }
    text
}

/// Three digits or so, with commas between thousands.
pub fn short(number: f64) -> String {
    if number.abs() < 100.0 {
        let text = format!("{number:.2}");
        // What is whole is written as such.
        return text.strip_suffix(".00").unwrap_or(&text).to_owned();
    }
    let digits = format!("{number:.0}");
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        let mut report = Report::default();
        for value in [30.0, 10.0, 20.0] {
            report.add(Figure::new("limit: echo", "/s", value * 1000.0));
            report.add(Figure::new("start", "/s", value * 100.0).beside("limit: echo").ratio_above(0.5));
            report.add(Figure::new("idle", "ms", value).goal_below(25.0));
            report.add(Figure::new("beside nothing", "B", value));
        }
        report
    }

    #[test]
    fn a_figure_is_told_beside_its_limit_and_held_to_its_mark() {
        let rows = report().table(Look::Markdown, true);
        let row = "| start | 2,000 /s | 3 | 1,000 to 3,000 | echo: 20,000 /s | 0.10 | at least 0.50 of it | MISSED |";
        assert!(rows.contains(row), "{rows}");
        assert!(rows.contains("| idle | 20 ms | 3 | 10 to 30 |  |  | under 25 ms | met |"), "{rows}");
        assert!(report().json().contains(
            r#""start":{"median":2000,"unit":"/s","values":[3000,1000,2000],"markRatioAtLeast":0.5,"met":false,"ratioTo":{"limit: echo":0.1}}"#
        ));
    }

    #[test]
    fn the_ratio_is_that_of_the_runs() {
        let mut report = Report::default();
        // A machine that was slow once: the ratio of the medians would be 0.5.
        for (limit, value) in [(100.0, 80.0), (50.0, 40.0), (1_000.0, 40.0)] {
            report.add(Figure::new("limit", "/s", limit));
            report.add(Figure::new("figure", "/s", value).beside("limit"));
        }
        assert!(report.text().contains("0.80"), "{}", report.text());
    }

    #[test]
    fn a_short_table_has_what_has_a_mark_or_a_limit() {
        let short = report().table(Look::Plain, false);
        assert!(short.contains("limit: echo") && short.contains("idle") && !short.contains("beside nothing"));
    }

    #[test]
    fn colours_are_for_verdicts_on_terminals() {
        assert!(!report().text().contains('\x1b'));
        assert!(report().table(Look::Coloured, true).contains("\x1b[31mMISSED\x1b[0m"));
    }
}
