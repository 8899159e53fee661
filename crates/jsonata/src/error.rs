//! What can be wrong: the codes of the reference with their texts, and a few of our own.
//!
//! `S` codes are mistakes in the text, `T` codes are wrong types, `D` codes are values out of range.
//! Their texts are the reference's, filled in as it does, because they are shown to users. `U` codes
//! are ours and mean that a limit of [`Budget`](crate::Budget) stopped the evaluation, or that the
//! result is not JSON:
//!
//! | code  | meaning |
//! |-------|---------|
//! | U1001 | too deep, too many steps, or out of time |
//! | U1002 | too much memory |
//! | U1003 | the result is too large or nests too deep |
//! | U1004 | the result is a function |
//! | U1005 | a text to be read as JSON is none |
//! | S0303 | a regular expression that cannot be matched in linear time, is too large, alone or with the others, or is wrong |
//! | S0501 | the text nests too deep or is too long, or a signature has too many parameters |
//! | S0601 | `$`, `$$` or a bare name where the profile knows no context |

use stepwell_value::Value;

use crate::json;

/// An expression that could not be compiled.
#[derive(Debug, Clone, PartialEq)]
pub struct CompileError {
    /// The reference's code, or one of ours; see the module's table.
    pub code: &'static str,
    /// Where, in UTF-16 units from the start of the text: the end of the token that was wrong.
    pub position: usize,
    /// The token that was wrong, where there is one.
    pub token: Option<String>,
    /// The other tokens that are wrong in the same way: of S0601 only.
    pub more_tokens: Vec<String>,
    /// The reference's text for the code.
    pub message: String,
}

/// An evaluation that failed.
#[derive(Debug, Clone, PartialEq)]
pub struct EvaluateError {
    /// The reference's code, or one of ours; see the module's table.
    pub code: &'static str,
    /// Where, in UTF-16 units from the start of the text, as far as known.
    pub position: Option<usize>,
    /// The operator or function that failed, as far as known.
    pub token: Option<String>,
    /// The value that was wrong, as far as known and as far as it is JSON.
    pub value: Option<Value>,
    /// The reference's text for the code.
    pub message: String,
}

impl EvaluateError {
    /// Whether a limit of the budget, and not the expression's own logic, ended the evaluation.
    pub fn is_budget(&self) -> bool {
        matches!(self.code, DEEP_OR_LONG | MEMORY | OUTPUT)
    }

    /// Whether the expression gave something that JSON has no form for: a function.
    pub fn is_not_json(&self) -> bool {
        self.code == NOT_JSON
    }
}

impl std::fmt::Display for CompileError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {} (at {})", self.code, self.message, self.position)
    }
}

impl std::error::Error for CompileError {}

/// The code and the text, as AWS shows them.
impl std::fmt::Display for EvaluateError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for EvaluateError {}

pub(crate) const DEEP_OR_LONG: &str = "U1001";
pub(crate) const MEMORY: &str = "U1002";
pub(crate) const OUTPUT: &str = "U1003";
pub(crate) const NOT_JSON: &str = "U1004";
pub(crate) const NOT_PARSED: &str = "U1005";

/// The longest text of a value that is quoted in a message, in bytes.
const QUOTED_MAX: usize = 8 * 1024;

/// An error on its way up, with the fields that its text may name.
#[derive(Debug, Clone, Default)]
pub(crate) struct Raised {
    pub code: &'static str,
    pub position: Option<usize>,
    pub token: Option<Value>,
    pub value: Option<Value>,
    pub value2: Option<Value>,
    pub index: Option<usize>,
    pub kind: Option<&'static str>,
    pub text: Option<String>,
}

/// What a step of evaluation gives. The error is boxed to keep the good case small.
pub(crate) type Step<T> = Result<T, Box<Raised>>;

impl Raised {
    pub fn new(code: &'static str) -> Box<Raised> {
        Box::new(Raised { code, ..Raised::default() })
    }

    pub fn value(code: &'static str, value: Option<Value>) -> Box<Raised> {
        Box::new(Raised { code, value, ..Raised::default() })
    }

