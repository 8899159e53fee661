//! Text as moments.

use std::sync::OnceLock;

use regex::{Regex, RegexBuilder};

use super::calendar::{self, DAY, Moment};
use super::integer::{self, Case, IntegerFormat, Primary, Separators, parse_int};
use super::picture::{self, DAYS, MONTHS, Marker, Part};
use super::words::word_values;
use crate::error::{Raised, Step};
use crate::evaluate::Evaluator;

/// The moment that an ISO 8601 text names; `None` if it is no such text, and not a number if it is one
/// that names no moment. A time without an offset is in UTC, as on a machine whose clock is.
pub(crate) fn iso(text: &str) -> Option<f64> {
    static ISO: OnceLock<Regex> = OnceLock::new();
    static PARTS: OnceLock<Regex> = OnceLock::new();
    let iso = ISO.get_or_init(|| {
        let pattern = r"^[0-9]{4}(-[01][0-9])*(-[0-3][0-9])*(T[0-2][0-9]:[0-5][0-9]:[0-5][0-9])*(\.[0-9]+)?([+-][0-2][0-9]:?[0-5][0-9]|Z)?$";
        Regex::new(pattern).expect("the pattern of ISO 8601 is right")
    });
    if !iso.is_match(text) {
        return None;
    }
    let parts = PARTS.get_or_init(|| {
        let pattern = r"^([0-9]{4})(?:-([01][0-9]))?(?:-([0-3][0-9]))?(?:T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]+))?)?(?:([+-])([0-9]{2}):?([0-9]{2})|Z)?$";
        Regex::new(pattern).expect("the pattern of ISO 8601 in parts is right")
    });
    let Some(found) = parts.captures(text) else { return Some(f64::NAN) };
    let number = |group: usize, default: f64| {
        found.get(group).map_or(default, |digits| digits.as_str().parse().unwrap_or(f64::NAN))
    };
    let has_time = found.get(4).is_some();
    if found.get(8).is_some() && !has_time && found.get(2).is_some() {
        return Some(f64::NAN);
    }
    let (month, day) = (number(2, 1.0), number(3, 1.0));
    let (hour, minute, second) = (number(4, 0.0), number(5, 0.0), number(6, 0.0));
    let fraction = found.get(7).map_or("", |digits| digits.as_str());
    let milli: f64 = format!("{:0<3}", &fraction[..fraction.len().min(3)]).parse().unwrap_or(0.0);
    let midnight = hour == 24.0 && minute == 0.0 && second == 0.0 && milli == 0.0;
    if !(1.0..=12.0).contains(&month) || !(1.0..=31.0).contains(&day) || (hour > 23.0 && !midnight) {
        return Some(f64::NAN);
    }
    let sign = if found.get(8).is_some_and(|sign| sign.as_str() == "-") { -1.0 } else { 1.0 };
    let offset = sign * (number(9, 0.0) * 60.0 + number(10, 0.0)) * 60_000.0;
    let of_day = hour * 3_600_000.0 + minute * 60_000.0 + second * 1_000.0 + milli - offset;
    Some(calendar::exact(number(1, f64::NAN), month - 1.0, day, of_day))
}

/// What a part of a picture matches.
fn pattern(part: &Part) -> Step<String> {
    match part {
        Part::Literal(text) => Ok(regex::escape(text)),
        Part::Marker(marker) => match (&marker.format, marker.component) {
            (Some(format), 'Z' | 'z') => {
                let mut out = String::from(if marker.component == 'z' { "GMT" } else { "" });
                out.push_str("[-+][0-9]+");
                if let Some(separator) = zone_separator(format) {
                    // The reference does not escape it, but it is no letter of a pattern in practice.
                    out.push_str(&regex::escape(&separator.to_string()));
                    out.push_str("[0-9]+");
                }
                Ok(out)
            }
            (Some(format), _) => integer_pattern(format, marker.digits),
            (None, 'M' | 'x' | 'F' | 'P') => Ok("[a-zA-Z]+".to_owned()),
            (None, other) => Err(Raised::value("D3133", Some(other.to_string().into()))),
        },
    }
}

fn zone_separator(format: &IntegerFormat) -> Option<char> {
    match &format.primary {
        Primary::Decimal { separators: Separators::Regular(_, character), .. } => Some(*character),
        _ => None,
    }
}

fn integer_pattern(format: &IntegerFormat, digits: Option<usize>) -> Step<String> {
    let upper = format.case == Case::Upper;
    Ok(match &format.primary {
        Primary::Letters if upper => "[A-Z]+".to_owned(),
        Primary::Letters => "[a-z]+".to_owned(),
        Primary::Roman if upper => "[MDCLXVI]+".to_owned(),
        Primary::Roman => "[mdclxvi]+".to_owned(),
        Primary::Words => {
            let words: Vec<String> = word_values().into_iter().map(|(word, _)| word).collect();
            format!("(?:{}|and|[\\-, ])+", words.join("|"))
        }
        Primary::Decimal { optional, .. } => {
            let occurrences = match digits.filter(|digits| *digits > 0) {
                None => "+".to_owned(),
                Some(digits) if *optional == 0 => format!("{{{digits}}}"),
                Some(digits) => format!("{{{},{digits}}}", digits.saturating_sub(*optional)),
            };
            let suffix = if format.ordinal { "(?:th|st|nd|rd)" } else { "" };
            format!("[0-9]{occurrences}{suffix}")
        }
        Primary::Sequence(token) => return Err(Raised::value("D3130", Some(token.as_str().into()))),
    })
}

