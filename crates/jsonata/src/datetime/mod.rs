//! Dates, times and integers by pictures, as XPath's `format-dateTime` and `format-integer` have them.
//!
//! All arithmetic is JavaScript's `Date` in UTC, quirks included: the years 0 to 99 mean 1900 to 1999
//! where a date is put together, and what is out of range is not a number.

pub(crate) mod calendar;
pub(crate) mod format;
pub(crate) mod integer;
pub(crate) mod parse;
pub(crate) mod picture;
pub(crate) mod words;
