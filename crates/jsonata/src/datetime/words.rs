//! Integers as English words, Roman numerals and letters.

const FEW: [&str; 20] = [
    "Zero",
    "One",
    "Two",
    "Three",
    "Four",
    "Five",
    "Six",
    "Seven",
    "Eight",
    "Nine",
    "Ten",
    "Eleven",
    "Twelve",
    "Thirteen",
    "Fourteen",
    "Fifteen",
    "Sixteen",
    "Seventeen",
    "Eighteen",
    "Nineteen",
];
const ORDINALS: [&str; 20] = [
    "Zeroth",
    "First",
    "Second",
    "Third",
    "Fourth",
    "Fifth",
    "Sixth",
    "Seventh",
    "Eighth",
    "Ninth",
    "Tenth",
    "Eleventh",
    "Twelfth",
    "Thirteenth",
    "Fourteenth",
    "Fifteenth",
    "Sixteenth",
    "Seventeenth",
    "Eighteenth",
    "Nineteenth",
];
const DECADES: [&str; 9] =
    ["Twenty", "Thirty", "Forty", "Fifty", "Sixty", "Seventy", "Eighty", "Ninety", "Hundred"];
const MAGNITUDES: [&str; 4] = ["Thousand", "Million", "Billion", "Trillion"];

/// A whole number from zero on in words: `One Hundred and Two`.
pub(crate) fn number_to_words(number: f64, ordinal: bool) -> String {
    if !number.is_finite() {
        return crate::json::number(number);
    }
    let mut out = String::new();
    write(number, false, ordinal, &mut out);
    out
}

fn write(number: f64, follows: bool, ordinal: bool, out: &mut String) {
    if number <= 19.0 {
        out.push_str(if follows { " and " } else { "" });
        let words = if ordinal { &ORDINALS } else { &FEW };
        out.push_str(words[number.max(0.0) as usize]);
    } else if number < 100.0 {
        out.push_str(if follows { " and " } else { "" });
        let rest = number % 10.0;
        out.push_str(DECADES[(number / 10.0) as usize - 2]);
        if rest > 0.0 {
            out.push('-');
            write(rest, false, ordinal, out);
        } else if ordinal {
            out.pop();
            out.push_str("ieth");
        }
    } else {
        out.push_str(if follows { ", " } else { "" });
        let rest = if number < 1000.0 {
            out.push_str(FEW[(number / 100.0) as usize]);
            out.push_str(" Hundred");
            number % 100.0
        } else {
            let magnitude = ((number.log10() / 3.0).floor() as usize).min(MAGNITUDES.len());
            let factor = 10f64.powi(magnitude as i32 * 3);
            let mantissa = (number / factor).floor();
            write(mantissa, false, false, out);
            out.push(' ');
            out.push_str(MAGNITUDES[magnitude.max(1) - 1]);
            number - mantissa * factor
        };
        if rest > 0.0 {
            write(rest, true, ordinal, out);
        } else if ordinal {
            out.push_str("th");
        }
    }
}

/// Every word that stands for a number, in lower case.
pub(crate) fn word_values() -> Vec<(String, f64)> {
    let mut values: Vec<(String, f64)> = Vec::new();
    for words in [FEW, ORDINALS] {
        values.extend(words.iter().enumerate().map(|(value, word)| (word.to_lowercase(), value as f64)));
    }
    for (index, word) in DECADES.iter().enumerate() {
        let word = word.to_lowercase();
        let value = (index + 2) as f64 * 10.0;
        values.push((format!("{}ieth", &word[..word.len() - 1]), value));
        values.push((word, value));
    }
    values.push(("hundredth".to_owned(), 100.0));
    for (index, word) in MAGNITUDES.iter().enumerate() {
        let word = word.to_lowercase();
        let value = 10f64.powi((index as i32 + 1) * 3);
        values.push((format!("{word}th"), value));
        values.push((word, value));
    }
    values
}

fn is_blank(character: char) -> bool {
    character.is_whitespace() && character != '\u{85}' || character == '\u{feff}'
}

/// The number that words in lower case stand for; not a number if one of them stands for none.
pub(crate) fn words_to_number(text: &str) -> f64 {
    let values = word_values();
    let characters: Vec<char> = text.chars().collect();
    let mut parts: Vec<String> = vec![String::new()];
    let mut at = 0;
    while at < characters.len() {
        let rest = &characters[at..];
        let skip = match rest {
            [',', blank, ..] if is_blank(*blank) => 2,
            [first, 'a', 'n', 'd', last, ..] if is_blank(*first) && is_blank(*last) => 5,
            [separator, ..] if is_blank(*separator) || matches!(separator, '\\' | '-') => 1,
            _ => 0,
        };
        if skip == 0 {
            if let Some(part) = parts.last_mut() {
                part.push(characters[at]);
            }
            at += 1;
        } else {
            parts.push(String::new());
            at += skip;
        }
    }
    let mut segments = vec![0.0];
    for part in parts {
        let value = values.iter().find(|(word, _)| *word == part).map_or(f64::NAN, |(_, value)| *value);
        let mut top: f64 = segments.pop().unwrap_or(0.0);
        if value < 100.0 {
            if top >= 1000.0 {
                segments.push(top);
                top = 0.0;
            }
            segments.push(top + value);
        } else {
            segments.push(top * value);
        }
    }
    segments.into_iter().sum()
}

const ROMAN: [(f64, &str); 13] = [
    (1000.0, "m"),
    (900.0, "cm"),
    (500.0, "d"),
    (400.0, "cd"),
    (100.0, "c"),
    (90.0, "xc"),
    (50.0, "l"),
    (40.0, "xl"),
    (10.0, "x"),
    (9.0, "ix"),
    (5.0, "v"),
    (4.0, "iv"),
    (1.0, "i"),
];

/// Roman numerals in lower case.
pub(crate) fn to_roman(number: f64) -> String {
    let mut rest = number;
    let mut out = String::new();
    for (value, numeral) in ROMAN {
        while rest >= value {
            out.push_str(numeral);
            rest -= value;
        }
    }
    out
}

/// The number of Roman numerals in upper case.
pub(crate) fn from_roman(text: &str) -> f64 {
    let mut number = 0.0;
    let mut max = 1.0;
    for digit in text.chars().rev() {
        let value = match digit {
            'M' => 1000.0,
            'D' => 500.0,
            'C' => 100.0,
            'L' => 50.0,
            'X' => 10.0,
            'V' => 5.0,
            'I' => 1.0,
            _ => f64::NAN,
        };
        if value < max {
            number -= value;
        } else {
            max = value;
            number += value;
        }
    }
    number
}

/// `a`, `b`, ... `z`, `aa`: as columns of a spreadsheet.
pub(crate) fn to_letters(number: f64, first: char) -> String {
    let mut letters = Vec::new();
    let mut rest = number;
    while rest > 0.0 && rest.is_finite() {
        let letter = ((rest - 1.0) % 26.0) as u32 + first as u32;
        letters.push(char::from_u32(letter).unwrap_or(first));
        rest = ((rest - 1.0) / 26.0).floor();
    }
    letters.iter().rev().collect()
}

/// The number of a column of a spreadsheet.
pub(crate) fn from_letters(text: &str, first: char) -> f64 {
    let units: Vec<u16> = text.encode_utf16().collect();
    let digits = units.iter().rev().enumerate();
    digits
        .map(|(place, unit)| (f64::from(*unit) - f64::from(first as u32) + 1.0) * 26f64.powi(place as i32))
        .sum()
}