/// The value of a part of a text; `None` where a name is not known.
fn value(marker: &Marker, text: &str) -> Step<Option<f64>> {
    let cut = |name: &str| match marker.width_max {
        Some(max) if max > 0 => name.chars().take(max).collect(),
        _ => name.to_owned(),
    };
    match (&marker.format, marker.component) {
        (Some(format), 'Z' | 'z') => {
            let text = if marker.component == 'z' { text.get(3..).unwrap_or("") } else { text };
            let (hours, minutes) = match zone_separator(format) {
                Some(separator) => {
                    let (hours, minutes) = text.split_once(separator).unwrap_or(("", text));
                    (parse_int(hours), parse_int(minutes))
                }
                None if text.len() <= 3 => (parse_int(text), 0.0),
                None => (parse_int(&text[..3]), parse_int(&text[3..])),
            };
            Ok(Some(hours * 60.0 + minutes))
        }
        (Some(format), _) => integer::parse(text, format).map(Some),
        (None, 'P') => Ok(match text {
            "am" | "AM" => Some(0.0),
            "pm" | "PM" => Some(1.0),
            _ => None,
        }),
        (None, 'F') => Ok(DAYS.iter().skip(1).rposition(|name| cut(name) == text).map(|at| (at + 1) as f64)),
        (None, _) => Ok(MONTHS.iter().rposition(|name| cut(name) == text).map(|at| (at + 1) as f64)),
    }
}

/// What a text gave for each component.
struct Components(Vec<(char, Option<f64>)>);

impl Components {
    fn get(&self, component: char) -> Option<f64> {
        self.0.iter().find(|(known, _)| *known == component).and_then(|(_, value)| *value)
    }

    fn set(&mut self, component: char, value: Option<f64>) {
        match self.0.iter_mut().find(|(known, _)| *known == component) {
            Some((_, known)) => *known = value,
            None => self.0.push((component, value)),
        }
    }

    /// Whether at least one of `own` is given and none of the rest of `all`. Zero counts as not given.
    fn is_type(&self, all: &str, own: &str) -> bool {
        let given: Vec<char> = all
            .chars()
            .filter(|component| self.get(*component).is_some_and(|value| value != 0.0 && !value.is_nan()))
            .collect();
        !given.is_empty() && given.iter().all(|component| own.contains(*component))
    }
}

/// Reads a text by a picture: `None` if it does not match or nothing was asked for. What is missing is
/// taken from `now` before the first part that is given, and is the least possible after the last.
pub(crate) fn by_picture(text: &str, picture: &str, evaluator: &mut Evaluator<'_>) -> Step<Option<f64>> {
    let parts = picture::analyse(picture)?;
    let patterns: Vec<String> = parts.iter().map(pattern).collect::<Step<_>>()?;
    let whole: String = patterns.iter().map(|pattern| format!("({pattern})")).collect();
    let digits: usize = parts.iter().map(Part::digits).sum();
    evaluator.spend(1_000 + (whole.len() + digits) as u64 * 16)?;
    let matcher =
        RegexBuilder::new(&format!("^{whole}$")).case_insensitive(true).size_limit(128 * 1024).build();
    let Ok(matcher) = matcher else { return Err(Raised::new("D3136")) };
    let Some(found) = matcher.captures(text) else { return Ok(None) };
    let mut components = Components(Vec::new());
    for (index, part) in parts.iter().enumerate() {
        if let Part::Marker(marker) = part {
            let text = found.get(index + 1).map_or("", |group| group.as_str());
            components.set(marker.component, value(marker, text)?);
        }
    }
    if components.0.is_empty() {
        return Ok(None);
    }
    let date = "YXMxWwdD";
    let date_a = components.is_type(date, "YMD");
    let date_b = !date_a && components.is_type(date, "Yd");
    let date_c = components.is_type(date, "XxwF");
    let date_d = !date_c && components.is_type(date, "XW");
    let time_a = components.is_type("PHhmsf", "Hmsf");
    let time_b = !time_a && components.is_type("PHhmsf", "Phmsf");
    let date_parts = if date_b {
        "YD"
    } else if date_c {
        "XxwF"
    } else if date_d {
        "XWF"
    } else {
        "YMD"
    };
    let now = Moment::at(evaluator.environment.now as f64);
    let (mut started, mut ended) = (false, false);
    for component in date_parts.chars().chain(if time_b { "Phmsf" } else { "Hmsf" }.chars()) {
        if components.get(component).is_some() {
            started = true;
            if ended {
                return Err(Raised::new("D3136"));
            }
        } else if started {
            components.set(component, Some(if "MDd".contains(component) { 1.0 } else { 0.0 }));
            ended = true;
        } else {
            components.set(component, Some(now.component(component)));
        }
    }
    // Weeks are not supported in reading, by the reference either.
    if date_c || date_d {
        return Err(Raised::new("D3136"));
    }
    let get = |component: char| components.get(component).unwrap_or(f64::NAN);
    let year = get('Y');
    let mut month = if get('M') > 0.0 { get('M') - 1.0 } else { 0.0 };
    let mut day = get('D');
    if date_b {
        let first = calendar::utc(year, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0);
        let derived = Moment::at(first + (get('d') - 1.0) * DAY);
        month = derived.month;
        day = derived.day;
    }
    let mut hour = get('H');
    if time_b {
        hour = if get('h') == 12.0 { 0.0 } else { get('h') };
        if get('P') == 1.0 {
            hour += 12.0;
        }
    }
    let mut millis = calendar::utc(year, month, day, hour, get('m'), get('s'), get('f'));
    let given = |component: char| components.get(component).filter(|value| *value != 0.0 && !value.is_nan());
    if let Some(offset) = given('Z').or_else(|| given('z')) {
        millis -= offset * 60_000.0;
    }
    Ok(Some(millis))
}
