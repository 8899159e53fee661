//! `Condition`: under which circumstances a statement applies.
//!
//! | operators | the values are |
//! |---|---|
//! | `StringEquals`, `StringNotEquals`, `StringEqualsIgnoreCase`, `StringNotEqualsIgnoreCase` | texts |
//! | `StringLike`, `StringNotLike` | patterns |
//! | `NumericEquals`, `NumericNotEquals`, `NumericLessThan`, `NumericLessThanEquals`, `NumericGreaterThan`, `NumericGreaterThanEquals` | numbers |
//! | `DateEquals`, ... (the same six) | moments: RFC 3339, a date, or seconds since 1970 |
//! | `Bool` | `true` or `false` |
//! | `IpAddress`, `NotIpAddress` | addresses, or ranges such as `10.0.0.0/8` |
//! | `ArnEquals`, `ArnLike`, `ArnNotEquals`, `ArnNotLike` | patterns of ARNs |
//! | `Null` | `true`: the key must be absent; `false`: present |
//!
//! All but `Null` also end in `IfExists`: they hold where the request has no such key. Without it a
//! key that is absent fails an operator, and satisfies a negated one. Before all but `Null` may
//! stand `ForAnyValue:` (an absent key fails) or `ForAllValues:` (an absent key satisfies); each of
//! our keys has one value.

use std::net::IpAddr;

use stepwell_model::Timestamp;

use crate::pattern::{arn_like, is_arn, like};

/// The keys that a condition may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ConditionKey {
    /// The moment of the request, in RFC 3339.
    CurrentTime,
    /// The moment of the request, in seconds since 1970.
    EpochTime,
    /// The account of the caller.
    PrincipalAccount,
    /// The ARN of the caller.
    PrincipalArn,
    /// The region that the caller addressed.
    RequestedRegion,
    /// Whether the request came over TLS: `true` or `false`.
    SecureTransport,
    /// The address that the request came from.
    SourceIp,
    /// The name of the caller.
    Username,
    /// The version or the alias that a state machine's ARN in the request ends in.
    StateMachineQualifier,
}

impl ConditionKey {
    /// All of them.
    pub const ALL: [ConditionKey; 9] = [
        ConditionKey::CurrentTime,
        ConditionKey::EpochTime,
        ConditionKey::PrincipalAccount,
        ConditionKey::PrincipalArn,
        ConditionKey::RequestedRegion,
        ConditionKey::SecureTransport,
        ConditionKey::SourceIp,
        ConditionKey::Username,
        ConditionKey::StateMachineQualifier,
    ];

    /// As IAM spells it. In a policy case does not matter.
    pub fn as_str(self) -> &'static str {
        match self {
            ConditionKey::CurrentTime => "aws:CurrentTime",
            ConditionKey::EpochTime => "aws:EpochTime",
            ConditionKey::PrincipalAccount => "aws:PrincipalAccount",
            ConditionKey::PrincipalArn => "aws:PrincipalArn",
            ConditionKey::RequestedRegion => "aws:RequestedRegion",
            ConditionKey::SecureTransport => "aws:SecureTransport",
            ConditionKey::SourceIp => "aws:SourceIp",
            ConditionKey::Username => "aws:username",
            ConditionKey::StateMachineQualifier => "states:StateMachineQualifier",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<ConditionKey> {
        ConditionKey::ALL.into_iter().find(|key| key.as_str().eq_ignore_ascii_case(text))
    }
}

/// One operator on one key.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Condition {
    pub(crate) key: ConditionKey,
    pub(crate) operator: Operator,
    /// At least one.
    pub(crate) values: Vec<Expected>,
}

/// An operator as it was written, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Operator {
    pub(crate) compare: Compare,
    /// Whether none of the values may match, instead of one having to.
    negated: bool,
    if_absent: bool,
}

/// What is compared and how, without negation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compare {
    Text,
    TextIgnoringCase,
    TextLike,
    Number(Order),
    Date(Order),
    Bool,
    Ip,
    Arn,
    Null,
}

/// How the value of the request stands to the one of the policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    Same,
    Less,
    LessOrSame,
    Greater,
    GreaterOrSame,
}

/// A value of a policy, read.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Expected {
    Text(String),
    Number(f64),
    /// Nanoseconds since 1970.
    Date(i128),
    Bool(bool),
    Range(IpAddr, u8),
}

