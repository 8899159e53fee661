//! `$formatNumber`: numbers by pictures, as XPath's `format-number` has them.

use super::Call;
use super::datetime::picture_cost;
use super::number::round_to;
use crate::error::{Raised, Step};
use crate::evaluate::Evaluator;
use crate::item::Item;
use crate::json;

/// The characters that mean something in a picture.
struct Properties {
    decimal_separator: String,
    grouping_separator: String,
    exponent_separator: String,
    minus_sign: String,
    percent: String,
    per_mille: String,
    zero_digit: String,
    digit: String,
    pattern_separator: String,
}

impl Properties {
    fn new(options: &Item) -> Properties {
        let mut properties = Properties {
            decimal_separator: ".".into(),
            grouping_separator: ",".into(),
            exponent_separator: "e".into(),
            minus_sign: "-".into(),
            percent: "%".into(),
            per_mille: "\u{2030}".into(),
            zero_digit: "0".into(),
            digit: "#".into(),
            pattern_separator: ";".into(),
        };
        for (name, item) in options.members() {
            let Some(text) = item.as_str() else { continue };
            let property = match &*name {
                "decimal-separator" => &mut properties.decimal_separator,
                "grouping-separator" => &mut properties.grouping_separator,
                "exponent-separator" => &mut properties.exponent_separator,
                "minus-sign" => &mut properties.minus_sign,
                "percent" => &mut properties.percent,
                "per-mille" => &mut properties.per_mille,
                "zero-digit" => &mut properties.zero_digit,
                "digit" => &mut properties.digit,
                "pattern-separator" => &mut properties.pattern_separator,
                _ => continue,
            };
            *property = text.to_owned();
        }
        properties
    }

    fn zero(&self) -> char {
        self.zero_digit.chars().next().unwrap_or('0')
    }

    /// Whether a character is a digit of the family that begins with the zero digit.
    fn is_digit(&self, character: char) -> bool {
        let zero = self.zero() as u32;
        (zero..zero + 10).contains(&(character as u32))
    }

    fn is(&self, property: &str, character: char) -> bool {
        let mut characters = property.chars();
        characters.next() == Some(character) && characters.next().is_none()
    }

    fn is_active(&self, character: char) -> bool {
        self.is_digit(character)
            || [
                &self.decimal_separator,
                &self.exponent_separator,
                &self.grouping_separator,
                &self.digit,
                &self.pattern_separator,
            ]
            .into_iter()
            .any(|property| self.is(property, character))
    }

    fn is_any_digit(&self, character: char) -> bool {
        self.is_digit(character) || self.is(&self.digit, character)
    }
}

/// A picture in its parts.
#[derive(Clone)]
struct Parts {
    prefix: String,
    suffix: String,
    active: String,
    mantissa: String,
    exponent: Option<String>,
    integer: String,
    fraction: String,
    picture: String,
}

/// What a picture asks for.
#[derive(Clone)]
struct Variables {
    integer_groups: Vec<usize>,
    regular_group: usize,
    integer_min: usize,
    scaling: usize,
    prefix: String,
    fraction_groups: Vec<usize>,
    fraction_min: usize,
    fraction_max: usize,
    exponent_min: usize,
    suffix: String,
    picture: String,
}

fn raise<T>(code: &'static str) -> Step<T> {
    Err(Raised::new(code))
}

fn split_parts(picture: &str, properties: &Properties) -> Step<Parts> {
    let is_edge = |character: char| {
        properties.is_active(character) && !properties.is(&properties.exponent_separator, character)
    };
    // A picture of passive characters alone makes the reference fail; to it, it has no mantissa.
    let Some(first) = picture.char_indices().find(|(_, c)| is_edge(*c)).map(|(at, _)| at) else {
        return raise("D3085");
    };
    let last = picture.char_indices().rev().find(|(_, c)| is_edge(*c));
    let suffix_from = last.map_or(picture.len(), |(at, character)| at + character.len_utf8());
    let active = &picture[first..suffix_from];
    let exponent_at = picture[first..]
        .find(&properties.exponent_separator)
        .map(|at| at + first)
        .filter(|at| *at <= suffix_from);
    let (mantissa, exponent) = match exponent_at {
        None => (active, None),
        // The reference counts from the picture's start but cuts the active part.
        Some(at) => {
            let at_chars = picture[..at].chars().count();
            (prefix_of(active, at_chars), Some(suffix_of(active, at_chars + 1).to_owned()))
        }
    };
    let suffix = &picture[suffix_from..];
    let (integer, fraction) = match mantissa.find(&properties.decimal_separator) {
        // Without a point the suffix stands for the fraction, as in the reference.
        None => (mantissa.to_owned(), suffix.to_owned()),
        Some(at) => (mantissa[..at].to_owned(), mantissa[at..].chars().skip(1).collect()),
    };
    Ok(Parts {
        prefix: picture[..first].to_owned(),
        suffix: suffix.to_owned(),
        active: active.to_owned(),
        mantissa: mantissa.to_owned(),
        exponent,
        integer,
        fraction,
        picture: picture.to_owned(),
    })
}

