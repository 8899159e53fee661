//! What only a distributed `Map` has: where its items come from, how they are put together, where the
//! results go. It is read and checked; running it is not part of this release.
//!
//! | field          | its fields                                                                   |
//! |----------------|------------------------------------------------------------------------------|
//! | `ItemReader`   | `Resource`, `Parameters` or in JSONata `Arguments`, `ReaderConfig`           |
//! | `ItemBatcher`  | `MaxItemsPerBatch`, `MaxInputBytesPerBatch`, each also as `…Path`; `BatchInput` |
//! | `ResultWriter` | `Resource`, `Parameters` or in JSONata `Arguments`, `WriterConfig`           |
//! | `Label`        | part of the names of Map Runs; unique in the machine, at most 40 characters  |
//!
//! AWS takes these fields in an inline Map too.
//!
//! Source: Developer Guide, "Using Map state in Distributed mode"; the texts are measured as far as
//! they are known.

use stepwell_model::is_name;

use crate::data::{read_data_reference, read_template};
use crate::definition::Builder;
use crate::fields::Fields;
use crate::query::{Moment, read_count, read_shape};

/// The greatest length of a label, in characters.
const LABEL_CHARACTERS_MAX: usize = 40;

/// The greatest `MaxItems`.
const ITEMS_MAX: u64 = 100_000_000;

/// The greatest input of a child execution, in bytes.
const BATCH_BYTES_MAX: u64 = 262_144;

const INPUT_TYPES: [&str; 5] = ["MANIFEST", "JSON", "CSV", "JSONL", "PARQUET"];

/// Reads the fields; says whether there is one.
pub(super) fn read(fields: &Fields, builder: &mut Builder) -> bool {
    read_label(fields, builder);
    let reader = fields.has("ItemReader");
    fields.inside("ItemReader").iter().for_each(read_reader);
    let batcher = fields.has("ItemBatcher");
    fields.inside("ItemBatcher").iter().for_each(read_batcher);
    let writer = fields.has("ResultWriter");
    fields.inside("ResultWriter").iter().for_each(read_writer);
    reader || batcher || writer
}

/// Reads `ProcessorConfig`; says whether the mode is distributed.
pub(super) fn read_mode(processor: &Fields) -> bool {
    let Some(config) = processor.inside("ProcessorConfig") else { return false };
    let distributed = config.choice("Mode", &["INLINE", "DISTRIBUTED"]) == Some("DISTRIBUTED");
    if distributed {
        config.required(&["ExecutionType"]);
        config.choice("ExecutionType", &["STANDARD", "EXPRESS"]);
        if config.notes.is_express() {
            let text =
                "The field 'Mode' with value 'DISTRIBUTED' is not supported inside 'EXPRESS' state machines";
            config.error_at("Mode", text);
        }
    }
    // Anywhere else an ExecutionType is one field too many.
    config.finish();
    distributed
}

fn read_label(fields: &Fields, builder: &mut Builder) {
    let Some(label) = fields.text("Label") else { return };
    let at = fields.at("Label");
    if label.chars().count() > LABEL_CHARACTERS_MAX {
        let text =
            format!("Invalid Label name: {label} exceeds the 40-character limit allowed by the service");
        fields.notes.error_of("INVALID_LABEL_NAME", &at, &text);
    } else if !is_name(&label) {
        // Not measured.
        let text = format!("Invalid Label name: {label} contains invalid characters");
        fields.notes.error_of("INVALID_LABEL_NAME", &at, &text);
    }
    if builder.labels.contains(&label) {
        fields.notes.error_of("DUPLICATE_LABEL_NAME", &at, &format!("Duplicate Label name: {label}"));
    } else {
        builder.labels.push(label);
    }
}