    pub fn at(code: &'static str, position: usize) -> Box<Raised> {
        Box::new(Raised { code, position: Some(position), ..Raised::default() })
    }

    pub fn index(code: &'static str, index: usize, value: Option<Value>) -> Box<Raised> {
        Box::new(Raised { code, index: Some(index), value, ..Raised::default() })
    }

    pub fn text(code: &'static str, text: impl Into<String>) -> Box<Raised> {
        Box::new(Raised { code, text: Some(text.into()), ..Raised::default() })
    }

    pub fn with_token(mut self: Box<Raised>, token: impl Into<Value>) -> Box<Raised> {
        self.token = Some(token.into());
        self
    }

    fn field(&self, name: &str) -> String {
        let value = match name {
            "token" => self.token.as_ref(),
            "value" => self.value.as_ref(),
            "value2" | "exp" => self.value2.as_ref(),
            "index" => return self.index.map_or("undefined".to_owned(), |index| index.to_string()),
            "type" => return self.kind.map_or("undefined".to_owned(), |kind| format!("\"{kind}\"")),
            _ => None,
        };
        value.map_or("undefined".to_owned(), |value| json::plain(value, QUOTED_MAX))
    }

    /// The text of the code with the fields filled in.
    pub fn message(&self) -> String {
        let Some(template) = template(self.code) else {
            return self.text.clone().unwrap_or_default();
        };
        let mut out = String::new();
        let mut rest = template;
        while let Some(open) = rest.find("{{") {
            out.push_str(&rest[..open]);
            let bare = rest[open..].starts_with("{{{");
            let inner = &rest[open + if bare { 3 } else { 2 }..];
            let close = inner.find('}').unwrap_or(inner.len());
            let name = &inner[..close];
            if bare {
                match name {
                    "token" => out.push_str(&self.token_text().unwrap_or("undefined".to_owned())),
                    _ => out.push_str(self.text.as_deref().unwrap_or("undefined")),
                }
            } else {
                out.push_str(&self.field(name));
            }
            rest = &inner[(close + if bare { 3 } else { 2 }).min(inner.len())..];
        }
        out.push_str(rest);
        out
    }

    pub fn token_text(&self) -> Option<String> {
        self.token.as_ref().map(|token| match token {
            Value::String(text) => text.to_string(),
            other => json::plain(other, QUOTED_MAX),
        })
    }

    pub fn into_compile_error(self) -> CompileError {
        CompileError {
            code: self.code,
            position: self.position.unwrap_or(0),
            token: self.token_text(),
            more_tokens: Vec::new(),
            message: self.message(),
        }
    }

    pub fn into_evaluate_error(self) -> EvaluateError {
        EvaluateError {
            code: self.code,
            position: self.position,
            token: self.token_text(),
            message: self.message(),
            value: self.value,
        }
    }
}

/// The reference's texts: doubled braces take a field as JSON, tripled ones as it is.
fn template(code: &str) -> Option<&'static str> {
    TEMPLATES.binary_search_by(|(known, _)| (*known).cmp(code)).ok().map(|at| TEMPLATES[at].1)
}

