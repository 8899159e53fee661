//! The mock of a `TestState`: what stands in for the work of a Task, Parallel or Map.
//!
//! | state                       | a mocked result is                                              |
//! |-----------------------------|-----------------------------------------------------------------|
//! | `Task`                      | what the action answers, held against its shape: see `shapes`   |
//! | `Parallel`                  | an array with one item for each branch                          |
//! | `Map`                       | an array; with `ResultWriter`, an object                        |
//!
//! Other states take no mock. A mocked error is always taken.
//!
//! Source: the recorded cases; the messages that say so are in the form of their neighbours.

pub(crate) mod context;
mod shapes;

use stepwell_asl::test_state::{Mock, Tested};
use stepwell_model::{Failure, StateType};
use stepwell_value::Payload;

use crate::Exception;
use crate::request::{Members, Text};

/// How strictly a mocked result is held against the shape of the action's response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Strictness {
    /// What is required is there, and what is there fits.
    Strict,
    /// What is there fits.
    Present,
    /// Not at all.
    Nothing,
}

/// The member `mock`, as it was sent.
pub(crate) struct MockMember {
    result: Option<String>,
    failure: Option<Failure>,
    strictness: Strictness,
}

/// `SensitiveData`
pub(crate) const DATA: Text = Text::new(0, 262_144).secret();

impl MockMember {
    /// Reads the member.
    pub(crate) fn read(members: &mut Members<'_>) -> Option<MockMember> {
        members.nested("mock", |mock| {
            let result = mock.text("result", &DATA).map(|text| text.to_string());
            let failure = mock.nested("errorOutput", |output| Failure {
                error: output.text("error", &Text::ERROR).cloned(),
                cause: output.text("cause", &Text::CAUSE).cloned(),
            });
            let strictness = match mock.choice("fieldValidationMode", &["STRICT", "PRESENT", "NONE"]) {
                Some("PRESENT") => Strictness::Present,
                Some("NONE") => Strictness::Nothing,
                Some(_) | None => Strictness::Strict,
            };
            MockMember { result, failure, strictness }
        })
    }

    /// The mock for this state.
    pub(crate) fn of(self, tested: &Tested) -> Result<Mock, Exception> {
        let state_type = tested.state_type();
        let takes_mock = match state_type {
            StateType::Task | StateType::Parallel | StateType::Map => true,
            StateType::Pass | StateType::Choice | StateType::Wait => false,
            StateType::Succeed | StateType::Fail => false,
        };
        if !takes_mock {
            let name = state_type.as_str();
            let message = format!("State type '{name}' is not supported when a mock is specified");
            return Err(Exception::validation(message));
        }
        let result = match (self.result, self.failure) {
            (Some(result), None) => result,
            (None, Some(Failure { error: None, .. })) => {
                return Err(Exception::validation("Mocked errorOutput must contain an error."));
            }
            (None, Some(failure)) => return Ok(Mock::Failure(failure)),
            (Some(_), Some(_)) | (None, None) => {
                let message = "A mock must specify exactly one of these fields: [result, errorOutput]";
                return Err(Exception::validation(message));
            }
        };
        let result =
            Payload::parse(result).map_err(|_| Exception::validation("Mocked result must be valid JSON."))?;
        let value = result.value();
        let items = value.as_array().map(Vec::len);
        let complaint = match state_type {
            StateType::Map if tested.has("ResultWriter") => {
                value.as_object().is_none().then(|| "Mocked result must be a JSON object.".to_owned())
            }
            StateType::Map | StateType::Parallel if items.is_none() => {
                Some("Mocked result must be an array.".to_owned())
            }
            StateType::Parallel if items != tested.branches() => Some(
                "Mocked result must contain the same number of items as number of Parallel branches."
                    .to_owned(),
            ),
            StateType::Task if self.strictness != Strictness::Nothing => {
                let strict = self.strictness == Strictness::Strict;
                let resource = tested.resource();
                resource.and_then(|resource| shapes::check(resource, value, strict).err())
            }
            _ => None,
        };
        match complaint {
            Some(message) => Err(Exception::validation(message)),
            None => Ok(Mock::Result(result)),
        }
    }
}
