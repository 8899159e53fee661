//! What an execution logs: the level, and the rest of `loggingConfiguration`.

use std::sync::Arc;

use stepwell_value::Value;

/// Which history events are logged.
///
/// | level | what                                                                             |
/// |-------|----------------------------------------------------------------------------------|
/// | ALL   | every event                                                                      |
/// | ERROR | those whose type ends with `Failed`, `TimedOut` or `Aborted`, and `FailStateEntered` |
/// | FATAL | `ExecutionFailed`, `ExecutionTimedOut`, `ExecutionAborted`                        |
/// | OFF   | none                                                                             |
///
/// Source: the table of log levels of the Developer Guide, "Using CloudWatch Logs to log execution
/// history". It does not list `EvaluationFailed` and the events of Map Runs; they follow its rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogLevel {
    /// `ALL`
    All,
    /// `ERROR`
    Error,
    /// `FATAL`
    Fatal,
    /// `OFF`
    Off,
}

impl LogLevel {
    /// The level of this name.
    pub fn parse(name: &str) -> Option<LogLevel> {
        match name {
            "ALL" => Some(LogLevel::All),
            "ERROR" => Some(LogLevel::Error),
            "FATAL" => Some(LogLevel::Fatal),
            "OFF" => Some(LogLevel::Off),
            _ => None,
        }
    }

    /// Whether events of this type are logged. The rule is one of names, so that it holds for types
    /// that are yet to come.
    pub fn includes(self, event_type: &str) -> bool {
        let is_fatal = || matches!(event_type, "ExecutionFailed" | "ExecutionTimedOut" | "ExecutionAborted");
        let is_error = || ["Failed", "TimedOut", "Aborted"].iter().any(|end| event_type.ends_with(end));
        match self {
            LogLevel::All => true,
            LogLevel::Error => is_error() || event_type == "FailStateEntered",
            LogLevel::Fatal => is_fatal(),
            LogLevel::Off => false,
        }
    }
}

/// Where and what the executions of a state machine log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logging {
    /// Which events; never [`LogLevel::Off`].
    pub level: LogLevel,
    /// Whether inputs, outputs, parameters and variables are logged.
    pub include_execution_data: bool,
    /// The ARN of the CloudWatch log group, with `:*` at its end.
    pub log_group_arn: Arc<str>,
}

impl Logging {
    /// What a `loggingConfiguration` as JSON text asks for; `None` if it asks for nothing, that is
    /// at the level `OFF` or without a log group.
    pub fn parse(configuration: &str) -> Option<Logging> {
        let configuration = Value::parse(configuration).ok()?;
        let level = LogLevel::parse(configuration.get("level")?.as_str()?)?;
        if level == LogLevel::Off {
            return None;
        }
        let destination = configuration.get("destinations")?.as_array()?.first()?;
        let arn = destination.get("cloudWatchLogsLogGroup")?.get("logGroupArn")?.as_str()?;
        Some(Logging {
            level,
            include_execution_data: configuration.get("includeExecutionData").and_then(Value::as_bool)
                == Some(true),
            log_group_arn: arn.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_levels_are_those_of_the_published_table() {
        let error = "ActivityFailed ActivityScheduleFailed ActivityTimedOut FailStateEntered LambdaFunctionFailed \
             LambdaFunctionScheduleFailed LambdaFunctionStartFailed LambdaFunctionTimedOut MapIterationAborted \
             MapIterationFailed MapStateAborted MapStateFailed ParallelStateAborted ParallelStateFailed TaskFailed \
             TaskStartFailed TaskStateAborted TaskSubmitFailed TaskTimedOut WaitStateAborted";
        let fatal = "ExecutionAborted ExecutionFailed ExecutionTimedOut";
        let all = "ActivityScheduled ActivityStarted ActivitySucceeded ChoiceStateEntered ChoiceStateExited \
             ExecutionStarted ExecutionSucceeded LambdaFunctionScheduled LambdaFunctionStarted \
             LambdaFunctionSucceeded MapIterationStarted MapIterationSucceeded MapStateEntered MapStateExited \
             MapStateStarted MapStateSucceeded ParallelStateEntered ParallelStateExited ParallelStateStarted \
             ParallelStateSucceeded PassStateEntered PassStateExited SucceedStateEntered SucceedStateExited \
             TaskScheduled TaskStarted TaskStateEntered TaskStateExited TaskSubmitted TaskSucceeded \
             WaitStateEntered WaitStateExited";
        for (names, expected) in
            [(all, [true, false, false]), (error, [true, true, false]), (fatal, [true, true, true])]
        {
            for name in names.split_whitespace() {
                let levels = [LogLevel::All, LogLevel::Error, LogLevel::Fatal];
                assert_eq!(levels.map(|level| level.includes(name)), expected, "{name}");
                assert!(!LogLevel::Off.includes(name));
            }
        }
    }

    #[test]
    fn a_configuration_that_logs_nothing_is_none() {
        const ARN: &str = "arn:aws:logs:us-east-1:123456789012:log-group:g:*";
        let with = |level: &str, data: &str| {
            Logging::parse(&format!(
                r#"{{"level":"{level}"{data},"destinations":[{{"cloudWatchLogsLogGroup":{{"logGroupArn":"{ARN}"}}}}]}}"#
            ))
        };
        let expected = |level, include_execution_data| {
            Some(Logging { level, include_execution_data, log_group_arn: ARN.into() })
        };
        assert_eq!(with("ALL", r#","includeExecutionData":true"#), expected(LogLevel::All, true));
        assert_eq!(with("FATAL", ""), expected(LogLevel::Fatal, false));
        assert_eq!(with("OFF", r#","includeExecutionData":true"#), None);
        for nothing in
            [r#"{"level":"OFF","includeExecutionData":false}"#, r#"{"level":"ALL"}"#, "{}", "[", "{"]
        {
            assert_eq!(Logging::parse(nothing), None, "{nothing}");
        }
    }
}
