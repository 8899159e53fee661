//! The figures, their medians, and what they are held against.

/// One measurement.
#[derive(Debug, Clone)]
pub struct Figure {
    name: String,
    unit: &'static str,
    value: f64,
    goal: Option<Goal>,
    /// The limits of which the figure is told as a share.
    limits: Vec<String>,
}

#[derive(Debug, Clone, Copy)]
enum Goal {
    Above(f64),
    Below(f64),
}

impl Figure {
    /// A figure without a goal.
    pub fn new(name: impl Into<String>, unit: &'static str, value: f64) -> Figure {
        Figure { name: name.into(), unit, value, goal: None, limits: Vec::new() }
    }

    /// The same, to be at least so much, if that is given.
    pub fn goal_above(self, goal: Option<f64>) -> Figure {
        Figure { goal: goal.map(Goal::Above), ..self }
    }

    /// The same, to be less than so much.
    pub fn goal_below(self, goal: f64) -> Figure {
        Figure { goal: Some(Goal::Below(goal)), ..self }
    }

    /// The same, told also as a share of a limit by its name.
    pub fn beside(mut self, limit: impl Into<String>) -> Figure {
        self.limits.push(limit.into());
        self
    }
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

impl Row {
    fn median(&self) -> f64 {
        let mut values = self.values.clone();
        values.sort_by(f64::total_cmp);
        let middle = values.len() / 2;
        if values.len() % 2 == 1 { values[middle] } else { (values[middle - 1] + values[middle]) / 2.0 }
    }

    fn verdict(&self) -> &'static str {
        let is_met = match self.figure.goal {
            None => return "",
            Some(Goal::Above(goal)) => self.median() >= goal,
            Some(Goal::Below(goal)) => self.median() < goal,
        };
        if is_met { "met" } else { "MISSED" }
    }
}

impl Report {
    /// Takes a figure in: another value of one that is there already, or a new one.
    pub fn add(&mut self, figure: Figure) {
        match self.rows.iter_mut().find(|row| row.figure.name == figure.name) {
            Some(row) => row.values.push(figure.value),
            None => self.rows.push(Row { values: vec![figure.value], figure }),
        }
    }

    /// What share of each of its limits a figure reaches, with the names of the limits.
    fn shares<'a>(&'a self, row: &'a Row) -> impl Iterator<Item = (f64, &'a str)> {
        row.figure.limits.iter().filter_map(|name| {
            let limit = self.rows.iter().find(|other| other.figure.name == *name)?;
            Some((row.median() / limit.median(), name.as_str()))
        })
    }

    /// A table for a person: medians with the least and the largest value.
    pub fn text(&self) -> String {
        let mut text =
            format!("{:<56} {:>12} {:>4}  {}\n", "figure", "median", "", "least to largest; goal; limit");
        for row in &self.rows {
            let least = row.values.iter().copied().fold(f64::INFINITY, f64::min);
            let largest = row.values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            text += &format!("{:<56} {:>12} {:<4}", row.figure.name, short(row.median()), row.figure.unit);
            if row.values.len() > 1 {
                text += &format!("  {} to {}", short(least), short(largest));
            }
            match row.figure.goal {
                None => (),
                Some(Goal::Above(goal)) => text += &format!("; goal >= {}: {}", short(goal), row.verdict()),
                Some(Goal::Below(goal)) => text += &format!("; goal < {}: {}", short(goal), row.verdict()),
            }
            for (share, limit) in self.shares(row) {
                text += &format!("; {} of {limit}", short(share));
            }
            text.push('\n');
        }
        text
    }

    /// The same as a JSON object: the figures by name.
    pub fn json(&self) -> String {
        let rows: Vec<String> = self
            .rows
            .iter()
            .map(|row| {
                let values: Vec<String> = row.values.iter().map(f64::to_string).collect();
                let goal = match row.figure.goal {
                    None => String::new(),
                    Some(Goal::Above(goal)) => {
                        format!(r#","goalAtLeast":{goal},"met":{}"#, row.verdict() == "met")
                    }
                    Some(Goal::Below(goal)) => {
                        format!(r#","goalBelow":{goal},"met":{}"#, row.verdict() == "met")
                    }
                };
                let shares: Vec<String> =
                    self.shares(row).map(|(share, limit)| format!(r#""{limit}":{share}"#)).collect();
                let shares = match shares.is_empty() {
                    true => String::new(),
                    false => format!(r#","shareOf":{{{}}}"#, shares.join(",")),
                };
                format!(
                    r#""{}":{{"median":{},"unit":"{}","values":[{}]{goal}{shares}}}"#,
                    row.figure.name,
                    row.median(),
                    row.figure.unit,
                    values.join(",")
                )
            })
            .collect();
        format!("{{{}}}\n", rows.join(","))
    }
}

/// Three digits or so, with commas between thousands.
fn short(number: f64) -> String {
    if number.abs() < 100.0 {
        return format!("{number:.2}");
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

    #[test]
    fn the_median_of_all_runs_is_told_beside_its_limit() {
        let mut report = Report::default();
        for value in [30.0, 10.0, 20.0] {
            report.add(Figure::new("echo", "/s", value * 1000.0));
            report.add(Figure::new("start", "/s", value * 100.0).goal_above(Some(2_000.0)).beside("echo"));
        }
        let text = report.text();
        assert!(text.contains("20,000 /s    10,000 to 30,000"), "{text}");
        assert!(text.contains("goal >= 2,000: met; 0.10 of echo"), "{text}");
        assert!(report.json().contains(r#""start":{"median":2000,"unit":"/s","values":[3000,1000,2000],"goalAtLeast":2000,"met":true,"shareOf":{"echo":0.1}}"#));
    }
}
