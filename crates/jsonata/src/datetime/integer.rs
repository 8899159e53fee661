//! Integers by pictures.

use super::words;
use crate::error::{Raised, Step};
use crate::json;

/// The longest picture, in bytes: its length bounds the work.
pub(crate) const PICTURE_MAX: usize = 1024;
/// The most digits that a picture may ask for.
const DIGITS_MAX: usize = 1024;
/// The largest number in Roman numerals; the reference runs out of stack before.
const ROMAN_MAX: f64 = 1e6;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Case {
    Upper,
    Lower,
    Title,
}

#[derive(Debug, Clone)]
pub(crate) enum Separators {
    /// One character, repeated at a distance.
    Regular(usize, char),
    /// Places from the right, rightmost first.
    Irregular(Vec<(usize, char)>),
}

#[derive(Debug, Clone)]
pub(crate) enum Primary {
    Decimal {
        zero: u32,
        optional: usize,
        separators: Separators,
    },
    Letters,
    Roman,
    Words,
    /// A numbering that the reference does not have either.
    Sequence(String),
}

#[derive(Debug, Clone)]
pub(crate) struct IntegerFormat {
    pub primary: Primary,
    pub case: Case,
    pub ordinal: bool,
    /// Digits written at least; in a date also for other numberings, where they mean nothing.
    pub mandatory: Option<usize>,
}

/// The zeros of the families of decimal digits.
const FAMILIES: [u32; 37] = [
    0x30, 0x0660, 0x06F0, 0x07C0, 0x0966, 0x09E6, 0x0A66, 0x0AE6, 0x0B66, 0x0BE6, 0x0C66, 0x0CE6, 0x0D66,
    0x0DE6, 0x0E50, 0x0ED0, 0x0F20, 0x1040, 0x1090, 0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80, 0x1A90, 0x1B50,
    0x1BB0, 0x1C40, 0x1C50, 0xA620, 0xA8D0, 0xA900, 0xA9D0, 0xA9F0, 0xAA50, 0xABF0, 0xFF10,
];

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

fn regular(separators: &[(usize, char)]) -> Option<(usize, char)> {
    let (_, character) = *separators.first()?;
    if separators.iter().any(|(_, other)| *other != character) {
        return None;
    }
    let places: Vec<usize> = separators.iter().map(|(place, _)| *place).collect();
    let factor = places.iter().copied().reduce(gcd)?;
    let all = (1..=places.len()).all(|index| places.contains(&(index * factor)));
    (all && factor > 0).then_some((factor, character))
}

pub(crate) fn analyse(picture: &str) -> Step<IntegerFormat> {
    if picture.len() > PICTURE_MAX {
        return Err(Raised::value("D3130", None));
    }
    let (primary, ordinal) = match picture.rfind(';') {
        None => (picture, false),
        Some(at) => (&picture[..at], picture[at + 1..].starts_with('o')),
    };
    let (kind, case) = match primary {
        "A" => (Primary::Letters, Case::Upper),
        "a" => (Primary::Letters, Case::Lower),
        "I" => (Primary::Roman, Case::Upper),
        "i" => (Primary::Roman, Case::Lower),
        "W" => (Primary::Words, Case::Upper),
        "Ww" => (Primary::Words, Case::Title),
        "w" => (Primary::Words, Case::Lower),
        _ => return decimal(primary, ordinal),
    };
    Ok(IntegerFormat { primary: kind, case, ordinal, mandatory: None })
}

fn decimal(picture: &str, ordinal: bool) -> Step<IntegerFormat> {
    let mut zero = None;
    let (mut mandatory, mut optional) = (0, 0);
    let mut separators = Vec::new();
    for character in picture.chars().rev() {
        let code = character as u32;
        if let Some(family) = FAMILIES.into_iter().find(|family| (*family..*family + 10).contains(&code)) {
            if *zero.get_or_insert(family) != family {
                return Err(Raised::new("D3131"));
            }
            mandatory += 1;
        } else if character == '#' {
            optional += 1;
        } else {
            separators.push((mandatory + optional, character));
        }
    }
    let Some(zero) = zero else {
        let primary = Primary::Sequence(picture.to_owned());
        return Ok(IntegerFormat { primary, case: Case::Lower, ordinal, mandatory: None });
    };
    let separators = match regular(&separators) {
        Some((distance, character)) => Separators::Regular(distance, character),
        None => Separators::Irregular(separators),
    };
    let primary = Primary::Decimal { zero, optional, separators };
    Ok(IntegerFormat { primary, case: Case::Lower, ordinal, mandatory: Some(mandatory) })
}

fn sequence<T>(token: &str) -> Step<T> {
    Err(Raised::value("D3130", Some(token.into())))
}

