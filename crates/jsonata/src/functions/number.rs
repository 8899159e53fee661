//! Functions on numbers.

use super::Call;
use crate::error::{Raised, Step};
use crate::evaluate::Evaluator;
use crate::item::Item;
use crate::json;

fn numbers(evaluator: &mut Evaluator<'_>, call: &mut Call<'_>) -> Step<Option<Vec<f64>>> {
    let Some(array) = call.array(0)? else { return Ok(None) };
    let len = array.array_len().unwrap_or(0);
    evaluator.spend(len as u64)?;
    Ok(Some((0..len).map(|index| array.at(index).as_number().unwrap_or(f64::NAN)).collect()))
}

pub(super) fn sum(evaluator: &mut Evaluator<'_>, mut call: Call<'_>) -> Step<Item> {
    Ok(match numbers(evaluator, &mut call)? {
        None => Item::Undefined,
        Some(numbers) => Item::number(numbers.iter().fold(0.0, |sum, number| sum + number)),
    })
}

pub(super) fn max(evaluator: &mut Evaluator<'_>, mut call: Call<'_>) -> Step<Item> {
    extreme(evaluator, &mut call, f64::NEG_INFINITY, |a, b| a > b)
}

pub(super) fn min(evaluator: &mut Evaluator<'_>, mut call: Call<'_>) -> Step<Item> {
    extreme(evaluator, &mut call, f64::INFINITY, |a, b| a < b)
}

fn extreme(
    evaluator: &mut Evaluator<'_>,
    call: &mut Call<'_>,
    start: f64,
    beats: fn(f64, f64) -> bool,
) -> Step<Item> {
    let Some(numbers) = numbers(evaluator, call)? else { return Ok(Item::Undefined) };
    if numbers.is_empty() {
        return Ok(Item::Undefined);
    }
    // What is not a number wins, as in JavaScript.
    let best = numbers.into_iter().fold(start, |best, number| {
        if best.is_nan() || (!number.is_nan() && !beats(number, best)) { best } else { number }
    });
    Ok(Item::number(best))
}

pub(super) fn average(evaluator: &mut Evaluator<'_>, mut call: Call<'_>) -> Step<Item> {
    let Some(numbers) = numbers(evaluator, &mut call)? else { return Ok(Item::Undefined) };
    if numbers.is_empty() {
        return Ok(Item::Undefined);
    }
    let count = numbers.len() as f64;
    Ok(Item::number(numbers.into_iter().fold(0.0, |sum, number| sum + number) / count))
}

fn each(call: &Call<'_>, compute: impl Fn(f64) -> f64) -> Step<Item> {
    Ok(call.number(0)?.map_or(Item::Undefined, |number| Item::number(compute(number))))
}

pub(super) fn floor(_: &mut Evaluator<'_>, call: Call<'_>) -> Step<Item> {
    each(&call, f64::floor)
}

pub(super) fn ceil(_: &mut Evaluator<'_>, call: Call<'_>) -> Step<Item> {
    each(&call, f64::ceil)
}

pub(super) fn abs(_: &mut Evaluator<'_>, call: Call<'_>) -> Step<Item> {
    each(&call, f64::abs)
}

pub(super) fn sqrt(_: &mut Evaluator<'_>, call: Call<'_>) -> Step<Item> {
    match call.number(0)? {
        Some(number) if number < 0.0 => Err(Raised::index("D3060", 1, call.arg(0).shown())),
        _ => each(&call, f64::sqrt),
    }
}

pub(super) fn power(_: &mut Evaluator<'_>, call: Call<'_>) -> Step<Item> {
    let Some(base) = call.number(0)? else { return Ok(Item::Undefined) };
    let exponent = call.number(1)?.unwrap_or(f64::NAN);
    // One to what is not a number, or to infinity, is not a number in JavaScript.
    let undefined = exponent.is_nan() || (base.abs() == 1.0 && exponent.is_infinite());
    let result = if undefined {
        f64::NAN
    } else if exponent == 2.0 {
        // Exactly rounded, as in JavaScript; other powers may differ from it in the last digit.
        base * base
    } else {
        base.powf(exponent)
    };
    if !result.is_finite() {
        let mut raised = Raised::index("D3061", 1, call.arg(0).shown());
        raised.value2 = call.arg(1).shown();
        return Err(raised);
    }
    Ok(Item::number(result))
}

/// A float from 0 up to but not including 1.
pub(crate) fn random_float(evaluator: &Evaluator<'_>) -> f64 {
    ((evaluator.environment.random)() >> 11) as f64 / (1u64 << 53) as f64
}

pub(super) fn random(evaluator: &mut Evaluator<'_>, _: Call<'_>) -> Step<Item> {
    Ok(Item::number(random_float(evaluator)))
}

/// `Math.round`: halves go up.
fn round_half_up(number: f64) -> f64 {
    if !number.is_finite() {
        return number;
    }
    let floor = number.floor();
    if number - floor >= 0.5 { floor + 1.0 } else { floor }
}

/// A number with its point moved, by way of its digits so that nothing is lost.
fn shift(number: f64, places: f64) -> f64 {
    if !number.is_finite() {
        return f64::NAN;
    }
    let text = json::number(number);
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: f64 = exponent.trim_start_matches('+').parse().unwrap_or(0.0);
    let exponent = json::number(exponent + places);
    // `1e2.5` is no number.
    format!("{digits}e{exponent}").parse().ok().filter(|_| !exponent.contains('.')).unwrap_or(f64::NAN)
}