/// The operators without `ForAnyValue:` and `IfExists`.
const OPERATORS: [(&str, Compare, bool); 26] = [
    ("StringEquals", Compare::Text, false),
    ("StringNotEquals", Compare::Text, true),
    ("StringEqualsIgnoreCase", Compare::TextIgnoringCase, false),
    ("StringNotEqualsIgnoreCase", Compare::TextIgnoringCase, true),
    ("StringLike", Compare::TextLike, false),
    ("StringNotLike", Compare::TextLike, true),
    ("NumericEquals", Compare::Number(Order::Same), false),
    ("NumericNotEquals", Compare::Number(Order::Same), true),
    ("NumericLessThan", Compare::Number(Order::Less), false),
    ("NumericLessThanEquals", Compare::Number(Order::LessOrSame), false),
    ("NumericGreaterThan", Compare::Number(Order::Greater), false),
    ("NumericGreaterThanEquals", Compare::Number(Order::GreaterOrSame), false),
    ("DateEquals", Compare::Date(Order::Same), false),
    ("DateNotEquals", Compare::Date(Order::Same), true),
    ("DateLessThan", Compare::Date(Order::Less), false),
    ("DateLessThanEquals", Compare::Date(Order::LessOrSame), false),
    ("DateGreaterThan", Compare::Date(Order::Greater), false),
    ("DateGreaterThanEquals", Compare::Date(Order::GreaterOrSame), false),
    ("Bool", Compare::Bool, false),
    ("IpAddress", Compare::Ip, false),
    ("NotIpAddress", Compare::Ip, true),
    ("ArnEquals", Compare::Arn, false),
    ("ArnLike", Compare::Arn, false),
    ("ArnNotEquals", Compare::Arn, true),
    ("ArnNotLike", Compare::Arn, true),
    ("Null", Compare::Null, false),
];

impl Operator {
    /// Reads an operator; IAM does not mind the case.
    pub(crate) fn parse(text: &str) -> Option<Operator> {
        let strip_prefix = |prefix: &str| {
            text.get(..prefix.len())
                .filter(|start| start.eq_ignore_ascii_case(prefix))
                .map(|_| &text[prefix.len()..])
        };
        let (rest, over_set) = match (strip_prefix("ForAnyValue:"), strip_prefix("ForAllValues:")) {
            (Some(rest), _) => (rest, Some(false)),
            (_, Some(rest)) => (rest, Some(true)),
            (None, None) => (text, None),
        };
        let lower = rest.to_ascii_lowercase();
        let (name, if_exists) = match lower.strip_suffix("ifexists") {
            Some(name) => (name, true),
            None => (lower.as_str(), false),
        };
        let (_, compare, negated) =
            OPERATORS.into_iter().find(|(known, _, _)| known.eq_ignore_ascii_case(name))?;
        if compare == Compare::Null && (if_exists || over_set.is_some()) {
            return None;
        }
        let if_absent = if_exists || over_set.unwrap_or(negated);
        Some(Operator { compare, negated, if_absent })
    }

    /// The names of all, for a hint.
    pub(crate) fn names() -> String {
        OPERATORS.map(|(name, _, _)| name).join(", ")
    }
}

impl Condition {
    pub(crate) fn holds(&self, context: &dyn Fn(ConditionKey) -> Option<String>) -> bool {
        let actual = context(self.key);
        if self.operator.compare == Compare::Null {
            let absent = Expected::Bool(actual.is_none());
            return self.values.contains(&absent);
        }
        match actual {
            Some(actual) => {
                let matched = self.values.iter().any(|value| self.operator.compare.matches(&actual, value));
                matched != self.operator.negated
            }
            None => self.operator.if_absent,
        }
    }
}

