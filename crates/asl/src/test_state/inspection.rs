//! What a test shows of the data on its way through a state.
//!
//! | member                  | shown for                                                            |
//! |-------------------------|----------------------------------------------------------------------|
//! | `input`                 | all states                                                           |
//! | `after_input_path`      | JSONPath; not a `Pass` with `Result`                                 |
//! | `after_parameters`      | JSONPath: `Pass` without `Result`, `Task`, `Parallel`                |
//! | `after_arguments`       | JSONata: `Task` with `Arguments`                                     |
//! | `result`                | `Task`, and a `Pass` with `Result`                                   |
//! | `after_result_selector`, `after_result_path` | JSONPath: `Pass`, `Task`, `Parallel`, `Map`     |
//! | `after_items_path`      | JSONPath: `Map` without `ItemReader`                                 |
//! | `after_items_pointer`, `after_item_selector`, `after_item_batcher` | `Map`, where it has the field |
//! | `tolerated_failure_…`   | `Map`, where it has the field                                        |
//! | `max_concurrency`       | `Map`                                                                |
//! | `variables`             | all, once there is a variable                                        |
//! | `catch_index`, `retry_index` | a failed state whose `Catch` or `Retry` names the error         |
//!
//! What was not reached because the state failed before is absent.
//!
//! Source: the recorded cases; where there is none (`Parallel` in JSONPath, `result` in JSONata, a Map
//! with the fields of a distributed one) the documentation of `InspectionData`.

use stepwell_value::Payload;

/// What a test shows of the data on its way through a state. See the documentation of `InspectionData`
/// in AWS's service model for what each member is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Inspection {
    /// The raw input.
    pub input: Option<Payload>,
    /// After `InputPath`.
    pub after_input_path: Option<Payload>,
    /// After `Parameters`.
    pub after_parameters: Option<Payload>,
    /// After `Arguments`.
    pub after_arguments: Option<Payload>,
    /// The raw result.
    pub result: Option<Payload>,
    /// After `ResultSelector`.
    pub after_result_selector: Option<Payload>,
    /// After `ResultPath`.
    pub after_result_path: Option<Payload>,
    /// The items that `ItemsPath` found.
    pub after_items_path: Option<Payload>,
    /// The items that `ItemReader.ReaderConfig.ItemsPointer` found.
    pub after_items_pointer: Option<Payload>,
    /// What `ItemSelector` made of each item.
    pub after_item_selector: Option<Payload>,
    /// The batches that `ItemBatcher` made.
    pub after_item_batcher: Option<Payload>,
    /// All variables afterwards, as an object.
    pub variables: Option<Payload>,
    /// How many iterations may fail.
    pub tolerated_failure_count: Option<u64>,
    /// How many in a hundred iterations may fail, from 0 to 100.
    pub tolerated_failure_percentage: Option<f64>,
    /// How many iterations may be under way at once; 0 is as many as possible.
    pub max_concurrency: Option<u64>,
    /// The place in `Catch` of the catcher that took the error.
    pub catch_index: Option<u64>,
    /// The place in `Retry` of the retrier that names the error, also if it has no attempt left.
    pub retry_index: Option<u64>,
    /// How long that retrier would wait, in seconds, if it has an attempt left.
    pub retry_backoff_seconds: Option<u64>,
}