/// Checks that `Resource` is one of a few, whatever the partition.
fn read_resource(fields: &Fields, actions: &[&str]) -> Option<usize> {
    let text = fields.text("Resource")?;
    let action = text.strip_prefix("arn:").and_then(|rest| rest.split_once(":states:::"));
    let found = action.and_then(|(_, action)| actions.iter().position(|known| *known == action));
    if found.is_none() {
        let examples: Vec<String> =
            actions.iter().map(|action| format!("arn:<partition>:states:::{action}")).collect();
        let examples = examples.join(", ");
        let text =
            format!("The field 'Resource' does not match any of the allowed values. Examples: [{examples}]");
        fields.error_at("Resource", &text);
    }
    found
}

/// `Parameters`, or in JSONata `Arguments`.
fn read_request(fields: &Fields) {
    if fields.in_jsonata() {
        read_shape(fields, "Arguments", Moment::Entry);
    } else {
        read_template(fields, "Parameters");
    }
}

/// A number, which in JSONPath may also come from a path.
fn read_number(fields: &Fields, key: &'static str, path: &'static str, most: u64) {
    read_count(fields, key, 0..=most);
    if !fields.in_jsonata() {
        fields.at_most_one(&[key, path]);
        read_data_reference(fields, path);
    }
}

fn read_reader(reader: &Fields) {
    reader.required(&["Resource"]);
    read_resource(reader, &["s3:getObject", "s3:listObjectsV2"]);
    read_request(reader);
    if let Some(config) = reader.inside("ReaderConfig") {
        read_reader_config(&config);
    }
    reader.finish();
}

fn read_reader_config(config: &Fields) {
    let input_type = config.text("InputType");
    if let Some(given) = &input_type
        && !INPUT_TYPES.contains(&&**given)
    {
        let known = INPUT_TYPES.join(", ");
        config.error_at(
            "InputType",
            &format!("The field 'InputType' should have one of these values: [{known}]"),
        );
    }
    if input_type.as_deref() == Some("CSV") && !config.has("CSVHeaderLocation") {
        config.notes.error(&config.pointer, "The field 'CSVHeaderLocation' is required");
    }
    if input_type.as_deref() == Some("JSON") {
        // Not asked for, so that it is one field too many.
    } else if config.choice("CSVHeaderLocation", &["FIRST_ROW", "GIVEN"]) == Some("GIVEN") {
        config.required(&["CSVHeaders"]);
    }
    if let Some(headers) = config.array("CSVHeaders") {
        let at = config.at("CSVHeaders");
        for (place, header) in headers.iter().enumerate().filter(|(_, header)| header.as_str().is_none()) {
            let _ = header;
            config.notes.error(&format!("{at}/{place}"), "Expected value of type [STRING]");
        }
    }
    for key in ["CSVDelimiter", "ItemsPointer", "ManifestType", "Transformation"] {
        if config.get(key).is_some_and(|value| value.as_str().is_none()) {
            config.text(key);
        }
        if config.in_jsonata() {
            read_shape(config, key, Moment::Entry);
        }
    }
    read_number(config, "MaxItems", "MaxItemsPath", ITEMS_MAX);
    config.finish();
}

fn read_batcher(batcher: &Fields) {
    read_number(batcher, "MaxItemsPerBatch", "MaxItemsPerBatchPath", u64::MAX);
    read_number(batcher, "MaxInputBytesPerBatch", "MaxInputBytesPerBatchPath", BATCH_BYTES_MAX);
    if batcher.in_jsonata() {
        read_shape(batcher, "BatchInput", Moment::Entry);
    } else {
        read_template(batcher, "BatchInput");
    }
    batcher.finish();
}

fn read_writer(writer: &Fields) {
    // Without a place to write to it only shapes the result of the state.
    if !writer.has("WriterConfig") {
        writer.required(&["Resource"]);
    }
    read_resource(writer, &["s3:putObject"]);
    read_request(writer);
    if let Some(config) = writer.inside("WriterConfig") {
        config.choice("OutputType", &["JSON", "JSONL"]);
        config.choice("Transformation", &["NONE", "COMPACT", "FLATTEN"]);
        config.finish();
    }
    writer.finish();
}