impl Compare {
    /// Reads a value of a policy. The error says what it should be.
    pub(crate) fn read(self, text: &str) -> Result<Expected, &'static str> {
        match self {
            Compare::Text | Compare::TextIgnoringCase | Compare::TextLike => {
                Ok(Expected::Text(text.to_owned()))
            }
            Compare::Number(_) => number(text).map(Expected::Number).ok_or("a number"),
            Compare::Date(_) => {
                date(text).map(Expected::Date).ok_or("a moment, such as 2026-01-01T00:00:00Z")
            }
            Compare::Bool | Compare::Null => {
                text.to_ascii_lowercase().parse().map(Expected::Bool).map_err(|_| "true or false")
            }
            Compare::Ip => range(text).ok_or("an address, or a range such as 10.0.0.0/8"),
            Compare::Arn if is_arn(text) => Ok(Expected::Text(text.to_owned())),
            Compare::Arn => Err("an ARN of six parts"),
        }
    }

    /// Whether the value of the request matches one of the policy. One of another kind does not.
    fn matches(self, actual: &str, expected: &Expected) -> bool {
        match (self, expected) {
            (Compare::Text, Expected::Text(text)) => actual == text,
            (Compare::TextIgnoringCase, Expected::Text(text)) => actual.to_lowercase() == text.to_lowercase(),
            (Compare::TextLike, Expected::Text(pattern)) => like(pattern, actual),
            (Compare::Number(order), Expected::Number(bound)) => {
                number(actual).is_some_and(|number| order.holds(&number, bound))
            }
            (Compare::Date(order), Expected::Date(bound)) => {
                date(actual).is_some_and(|date| order.holds(&date, bound))
            }
            (Compare::Bool, Expected::Bool(truth)) => actual.eq_ignore_ascii_case(&truth.to_string()),
            (Compare::Ip, Expected::Range(network, bits)) => {
                actual.parse().is_ok_and(|address: IpAddr| is_within(address.to_canonical(), *network, *bits))
            }
            (Compare::Arn, Expected::Text(pattern)) => arn_like(pattern, actual),
            (
                Compare::Text
                | Compare::TextIgnoringCase
                | Compare::TextLike
                | Compare::Number(_)
                | Compare::Date(_)
                | Compare::Bool
                | Compare::Ip
                | Compare::Arn
                | Compare::Null,
                _,
            ) => false,
        }
    }
}

impl Order {
    fn holds<T: PartialOrd>(self, actual: &T, bound: &T) -> bool {
        match self {
            Order::Same => actual == bound,
            Order::Less => actual < bound,
            Order::LessOrSame => actual <= bound,
            Order::Greater => actual > bound,
            Order::GreaterOrSame => actual >= bound,
        }
    }
}

fn number(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

fn date(text: &str) -> Option<i128> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        let seconds: u64 = text.parse().ok()?;
        return Some(i128::from(seconds) * 1_000_000_000);
    }
    Timestamp::nanoseconds_of_rfc3339(text)
        .or_else(|| Timestamp::nanoseconds_of_rfc3339(&format!("{text}T00:00:00Z")))
}