/// Writes a whole number.
pub(crate) fn format(number: f64, format: &IntegerFormat) -> Step<String> {
    let size = number.abs();
    let text = match &format.primary {
        Primary::Letters => words::to_letters(size, if format.case == Case::Upper { 'A' } else { 'a' }),
        Primary::Roman => {
            if size > ROMAN_MAX {
                return Err(Raised::value("D1001", crate::item::Item::number(number).shown()));
            }
            let numerals = words::to_roman(size);
            if format.case == Case::Upper { numerals.to_uppercase() } else { numerals }
        }
        Primary::Words => {
            let words = words::number_to_words(size, format.ordinal);
            match format.case {
                Case::Upper => words.to_uppercase(),
                Case::Lower => words.to_lowercase(),
                Case::Title => words,
            }
        }
        Primary::Decimal { zero, separators, .. } => {
            digits(size, *zero, separators, format.mandatory.unwrap_or(0), format.ordinal)?
        }
        Primary::Sequence(token) => return sequence(token),
    };
    Ok(if number < 0.0 { format!("-{text}") } else { text })
}

fn digits(size: f64, zero: u32, separators: &Separators, mandatory: usize, ordinal: bool) -> Step<String> {
    if mandatory > DIGITS_MAX {
        return Err(Raised::value("D3130", None));
    }
    let written = json::number(size);
    let mut text: Vec<char> = std::iter::repeat_n('0', mandatory.saturating_sub(written.len())).collect();
    text.extend(written.chars());
    if zero != 0x30 {
        let shift = |character: char| char::from_u32(character as u32 + zero - 0x30).unwrap_or(character);
        text = text.into_iter().map(shift).collect();
    }
    match separators {
        Separators::Regular(distance, character) => {
            let groups = (text.len() - 1) / distance;
            for group in (1..=groups).rev() {
                let at = text.len() - group * distance;
                text.insert(at, *character);
            }
        }
        Separators::Irregular(separators) => {
            for (place, character) in separators.iter().rev() {
                match text.len().checked_sub(*place) {
                    Some(at) => text.insert(at, *character),
                    // A place left of the number cuts off its front in the reference.
                    None => {
                        let kept = (place - text.len()).min(text.len());
                        text.drain(..text.len() - kept);
                        text.insert(0, *character);
                    }
                }
            }
        }
    }
    let mut out: String = text.iter().collect();
    if ordinal {
        let teen = text.len() > 1 && text[text.len() - 2] == '1';
        out.push_str(match text.last() {
            Some('1') if !teen => "st",
            Some('2') if !teen => "nd",
            Some('3') if !teen => "rd",
            _ => "th",
        });
    }
    Ok(out)
}

/// `parseInt`: as much of a text as is a whole number.
pub(crate) fn parse_int(text: &str) -> f64 {
    let text = text.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (radix, text) = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(rest) => (16, rest),
        None => (10, text),
    };
    let length = text.chars().take_while(|digit| digit.is_digit(radix)).count();
    if length == 0 {
        return f64::NAN;
    }
    let size = if radix == 10 {
        text[..length].parse().unwrap_or(f64::NAN)
    } else {
        text[..length].chars().fold(0.0, |sum, digit| sum * 16.0 + f64::from(digit.to_digit(16).unwrap_or(0)))
    };
    if negative { -size } else { size }
}

/// Reads a number that was written by a picture. What does not fit is not a number.
pub(crate) fn parse(text: &str, format: &IntegerFormat) -> Step<f64> {
    let upper = format.case == Case::Upper;
    Ok(match &format.primary {
        Primary::Letters => words::from_letters(text, if upper { 'A' } else { 'a' }),
        Primary::Roman if upper => words::from_roman(text),
        Primary::Roman => words::from_roman(&text.to_uppercase()),
        Primary::Words => words::words_to_number(&text.to_lowercase()),
        Primary::Decimal { zero, separators, .. } => {
            let mut digits: String = text.to_owned();
            if format.ordinal {
                let kept = digits.chars().count().saturating_sub(2);
                digits = digits.chars().take(kept).collect();
            }
            match separators {
                // The reference takes commas out, whatever the separator is.
                Separators::Regular(..) => digits = digits.replace(',', ""),
                Separators::Irregular(separators) => {
                    digits.retain(|digit| !separators.iter().any(|(_, character)| *character == digit));
                }
            }
            if *zero != 0x30 {
                let back =
                    |digit: char| char::from_u32((digit as u32 + 0x30).wrapping_sub(*zero)).unwrap_or(' ');
                digits = digits.chars().map(back).collect();
            }
            parse_int(&digits)
        }
        Primary::Sequence(token) => return sequence(token),
    })
}