/// Sorted by code.
const TEMPLATES: &[(&str, &str)] = &[
    ("D1001", "Number out of range: {{value}}"),
    ("D1002", "Cannot negate a non-numeric value: {{value}}"),
    ("D1004", "Regular expression matches zero length string"),
    ("D1009", "Multiple key definitions evaluate to same key: {{value}}"),
    ("D1010", "Attempted to access the Javascript object prototype"),
    ("D2005", "The left side of := must be a variable name (start with $)"),
    (
        "D2014",
        "The size of the sequence allocated by the range operator (..) must not exceed 1e6.  Attempted to allocate {{value}}.",
    ),
    ("D3001", "Attempting to invoke string function on Infinity or NaN"),
    ("D3010", "Second argument of replace function cannot be an empty string"),
    ("D3011", "Fourth argument of replace function must evaluate to a positive number"),
    ("D3012", "Attempted to replace a matched string with a non-string value"),
    ("D3020", "Third argument of split function must evaluate to a positive number"),
    ("D3030", "Unable to cast value to a number: {{value}}"),
    ("D3040", "Third argument of match function must evaluate to a positive number"),
    ("D3050", "The second argument of reduce function must be a function with at least two arguments"),
    ("D3060", "The sqrt function cannot be applied to a negative number: {{value}}"),
    (
        "D3061",
        "The power function has resulted in a value that cannot be represented as a JSON number: base={{value}}, exponent={{exp}}",
    ),
    (
        "D3070",
        "The single argument form of the sort function can only be applied to an array of strings or an array of numbers.  Use the second argument to specify a comparison function",
    ),
    ("D3080", "The picture string must only contain a maximum of two sub-pictures"),
    ("D3081", "The sub-picture must not contain more than one instance of the 'decimal-separator' character"),
    ("D3082", "The sub-picture must not contain more than one instance of the 'percent' character"),
    ("D3083", "The sub-picture must not contain more than one instance of the 'per-mille' character"),
    ("D3084", "The sub-picture must not contain both a 'percent' and a 'per-mille' character"),
    (
        "D3085",
        "The mantissa part of a sub-picture must contain at least one character that is either an 'optional digit character' or a member of the 'decimal digit family'",
    ),
    (
        "D3086",
        "The sub-picture must not contain a passive character that is preceded by an active character and that is followed by another active character",
    ),
    (
        "D3087",
        "The sub-picture must not contain a 'grouping-separator' character that appears adjacent to a 'decimal-separator' character",
    ),
    ("D3088", "The sub-picture must not contain a 'grouping-separator' at the end of the integer part"),
    (
        "D3089",
        "The sub-picture must not contain two adjacent instances of the 'grouping-separator' character",
    ),
    (
        "D3090",
        "The integer part of the sub-picture must not contain a member of the 'decimal digit family' that is followed by an instance of the 'optional digit character'",
    ),
    (
        "D3091",
        "The fractional part of the sub-picture must not contain an instance of the 'optional digit character' that is followed by a member of the 'decimal digit family'",
    ),
    (
        "D3092",
        "A sub-picture that contains a 'percent' or 'per-mille' character must not contain a character treated as an 'exponent-separator'",
    ),
    (
        "D3093",
        "The exponent part of the sub-picture must comprise only of one or more characters that are members of the 'decimal digit family'",
    ),
    ("D3100", "The radix of the formatBase function must be between 2 and 36.  It was given {{value}}"),
    (
        "D3110",
        "The argument of the toMillis function must be an ISO 8601 formatted timestamp. Given {{value}}",
    ),
    ("D3120", "Syntax error in expression passed to function eval: {{value}}"),
    ("D3121", "Dynamic error evaluating the expression passed to function eval: {{value}}"),
    (
        "D3130",
        "Formatting or parsing an integer as a sequence starting with {{value}} is not supported by this implementation",
    ),
    ("D3131", "In a decimal digit pattern, all digits must be from the same decimal group"),
    ("D3132", "Unknown component specifier {{value}} in date/time picture string"),
    (
        "D3133",
        "The 'name' modifier can only be applied to months and days in the date/time picture string, not {{value}}",
    ),
    ("D3134", "The timezone integer format specifier cannot have more than four digits"),
    ("D3135", "No matching closing bracket ']' in date/time picture string"),
    ("D3136", "The date/time picture string is missing specifiers required to parse the timestamp"),
    ("D3137", "{{{message}}}"),
    ("D3138", "The $single() function expected exactly 1 matching result.  Instead it matched more."),
    ("D3139", "The $single() function expected exactly 1 matching result.  Instead it matched 0."),
    ("D3140", "Malformed URL passed to ${{{functionName}}}(): {{value}}"),
    ("D3141", "{{{message}}}"),
    ("S0101", "String literal must be terminated by a matching quote"),
    ("S0102", "Number out of range: {{token}}"),
    ("S0103", "Unsupported escape sequence: \\{{token}}"),
    ("S0104", "The escape sequence \\u must be followed by 4 hex digits"),
    ("S0105", "Quoted property name must be terminated with a backquote (`)"),
    ("S0106", "Comment has no closing tag"),
    ("S0201", "Syntax error: {{token}}"),
    ("S0202", "Expected {{value}}, got {{token}}"),
    ("S0203", "Expected {{value}} before end of expression"),
    ("S0204", "Unknown operator: {{token}}"),
    ("S0205", "Unexpected token: {{token}}"),
    ("S0206", "Unknown expression type: {{token}}"),
    ("S0207", "Unexpected end of expression"),
    ("S0208", "Parameter {{value}} of function definition must be a variable name (start with $)"),
    ("S0209", "A predicate cannot follow a grouping expression in a step"),
    ("S0210", "Each step can only have one grouping expression"),
    ("S0211", "The symbol {{token}} cannot be used as a unary operator"),
    ("S0212", "The left side of := must be a variable name (start with $)"),
    ("S0213", "The literal value {{value}} cannot be used as a step within a path expression"),
    ("S0214", "The right side of {{token}} must be a variable name (start with $)"),
    ("S0215", "A context variable binding must precede any predicates on a step"),
    ("S0216", "A context variable binding must precede the 'order-by' clause on a step"),
    ("S0217", "The object representing the 'parent' cannot be derived from this expression"),
    ("S0301", "Empty regular expressions are not allowed"),
    ("S0302", "No terminating / in regular expression"),
    ("S0401", "Type parameters can only be applied to functions and arrays"),
    ("S0402", "Choice groups containing parameterized types are not supported"),
    ("S0500", "Attempted to evaluate an expression containing syntax error(s)"),
    ("T0410", "Argument {{index}} of function {{token}} does not match function signature"),
    ("T0411", "Context value is not a compatible type with argument {{index}} of function {{token}}"),
    ("T0412", "Argument {{index}} of function {{token}} must be an array of {{type}}"),
    ("T1003", "Key in object structure must evaluate to a string; got: {{value}}"),
    ("T1005", "Attempted to invoke a non-function. Did you mean ${{{token}}}?"),
    ("T1006", "Attempted to invoke a non-function"),
    ("T1007", "Attempted to partially apply a non-function. Did you mean ${{{token}}}?"),
    ("T1008", "Attempted to partially apply a non-function"),
    (
        "T1010",
        "The matcher function argument passed to function {{token}} does not return the correct object structure",
    ),
    ("T2001", "The left side of the {{token}} operator must evaluate to a number"),
    ("T2002", "The right side of the {{token}} operator must evaluate to a number"),
    ("T2003", "The left side of the range operator (..) must evaluate to an integer"),
    ("T2004", "The right side of the range operator (..) must evaluate to an integer"),
    ("T2006", "The right side of the function application operator ~> must be a function"),
    ("T2007", "Type mismatch when comparing values {{value}} and {{value2}} in order-by clause"),
    ("T2008", "The expressions within an order-by clause must evaluate to numeric or string values"),
    (
        "T2009",
        "The values {{value}} and {{value2}} either side of operator {{token}} must be of the same data type",
    ),
    ("T2010", "The expressions either side of operator {{token}} must evaluate to numeric or string values"),
    ("T2011", "The insert/update clause of the transform expression must evaluate to an object: {{value}}"),
    (
        "T2012",
        "The delete clause of the transform expression must evaluate to a string or array of strings: {{value}}",
    ),
    (
        "T2013",
        "The transform expression clones the input object using the $clone() function.  This has been overridden in the current scope by a non-function.",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_texts_are_in_the_order_that_the_search_needs() {
        assert!(TEMPLATES.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }

    #[test]
    fn fields_are_filled_in_as_the_reference_does() {
        let error = Raised::value("T2001", None).with_token("-");
        assert_eq!(error.message(), "The left side of the \"-\" operator must evaluate to a number");
        let error = Raised::new("T1005").with_token("sum");
        assert_eq!(error.message(), "Attempted to invoke a non-function. Did you mean $sum?");
        assert_eq!(Raised::text("D3137", "no luck").message(), "no luck");
    }
}
