//! Pictures of dates and times: `[Y0001]-[M01]-[D01]`.

use super::integer::{self, IntegerFormat, PICTURE_MAX, Primary, parse_int};
use crate::error::{Raised, Step};

#[derive(Debug, Clone)]
pub(crate) enum Part {
    Literal(String),
    Marker(Marker),
}

impl Part {
    /// How many digits are read at most, where that is said.
    pub fn digits(&self) -> usize {
        match self {
            Part::Literal(_) => 0,
            Part::Marker(marker) => marker.digits.unwrap_or(0).min(PICTURE_MAX),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Names {
    Lower,
    Upper,
    Title,
}

#[derive(Debug, Clone)]
pub(crate) struct Marker {
    pub component: char,
    pub names: Option<Names>,
    pub format: Option<IntegerFormat>,
    /// How many characters or digits at most.
    pub width_max: Option<usize>,
    /// How many digits of a year, month or day count.
    pub digits: Option<usize>,
    /// The second modifier is `t`: no offset is `Z`.
    pub traditional: bool,
}

pub(crate) const DAYS: [&str; 8] =
    ["", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
pub(crate) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

fn default_presentation(component: char) -> Option<&'static str> {
    Some(match component {
        'Y' | 'M' | 'D' | 'd' | 'W' | 'w' | 'X' | 'x' | 'H' | 'h' | 'f' => "1",
        'F' | 'P' | 'C' | 'E' => "n",
        'm' | 's' => "01",
        'Z' | 'z' => "01:01",
        _ => return None,
    })
}

fn literal(text: &str, parts: &mut Vec<Part>) {
    if !text.is_empty() {
        parts.push(Part::Literal(text.replace("]]", "]")));
    }
}

pub(crate) fn analyse(picture: &str) -> Step<Vec<Part>> {
    if picture.len() > PICTURE_MAX {
        return Err(Raised::new("D3135"));
    }
    let mut parts = Vec::new();
    let mut rest = picture;
    while let Some(open) = rest.find('[') {
        literal(&rest[..open], &mut parts);
        if rest[open + 1..].starts_with('[') {
            parts.push(Part::Literal("[".to_owned()));
            rest = &rest[open + 2..];
            continue;
        }
        let Some(length) = rest[open..].find(']') else { return Err(Raised::new("D3135")) };
        parts.push(Part::Marker(marker(&rest[open + 1..open + length])?));
        rest = &rest[open + length + 1..];
    }
    literal(rest, &mut parts);
    Ok(parts)
}

/// A width: none for `*`, and what is no number counts as none.
fn width(text: &str) -> Option<usize> {
    let width = parse_int(text);
    (text != "*" && width >= 0.0).then_some(width as usize)
}

fn marker(text: &str) -> Step<Marker> {
    let text: String = text.chars().filter(|character| !character.is_whitespace()).collect();
    let component = text.chars().next();
    let unknown = |component: Option<char>| {
        Raised::value("D3132", Some(component.map(String::from).unwrap_or_default().into()))
    };
    let Some(component) = component else { return Err(unknown(None)) };
    let body = &text[component.len_utf8()..];
    let (mut presentation, mut width_min, mut width_max) = (body, None, None);
    if let Some(comma) = body.rfind(',') {
        presentation = &body[..comma];
        let modifier = &body[comma + 1..];
        match modifier.find('-') {
            None => width_min = width(modifier),
            Some(dash) => {
                width_min = width(&modifier[..dash]);
                width_max = width(&modifier[dash + 1..]);
            }
        }
    } else if component == ',' {
        // The comma of `[,...]` is the component, the width's mark, and the presentation before it.
        presentation = ",";
    }
    let mut second = None;
    if presentation.is_empty() {
        presentation = default_presentation(component).ok_or_else(|| unknown(Some(component)))?;
    } else if presentation.chars().count() > 1
        && let Some(last @ ('a' | 't' | 'c' | 'o')) = presentation.chars().next_back()
    {
        second = Some(last);
        presentation = &presentation[..presentation.len() - 1];
    }
    let mut marker = Marker {
        component,
        names: None,
        format: None,
        width_max,
        digits: None,
        traditional: second == Some('t'),
    };
    if presentation.starts_with('n') {
        marker.names = Some(Names::Lower);
    } else if let Some(rest) = presentation.strip_prefix('N') {
        marker.names = Some(if rest.starts_with('n') { Names::Title } else { Names::Upper });
    } else if "YMDdFWwXxHhmsf".contains(component) {
        let pattern = match second {
            Some(second) => format!("{presentation};{second}"),
            None => presentation.to_owned(),
        };
        let mut format = integer::analyse(&pattern)?;
        if let (Some(min), Some(mandatory)) = (width_min, format.mandatory) {
            format.mandatory = Some(mandatory.max(min));
        }
        if "YMD".contains(component) {
            if let Some(max) = width_max {
                marker.digits = Some(max);
                format.mandatory = Some(max);
            } else if let (Primary::Decimal { optional, .. }, Some(mandatory)) =
                (&format.primary, format.mandatory)
                && mandatory + optional >= 2
            {
                marker.digits = Some(mandatory + optional);
            }
        }
        marker.format = Some(format);
    }
    if matches!(component, 'Z' | 'z') {
        marker.format = Some(integer::analyse(presentation)?);
    }
    Ok(marker)
}