fn prefix_of(text: &str, characters: usize) -> &str {
    text.char_indices().nth(characters).map_or(text, |(at, _)| &text[..at])
}

fn suffix_of(text: &str, characters: usize) -> &str {
    text.char_indices().nth(characters).map_or("", |(at, _)| &text[at..])
}

fn occurs_twice(text: &str, part: &str) -> bool {
    text.find(part) != text.rfind(part)
}

/// The last rule that a picture breaks.
fn validate(parts: &Parts, properties: &Properties) -> Step<()> {
    let picture = &parts.picture;
    let mut error = None;
    let point = picture.find(&properties.decimal_separator);
    if occurs_twice(picture, &properties.decimal_separator) {
        error = Some("D3081");
    }
    if occurs_twice(picture, &properties.percent) {
        error = Some("D3082");
    }
    if occurs_twice(picture, &properties.per_mille) {
        error = Some("D3083");
    }
    let scaled = picture.contains(&properties.percent) || picture.contains(&properties.per_mille);
    if picture.contains(&properties.percent) && picture.contains(&properties.per_mille) {
        error = Some("D3084");
    }
    if !parts.mantissa.chars().any(|character| properties.is_any_digit(character)) {
        error = Some("D3085");
    }
    if parts.active.chars().any(|character| !properties.is_active(character)) {
        error = Some("D3086");
    }
    let grouping = |character: Option<char>| {
        character.is_some_and(|character| properties.is(&properties.grouping_separator, character))
    };
    match point {
        Some(at) => {
            if grouping(picture[..at].chars().next_back()) || grouping(picture[at..].chars().nth(1)) {
                error = Some("D3087");
            }
        }
        None => {
            if grouping(parts.integer.chars().next_back()) {
                error = Some("D3088");
            }
        }
    }
    if picture.contains(&properties.grouping_separator.repeat(2)) {
        error = Some("D3089");
    }
    let has_digit = |text: &str| text.chars().any(|character| properties.is_digit(character));
    if let Some(at) = parts.integer.find(&properties.digit)
        && has_digit(&parts.integer[..at])
    {
        error = Some("D3090");
    }
    if let Some(at) = parts.fraction.rfind(&properties.digit)
        && has_digit(&parts.fraction[at..])
    {
        error = Some("D3091");
    }
    if let Some(exponent) = &parts.exponent {
        if !exponent.is_empty() && scaled {
            error = Some("D3092");
        }
        if exponent.is_empty() || exponent.chars().any(|character| !properties.is_digit(character)) {
            error = Some("D3093");
        }
    }
    error.map_or(Ok(()), raise)
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// The distance at which groups repeat, or zero.
fn regular(positions: &[usize]) -> usize {
    let Some(factor) = positions.iter().copied().reduce(gcd) else { return 0 };
    let all = (1..=positions.len()).all(|index| positions.contains(&(index * factor)));
    if all { factor } else { 0 }
}

fn analyse(parts: &Parts, properties: &Properties) -> Variables {
    let groups = |part: &str, to_left: bool| {
        let mut positions = Vec::new();
        let characters: Vec<char> = part.chars().collect();
        let integer: Vec<char> = parts.integer.chars().collect();
        let find = |text: &[char], from: usize| {
            (from..text.len()).find(|at| properties.is(&properties.grouping_separator, text[*at]))
        };
        let mut next = find(&characters, 0);
        while let Some(at) = next {
            let at_most = at.min(characters.len());
            let side = if to_left { &characters[..at_most] } else { &characters[at_most..] };
            positions.push(side.iter().filter(|character| properties.is_any_digit(**character)).count());
            // The reference goes on in the integer part, whichever part this is.
            next = find(&integer, at + 1);
        }
        positions
    };
    let digits = |text: &str| text.chars().filter(|character| properties.is_digit(*character)).count();
    let any_digits =
        |text: &str| text.chars().filter(|character| properties.is_any_digit(*character)).count();
    let integer_groups = groups(&parts.integer, false);
    let scaling = digits(&parts.integer);
    let mut integer_min = scaling;
    let mut fraction_min = digits(&parts.fraction);
    let mut fraction_max = any_digits(&parts.fraction);
    let has_exponent = parts.exponent.is_some();
    if integer_min == 0 && fraction_max == 0 {
        if has_exponent {
            fraction_min = 1;
            fraction_max = 1;
        } else {
            integer_min = 1;
        }
    }
    if has_exponent && integer_min == 0 && parts.integer.contains(&properties.digit) {
        integer_min = 1;
    }
    if integer_min == 0 && fraction_min == 0 {
        fraction_min = 1;
    }
    Variables {
        regular_group: regular(&integer_groups),
        integer_groups,
        integer_min,
        scaling,
        prefix: parts.prefix.clone(),
        fraction_groups: groups(&parts.fraction, true),
        fraction_min,
        fraction_max,
        exponent_min: parts.exponent.as_deref().map_or(0, digits),
        suffix: parts.suffix.clone(),
        picture: parts.picture.clone(),
    }
}

/// The longest picture, in bytes: its length bounds the work and the result.
const PICTURE_MAX: usize = 1024;

pub(super) fn format_number(evaluator: &mut Evaluator<'_>, call: Call<'_>) -> Step<Item> {
    let Some(value) = call.number(0)? else { return Ok(Item::Undefined) };
    let Some(picture) = call.text(1)? else { return Err(Raised::index("T0410", 2, None)) };
    if picture.len() > PICTURE_MAX {
        return raise("D3080");
    }
    // Each group separator is looked for and put in by itself.
    evaluator.spend(2 * picture_cost(&picture) + picture_cost(&picture) / 4)?;
    let properties = Properties::new(call.arg(2));
    let pictures: Vec<&str> = if properties.pattern_separator.is_empty() {
        vec![&picture]
    } else {
        picture.split(&properties.pattern_separator).collect()
    };
    if pictures.len() > 2 {
        return raise("D3080");
    }
    let parts: Vec<Parts> =
        pictures.into_iter().map(|picture| split_parts(picture, &properties)).collect::<Step<_>>()?;
    parts.iter().try_for_each(|parts| validate(parts, &properties))?;
    let mut variables: Vec<Variables> = parts.iter().map(|parts| analyse(parts, &properties)).collect();
    if variables.len() == 1 {
        let mut negative = variables[0].clone();
        negative.prefix = format!("{}{}", properties.minus_sign, negative.prefix);
        variables.push(negative);
    }
    let chosen = &variables[usize::from(value.is_nan() || value < 0.0)];
    evaluator.text(write(value, chosen, &properties))
}

/// Digits of a size, in the family of the picture.
fn digits(value: f64, places: usize, properties: &Properties) -> Vec<char> {
    let text = json::to_fixed(value.abs(), places);
    let zero = properties.zero() as u32;
    let own = |digit: char| match digit.to_digit(10) {
        Some(number) if digit.is_ascii_digit() => char::from_u32(zero + number).unwrap_or(digit),
        _ => digit,
    };
    text.chars().map(own).collect()
}

fn write(value: f64, picture: &Variables, properties: &Properties) -> String {
    let adjusted = if picture.picture.contains(&properties.percent) {
        value * 100.0
    } else if picture.picture.contains(&properties.per_mille) {
        value * 1000.0
    } else {
        value
    };
    let mut mantissa = adjusted;
    let mut exponent = None;
    if picture.exponent_min > 0 {
        let max = 10f64.powi(picture.scaling as i32);
        let min = 10f64.powi(picture.scaling as i32 - 1);
        let mut power = 0;
        // A number that never gets there, like zero, makes the reference hang.
        while mantissa < min && power > -400 {
            mantissa *= 10.0;
            power -= 1;
        }
        while mantissa > max && power < 400 {
            mantissa /= 10.0;
            power += 1;
        }
        exponent = Some(power);
    }
    let rounded = round_to(mantissa, picture.fraction_max as f64);
    let zero = properties.zero();
    let separator = properties.decimal_separator.chars().next().unwrap_or('.');
    let grouping: Vec<char> = properties.grouping_separator.chars().collect();
    let mut text = digits(rounded, picture.fraction_max, properties);
    match text.iter().position(|character| *character == '.') {
        Some(at) => text[at] = separator,
        None => text.push(separator),
    }
    let leading = text.iter().take_while(|character| **character == zero).count();
    text.drain(..leading);
    while text.last() == Some(&zero) {
        text.pop();
    }
    let point_of = |text: &[char]| text.iter().position(|character| *character == separator).unwrap_or(0);
    let point = point_of(&text);
    let right = picture.fraction_min.saturating_sub(text.len().saturating_sub(point + 1));
    let left = picture.integer_min.saturating_sub(point);
    text.splice(0..0, std::iter::repeat_n(zero, left));
    text.extend(std::iter::repeat_n(zero, right));
    let mut point = point_of(&text);
    if let Some(groups) = point.saturating_sub(1).checked_div(picture.regular_group) {
        for group in 1..=groups {
            let at = point - group * picture.regular_group;
            text.splice(at..at, grouping.iter().copied());
        }
    } else {
        for position in &picture.integer_groups {
            // A place before the start counts from the end, as in the reference.
            let at = match point.checked_sub(*position) {
                Some(at) => at,
                None => (text.len() + point).saturating_sub(*position),
            };
            text.splice(at..at, grouping.iter().copied());
            point += 1;
        }
    }
    let point = point_of(&text);
    for position in &picture.fraction_groups {
        let at = (position + point + 1).min(text.len());
        text.splice(at..at, grouping.iter().copied());
    }
    let point = point_of(&text);
    if !picture.picture.contains(&properties.decimal_separator) || point + 1 == text.len() {
        text.pop();
    }
    let mut out: String = picture.prefix.clone();
    out.extend(text);
    if let Some(power) = exponent {
        let written = digits(f64::from(power), 0, properties);
        out.push_str(&properties.exponent_separator);
        if power < 0 {
            out.push_str(&properties.minus_sign);
        }
        out.extend(std::iter::repeat_n(zero, picture.exponent_min.saturating_sub(written.len())));
        out.extend(written);
    }
    out.push_str(&picture.suffix);
    out
}
