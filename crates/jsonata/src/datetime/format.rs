//! Moments as text.

use super::calendar::Moment;
use super::integer::{self, Primary, Separators, parse_int};
use super::picture::{self, DAYS, MONTHS, Marker, Names, Part};
use crate::error::{Raised, Step};

/// What `$fromMillis` writes without a picture.
const ISO: &str = "[Y0001]-[M01]-[D01]T[H01]:[m01]:[s01].[f001][Z01:01t]";

/// Writes a moment by a picture, at an offset written like `+0530`.
pub(crate) fn format(millis: f64, picture: Option<&str>, timezone: Option<&str>) -> Step<String> {
    let (hours, minutes) = match timezone {
        None => (0.0, 0.0),
        Some(text) => {
            let offset = parse_int(text);
            // Rounded apart, as in the reference: the hours down, the minutes towards zero.
            ((offset / 100.0).floor(), offset % 100.0)
        }
    };
    let parts = picture::analyse(picture.unwrap_or(ISO))?;
    let moment = Moment::at(millis + (60.0 * hours + minutes) * 60.0 * 1000.0);
    let mut out = String::new();
    for part in &parts {
        match part {
            Part::Literal(text) => out.push_str(text),
            Part::Marker(marker) => out.push_str(&component(&moment, marker, hours, minutes)?),
        }
    }
    Ok(out)
}

fn not_a_name<T>(component: char) -> Step<T> {
    Err(Raised::value("D3133", Some(component.to_string().into())))
}

fn component(moment: &Moment, marker: &Marker, hours: f64, minutes: f64) -> Step<String> {
    match marker.component {
        'Y' | 'M' | 'D' | 'd' | 'F' | 'W' | 'w' | 'X' | 'x' | 'H' | 'h' | 'm' | 's' | 'f' => {
            let mut value = moment.component(marker.component);
            if let ('Y', Some(digits)) = (marker.component, marker.digits) {
                value %= 10f64.powi(digits.min(400) as i32);
            }
            match (marker.names, &marker.format) {
                (Some(names), _) => name(marker, names, value),
                (None, Some(format)) => integer::format(value, format),
                (None, None) => not_a_name(marker.component),
            }
        }
        'Z' | 'z' => zone(marker, hours, minutes),
        'P' => {
            let text = if moment.component('P') == 1.0 { "pm" } else { "am" };
            Ok(if marker.names == Some(Names::Upper) { text.to_uppercase() } else { text.to_owned() })
        }
        'C' | 'E' => Ok("ISO".to_owned()),
        // A component that nobody knows is undefined, and is written so.
        _ => Ok("undefined".to_owned()),
    }
}

fn name(marker: &Marker, names: Names, value: f64) -> Step<String> {
    let found = match marker.component {
        'M' | 'x' if value >= 1.0 => MONTHS.get(value as usize - 1),
        'F' if value >= 1.0 => DAYS.get(value as usize),
        'M' | 'x' | 'F' => None,
        other => return not_a_name(other),
    };
    let found = match found {
        Some(found) => found,
        // What is no date has no names; JavaScript writes the word as long as it need not change it.
        None if names == Names::Title => &"undefined",
        None => return not_a_name(marker.component),
    };
    let mut text = match names {
        Names::Upper => found.to_uppercase(),
        Names::Lower => found.to_lowercase(),
        Names::Title => (*found).to_owned(),
    };
    if let Some(max) = marker.width_max {
        text.truncate(max);
    }
    Ok(text)
}

fn zone(marker: &Marker, hours: f64, minutes: f64) -> Step<String> {
    let Some(format) = &marker.format else { return not_a_name(marker.component) };
    let offset = hours * 100.0 + minutes;
    let is_regular = matches!(&format.primary, Primary::Decimal { separators: Separators::Regular(..), .. });
    let mut text = if is_regular {
        integer::format(offset, format)?
    } else {
        match format.mandatory {
            Some(1 | 2) => {
                let mut text = integer::format(hours, format)?;
                if minutes != 0.0 {
                    text.push(':');
                    text.push_str(&integer::format(minutes.floor(), &integer::analyse("00")?)?);
                }
                text
            }
            Some(3 | 4) => integer::format(offset, format)?,
            other => return Err(Raised::value("D3134", other.map(|digits| (digits as i64).into()))),
        }
    };
    if offset >= 0.0 {
        text.insert(0, '+');
    }
    if marker.component == 'z' {
        text.insert_str(0, "GMT");
    }
    if offset == 0.0 && marker.traditional {
        text = "Z".to_owned();
    }
    Ok(text)
}