fn range(text: &str) -> Option<Expected> {
    let (address, bits) = match text.split_once('/') {
        Some((address, bits)) => (address, Some(bits.parse::<u8>().ok()?)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().ok()?;
    let bits_max = if address.is_ipv4() { 32 } else { 128 };
    let bits = bits.unwrap_or(bits_max);
    (bits <= bits_max).then_some(Expected::Range(address, bits))
}

fn is_within(address: IpAddr, network: IpAddr, bits: u8) -> bool {
    let (address, network, width) = match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) => {
            (u128::from(u32::from(address)), u128::from(u32::from(network)), 32)
        }
        (IpAddr::V6(address), IpAddr::V6(network)) => (u128::from(address), u128::from(network), 128),
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => return false,
    };
    let free_bits = u32::from(width - bits);
    // Shifting by the whole width is no shift, but everything is within `/0`.
    (address ^ network).checked_shr(free_bits).is_none_or(|difference| difference == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(operator: &str, values: &[&str], actual: Option<&str>) -> bool {
        let operator = Operator::parse(operator).expect("known");
        let values = values.iter().map(|value| operator.compare.read(value).expect("a value")).collect();
        let condition = Condition { key: ConditionKey::Username, operator, values };
        condition.holds(&|_| actual.map(str::to_owned))
    }

    #[test]
    fn each_operator_compares_its_way() {
        for (operator, value, actual, expected) in [
            ("StringEquals", "ci", "ci", true),
            ("stringequals", "ci", "CI", false),
            ("StringNotEquals", "ci", "ops", true),
            ("StringEqualsIgnoreCase", "Ci", "cI", true),
            ("StringNotEqualsIgnoreCase", "Ci", "cI", false),
            ("StringLike", "c*", "ci", true),
            ("StringNotLike", "c*", "ci", false),
            ("NumericEquals", "1.0", "1", true),
            ("NumericNotEquals", "1", "2", true),
            ("NumericLessThan", "10", "9", true),
            ("NumericLessThanEquals", "9", "9", true),
            ("NumericGreaterThan", "9", "9", false),
            ("NumericGreaterThanEquals", "9", "9", true),
            ("NumericEquals", "9", "nine", false),
            ("DateEquals", "2026-01-01", "2026-01-01T00:00:00Z", true),
            ("DateNotEquals", "2026-01-01", "2026-01-01T00:00:00Z", false),
            ("DateLessThan", "2026-01-01T00:00:00Z", "1767225599", true),
            ("DateLessThanEquals", "1767225600", "2026-01-01T00:00:00Z", true),
            ("DateGreaterThan", "2026-01-01T01:00:00+01:00", "2026-01-01T00:00:01Z", true),
            ("DateGreaterThanEquals", "2027-01-01T00:00:00Z", "2026-01-01T00:00:00Z", false),
            ("Bool", "true", "true", true),
            ("Bool", "False", "true", false),
            ("IpAddress", "10.0.0.0/8", "10.255.0.1", true),
            ("IpAddress", "10.0.0.0/8", "11.0.0.1", false),
            ("IpAddress", "10.1.2.3", "10.1.2.3", true),
            ("IpAddress", "0.0.0.0/0", "11.0.0.1", true),
            ("IpAddress", "0.0.0.0/0", "::1", false),
            ("IpAddress", "::/0", "::1", true),
            ("IpAddress", "fd00::/8", "fd12::1", true),
            ("IpAddress", "127.0.0.0/8", "::ffff:127.0.0.1", true),
            ("NotIpAddress", "10.0.0.0/8", "11.0.0.1", true),
            ("ArnEquals", "arn:aws:iam::*:user/ci", "arn:aws:iam::1:user/ci", true),
            ("ArnLike", "arn:aws:iam::1:user/*", "arn:aws:iam::2:user/ci", false),
            ("ArnNotEquals", "arn:aws:iam::1:user/*", "arn:aws:iam::2:user/ci", true),
            ("ArnNotLike", "arn:aws:iam::*:user/*", "arn:aws:iam::2:user/ci", false),
        ] {
            assert_eq!(holds(operator, &[value], Some(actual)), expected, "{operator} {value} {actual}");
        }
    }

    #[test]
    fn one_of_several_values_must_match_and_none_of_a_negated_operator() {
        assert!(holds("StringEquals", &["a", "b"], Some("b")));
        assert!(!holds("StringNotEquals", &["a", "b"], Some("b")));
        assert!(holds("StringNotEquals", &["a", "b"], Some("c")));
    }

    #[test]
    fn an_absent_key_fails_unless_the_operator_is_negated_or_says_otherwise() {
        for (operator, expected) in [
            ("StringEquals", false),
            ("StringNotEquals", true),
            ("StringEqualsIfExists", true),
            ("StringNotEqualsIfExists", true),
            ("ForAnyValue:StringEquals", false),
            ("ForAnyValue:StringNotEquals", false),
            ("ForAllValues:StringEquals", true),
            ("forallvalues:StringLikeIfExists", true),
        ] {
            assert_eq!(holds(operator, &["a"], None), expected, "{operator}");
        }
        assert!(holds("ForAnyValue:StringEquals", &["a"], Some("a")));
        assert!(!holds("ForAllValues:StringEquals", &["a"], Some("b")));
    }

    #[test]
    fn null_asks_whether_the_key_is_there() {
        assert!(holds("Null", &["true"], None) && !holds("Null", &["true"], Some("")));
        assert!(holds("Null", &["false"], Some("")) && !holds("Null", &["false"], None));
    }

    #[test]
    fn unknown_operators_and_bad_values_are_refused() {
        for bad in [
            "",
            "Equals",
            "StringEqual",
            "NullIfExists",
            "ForAnyValue:Null",
            "ForSome:Bool",
            "IfExists",
            "BinaryEquals",
        ] {
            assert_eq!(Operator::parse(bad), None, "{bad}");
        }
        for (operator, value) in [
            ("NumericEquals", "one"),
            ("NumericEquals", "NaN"),
            ("DateEquals", "soon"),
            ("Bool", "yes"),
            ("IpAddress", "10.0.0.0/33"),
            ("IpAddress", "10.0.0"),
            ("ArnLike", "*"),
        ] {
            assert!(Operator::parse(operator).unwrap().compare.read(value).is_err(), "{operator} {value}");
        }
    }
}