/// Rounds to so many decimal places, halves to the even neighbour.
pub(super) fn round_to(number: f64, places: f64) -> f64 {
    let shifts = places != 0.0 && !places.is_nan();
    let arg = if shifts { shift(number, places) } else { number };
    let mut result = round_half_up(arg);
    if (result - arg).abs() == 0.5 && (result % 2.0).abs() == 1.0 {
        result -= 1.0;
    }
    if shifts {
        result = shift(result, -places);
    }
    if result == 0.0 { 0.0 } else { result }
}

pub(super) fn round(_: &mut Evaluator<'_>, call: Call<'_>) -> Step<Item> {
    let places = call.number(1)?.unwrap_or(0.0);
    each(&call, |number| round_to(number, places))
}

/// `toString` with a radix, for a number without a fraction.
fn in_radix(number: f64, radix: u32) -> String {
    if radix == 10 || !number.is_finite() {
        return json::number(number);
    }
    let mut rest = number.abs();
    let mut digits = Vec::new();
    let base = f64::from(radix);
    // Past 2^53 the lowest digits are not known and are zero.
    while rest / base >= 9_007_199_254_740_992.0 {
        rest /= base;
        digits.push('0');
    }
    loop {
        let digit = rest % base;
        digits.push(char::from_digit(digit as u32, radix).unwrap_or('0'));
        rest = (rest - digit) / base;
        if rest <= 0.0 {
            break;
        }
    }
    if number < 0.0 {
        digits.push('-');
    }
    digits.iter().rev().collect()
}

pub(super) fn format_base(evaluator: &mut Evaluator<'_>, call: Call<'_>) -> Step<Item> {
    let Some(number) = call.number(0)? else { return Ok(Item::Undefined) };
    let radix = call.number(1)?.map_or(10.0, |radix| round_to(radix, 0.0));
    if !(2.0..=36.0).contains(&radix) {
        return Err(Raised::value("D3100", Item::number(radix).shown()));
    }
    evaluator.text(in_radix(round_to(number, 0.0), radix as u32))
}

/// Whether a text is a number as JSON and the reference write it.
fn is_decimal(text: &str) -> bool {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let rest = text.strip_prefix('-').unwrap_or(text);
    let whole = digits(rest);
    let mut rest = &rest[whole..];
    if whole == 0 {
        return false;
    }
    if let Some(fraction) = rest.strip_prefix('.') {
        let length = digits(fraction);
        if length == 0 {
            return false;
        }
        rest = &fraction[length..];
    }
    if let Some(exponent) = rest.strip_prefix(['e', 'E']) {
        let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        let length = digits(exponent);
        if length == 0 {
            return false;
        }
        rest = &exponent[length..];
    }
    rest.is_empty()
}

/// A number in base 16, 8 or 2. The reference's test is loose: what passes it and is none is NaN.
fn in_base(text: &str) -> Option<f64> {
    let bases = [('x', 16), ('o', 8), ('b', 2)];
    let marked = |at: usize, mark: char, radix: u32| {
        let rest = &text[at..];
        rest.starts_with('0')
            && rest[1..].starts_with([mark, mark.to_ascii_uppercase()])
            && rest[2..].starts_with(|digit: char| digit.is_digit(radix))
    };
    // `^(0x...)|(0o...)|(0b...)$`: the first only at the start, the last only at the end.
    let loose = text.char_indices().filter(|(_, c)| *c == '0').any(|(at, _)| {
        (at == 0 && marked(at, 'x', 16))
            || marked(at, 'o', 8)
            || (marked(at, 'b', 2) && text[at + 2..].bytes().all(|digit| matches!(digit, b'0' | b'1')))
    });
    if !loose {
        return None;
    }
    let exact = bases
        .into_iter()
        .find(|(mark, _)| text.starts_with('0') && text[1..].starts_with([*mark, mark.to_ascii_uppercase()]));
    let Some((_, radix)) = exact else { return Some(f64::NAN) };
    let mut number = 0.0;
    for digit in text[2..].chars() {
        match digit.to_digit(radix) {
            Some(digit) => number = number * f64::from(radix) + f64::from(digit),
            None => return Some(f64::NAN),
        }
    }
    Some(number)
}

pub(super) fn number(evaluator: &mut Evaluator<'_>, call: Call<'_>) -> Step<Item> {
    let item = call.arg(0);
    evaluator.spend(item.text_len() as u64 / 64)?;
    let result = match item {
        Item::Undefined => return Ok(Item::Undefined),
        Item::Value(stepwell_value::Value::Bool(truth)) => Some(f64::from(u8::from(*truth))),
        other => match (other.as_number(), other.as_str()) {
            (Some(_), _) => return Ok(item.clone()),
            (None, Some(text)) if is_decimal(text) => {
                text.parse().ok().filter(|number: &f64| number.is_finite())
            }
            (None, Some(text)) => in_base(text),
            (None, None) => None,
        },
    };
    match result {
        Some(number) => Ok(Item::number(number)),
        None => Err(Raised::index("D3030", 1, item.shown())),
    }
}
