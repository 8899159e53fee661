//! The closed lists: types of machines and states, statuses of executions.

/// The type of a state machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MachineType {
    /// Durable, exactly once, up to a year.
    Standard,
    /// Fast, up to five minutes.
    Express,
}

impl MachineType {
    /// As AWS spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            MachineType::Standard => "STANDARD",
            MachineType::Express => "EXPRESS",
        }
    }
}

/// The status of an execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ExecutionStatus {
    /// It goes on.
    Running,
    /// It ended with an output.
    Succeeded,
    /// It ended with a failure.
    Failed,
    /// It took longer than its `TimeoutSeconds`.
    TimedOut,
    /// It was stopped.
    Aborted,
}

impl ExecutionStatus {
    /// Every status, in the order of their codes.
    pub const ALL: [ExecutionStatus; 5] = [
        ExecutionStatus::Running,
        ExecutionStatus::Succeeded,
        ExecutionStatus::Failed,
        ExecutionStatus::TimedOut,
        ExecutionStatus::Aborted,
    ];

    /// As AWS spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            ExecutionStatus::Running => "RUNNING",
            ExecutionStatus::Succeeded => "SUCCEEDED",
            ExecutionStatus::Failed => "FAILED",
            ExecutionStatus::TimedOut => "TIMED_OUT",
            ExecutionStatus::Aborted => "ABORTED",
        }
    }

    /// The code that stores keep; it never changes.
    pub fn code(self) -> u8 {
        match self {
            ExecutionStatus::Running => 0,
            ExecutionStatus::Succeeded => 1,
            ExecutionStatus::Failed => 2,
            ExecutionStatus::TimedOut => 3,
            ExecutionStatus::Aborted => 4,
        }
    }

    /// The status with this code.
    pub fn from_code(code: u8) -> Option<ExecutionStatus> {
        ExecutionStatus::ALL.get(usize::from(code)).copied()
    }
}

/// The type of a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StateType {
    /// Does work outside.
    Task,
    /// Hands its input on, changed or not.
    Pass,
    /// Chooses what comes next.
    Choice,
    /// Waits for a moment.
    Wait,
    /// Ends well.
    Succeed,
    /// Ends badly.
    Fail,
    /// Does several things at once.
    Parallel,
    /// Does one thing for each of many items.
    Map,
}

impl StateType {
    /// Every type.
    pub const ALL: [StateType; 8] = [
        StateType::Task,
        StateType::Pass,
        StateType::Choice,
        StateType::Wait,
        StateType::Succeed,
        StateType::Fail,
        StateType::Parallel,
        StateType::Map,
    ];

    /// As the States Language spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            StateType::Task => "Task",
            StateType::Pass => "Pass",
            StateType::Choice => "Choice",
            StateType::Wait => "Wait",
            StateType::Succeed => "Succeed",
            StateType::Fail => "Fail",
            StateType::Parallel => "Parallel",
            StateType::Map => "Map",
        }
    }
}
