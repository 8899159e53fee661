use stepwell_value::Position;
#[derive(Debug)]
pub struct Definition { pub timeout_seconds: Option<u64> }
impl Definition {
    /// Reads a definition; all that is wrong with it comes back at once. Warnings come with it.
    pub fn parse(text: &str) -> Result<(Definition, Vec<Diagnostic>), Vec<Diagnostic>> { panic!() }
}
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity { Error, Warning }
/// Something wrong with a definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    pub severity: Severity,
    /// AWS's code, such as `SCHEMA_VALIDATION_FAILED`.
    pub code: &'static str,
    pub message: String,
    /// RFC 6901.
    pub pointer: String,
    pub position: Position,
    pub hint: Option<String>,
}
