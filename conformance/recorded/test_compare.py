"""The normaliser: what it lets pass, and above all what it must not."""

import copy
import json

import answers
import cases
import compare
import records
import replay
import run
from compare import Bindings, differences, objects_parsed

UUIDS = ["0b0e7a52-6a4b-4e7e-9c0e-1f2a3b4c5d6e", "1b0e7a52-6a4b-4e7e-9c0e-1f2a3b4c5d6e"]


def same(expected, actual, bindings=None, **options):
    return differences(expected, objects_parsed(actual), bindings or Bindings(), **options) == []


def test_equal_values_are_equal_and_every_other_value_is_not():
    event = {"id": 3, "type": "PassStateExited", "stateExitedEventDetails": {"name": "A", "output": "[1,2]"}}
    assert same(event, copy.deepcopy(event))
    for changed in [
        {**event, "id": 4},
        {**event, "id": "3"},
        {**event, "previousEventId": 2},
        {key: value for key, value in event.items() if key != "type"},
        {**event, "stateExitedEventDetails": {"name": "A", "output": "[1, 2]"}},
        {**event, "stateExitedEventDetails": {"name": "A", "output": "[2,1]"}},
        {**event, "stateExitedEventDetails": {"name": "a", "output": "[1,2]"}},
    ]:
        assert not same(event, changed), changed


def test_numbers_keep_their_kind():
    assert same({"x": 1.5}, {"x": 1.5})
    assert not same({"x": 1}, {"x": 1.0})
    assert not same({"x": 1}, {"x": True})
    assert not same({"x": 0}, {"x": None})
    assert not same({"x": "1"}, {"x": 1})


def test_a_list_is_compared_in_order_and_whole():
    assert not same([1, 2], [2, 1])
    assert not same([1, 2], [1])
    assert not same([1], [1, 2])


def test_a_string_that_is_an_object_is_parsed_and_what_is_in_it_is_not():
    assert same({"output": {"a": {"b": 1}}}, {"output": '{"a": {"b":1}}'})
    assert same({"output": {"Cause": '{"b":1}'}}, {"output": '{"Cause":"{\\"b\\":1}"}'})
    assert not same({"output": {"Cause": '{"b": 1}'}}, {"output": '{"Cause":"{\\"b\\":1}"}'})
    assert not same({"output": {"a": 1}}, {"output": '{"a":1'})
    assert not same({"cause": "[1]"}, {"cause": [1]})


def test_a_payload_that_was_parsed_although_it_is_no_object_is_parsed_here_as_well():
    assert same({"output": [1, 2]}, {"output": "[1,2]"})
    assert not same({"output": [1, 2]}, {"output": "[1,3]"})
    assert not same({"cause": [1, 2]}, {"cause": "[1,2]"})


def test_times_are_times():
    assert same({"timestamp": "timestamp", "creationDate": "datetime"}, {"timestamp": 1.5e9, "creationDate": 1.5e9})
    assert not same({"timestamp": "timestamp"}, {"timestamp": "timestamp"})
    assert not same({"creationDate": "datetime"}, {"creationDate": None})
    assert same({"Value": "date"}, {"Value": "2023-02-24T12:15:56.832Z"})
    assert not same({"Value": "date"}, {"Value": "2023-02-24T12:15:56"})
    assert same({"Date": "date"}, {"Date": ["Sun, 22 Nov 2026 19:35:39 GMT"]})
    assert same({"cause": "late: date!"}, {"cause": "late: 2016-12-05T21:29:29Z!"})
    assert not same({"cause": "late: 2016-12-05T21:29:29"}, {"cause": "late: 2016-12-05T21:29:30"})


def test_region_partition_and_account_are_not_free():
    arn = "arn:<partition>:states:<region>:111111111111:stateMachine:<ArnPart_0idx>"
    assert same({"a": arn}, {"a": "arn:aws:states:us-east-1:111111111111:stateMachine:m"})
    assert not same({"a": arn}, {"a": "arn:aws:states:us-east-1:000000000000:stateMachine:m"})
    assert not same({"a": arn}, {"a": "arn:aws:states:eu-west-1:111111111111:stateMachine:m"})
    assert not same({"a": arn}, {"a": "arn:aws:states:us-east-1:111111111111:stateMachine:m:1"})


def test_one_placeholder_is_one_value_and_two_are_two():
    assert same(["<uuid:1>", "<uuid:2>", "<uuid:1>"], [UUIDS[0], UUIDS[1], UUIDS[0]])
    assert not same(["<uuid:1>", "<uuid:1>"], UUIDS)
    assert not same(["<uuid:1>", "<uuid:2>"], [UUIDS[0], UUIDS[0]])
    assert not same(["<uuid:1>"], ["not a uuid"])
    assert not same(["x<uuid:1>"], [UUIDS[0]])


def test_a_word_stands_for_what_the_run_has_there_and_for_nothing_else():
    role = "arn:aws:iam::111111111111:role/mine"
    bindings = Bindings({"role": {role}})
    assert same(["snf_role_arn", "snf_role_arn"], [role, role], bindings)
    assert not same(["snf_role_arn"], ["arn:aws:iam::111111111111:role/other"], Bindings({"role": {role}}))
    assert same({"a": "f:lambda_function_1_name"}, {"a": "f:mine"}, Bindings({"lambda": {"mine"}}))
    assert not same({"a": "f:lambda_function_1_name"}, {"a": "f:other"}, Bindings({"lambda": {"mine"}}))
    # Some cases send the word itself, as the name of something that need not be there.
    assert same({"a": "lambda_function_name"}, {"a": "lambda_function_name"}, Bindings({"lambda": set()}))
    assert not same({"name": "some_name"}, {"name": "other_name"})
    assert not same({"a": "<class 'str'>"}, {"a": "<class 'int'>"})


def test_the_values_of_some_headers_are_free_and_those_of_others_are_not():
    def headers(**members):
        return {"SdkHttpMetadata": {"HttpHeaders": {name.replace("_", "-"): value for name, value in members.items()}}}

    assert same(headers(X_Amzn_Trace_Id="X-Amzn-Trace-Id"), headers(X_Amzn_Trace_Id="Root=1-2"))
    assert not same(headers(Content_Length="13"), headers(Content_Length="14"))
    assert not same(headers(Content_Length="13"), headers())
    assert not same({"x-amzn-RequestId": "x-amzn-RequestId"}, {"x-amzn-RequestId": "some"})


def test_members_of_a_later_day_are_left_out_of_earlier_recordings_only():
    answer = {"name": "m", "encryptionConfiguration": {"type": "AWS_OWNED_KEY"}}
    assert compare.as_of("2023-06-22", {"name": "m"}, answer) == {"name": "m"}
    assert compare.as_of("2024-11-20", {"name": "m"}, answer) == answer
    assert compare.as_of("2023-06-22", {"encryptionConfiguration": {}}, answer) == answer


def history(*types):
    return [{"id": i + 1, "previousEventId": i, "timestamp": 1.0, "type": kind} for i, kind in enumerate(types)]


def test_branches_are_sorted_as_the_recorder_sorted_them():
    events = history(
        "ParallelStateEntered", "ParallelStateStarted", "TaskStateEntered", "PassStateExited", "ParallelStateSucceeded",
        "ParallelStateExited",
    )  # fmt: skip
    found = compare.sorted_as_recorded(events)
    assert [event["type"] for event in found] == [
        "ParallelStateEntered", "ParallelStateStarted", "PassStateExited", "TaskStateEntered", "ParallelStateExited",
    ]  # fmt: skip
    assert [event["id"] for event in found] == [1, 2, [0], [0], 6]
    assert [event["previousEventId"] for event in found] == [0, 1, 0, 0, 5]


def test_a_start_after_a_retry_leaves_the_first_attempt_in_its_order():
    events = history(
        "ParallelStateStarted", "TaskStateEntered", "PassStateEntered", "ParallelStateStarted", "TaskStateEntered",
        "PassStateEntered", "ParallelStateFailed",
    )  # fmt: skip
    assert [event["type"] for event in compare.sorted_as_recorded(events)] == [
        "ParallelStateStarted", "TaskStateEntered", "PassStateEntered", "ParallelStateStarted", "PassStateEntered",
        "TaskStateEntered",
    ]  # fmt: skip


class Played:
    """Answers that nobody gave."""

    def __init__(self, *said):
        self.answers = [Said(op, status, body) for op, status, body in said]
        self.values, self.functions, self.counted, self.logs = {}, {}, {"execution_arn": []}, None


class Said:
    def __init__(self, op, status, body):
        self.op, self.request, self.status, self.body = op, {}, status, body

    def refused(self):
        return self.status >= 400

    def code(self):
        return self.body["__type"].rpartition("#")[2]

    def message(self):
        return self.body["message"]


def case(expect, *ops):
    calls = [{"op": op, "request": {}} for op in ops]
    return cases.Case(
        "area/case.json",
        {"area": "area", "validated_on_aws": "2025-01-01", "needs": [], "lambdas": [], "calls": calls}
        | {"expect": expect},
    )


def unlike(*arguments):
    found, unsaid = answers.check(*arguments)
    assert unsaid == []
    return found


META = {"HTTPHeaders": {}, "HTTPStatusCode": 200}
REFUSED = ("StartExecution", 400, {"__type": "com.amazonaws.swf.service.v2.model#InvalidArn", "message": "no"})


def test_a_refusal_is_told_in_either_form():
    whole = {"Error": {"Code": "InvalidArn", "Message": "no"}, "message": "no",
             "ResponseMetadata": {**META, "HTTPStatusCode": 400}}  # fmt: skip
    text = "An error occurred (InvalidArn) when calling the StartExecution operation: no"
    for expected in [whole, {"exception_typename": "InvalidArn", "exception_value": text}, text]:
        assert unlike(case({"e": expected}, "StartExecution"), Played(REFUSED)) == []
    worse = {**whole, "reason": "API_DOES_NOT_SUPPORT_LABELED_ARNS"}
    assert unlike(case({"e": worse}, "StartExecution"), Played(REFUSED))
    assert unlike(case({"e": text + "!"}, "StartExecution"), Played(REFUSED))
    assert unlike(case({"e": whole}, "StartExecution"), Played(("StartExecution", 200, {})))


def test_histories_belong_to_the_calls_in_their_order():
    def told(kind):
        return {"events": [{"type": kind}]}

    expect = {f"exec_hist_resp_{i}": {**told(f"T{i}"), "ResponseMetadata": META} for i in (0, 1, 10, 2)}
    ops = ["GetExecutionHistory"] * 4
    in_order = Played(*[("GetExecutionHistory", 200, told(kind)) for kind in ("T0", "T1", "T2", "T10")])
    assert unlike(case(expect, *ops), in_order) == []
    swapped = Played(*[("GetExecutionHistory", 200, told(kind)) for kind in ("T1", "T0", "T2", "T10")])
    assert {key for key, _ in unlike(case(expect, *ops), swapped)} == {"exec_hist_resp_0", "exec_hist_resp_1"}


def test_an_answer_that_is_missing_is_a_difference():
    expect = {"get_execution_history": {"events": [], "ResponseMetadata": META}}
    assert unlike(case(expect), Played())


def test_what_is_no_answer_is_said_to_be_none():
    assert answers.check(case({"messages": [{"Body": 1}]}), Played()) == ([], ["messages"])


def test_the_last_issue_that_a_case_needs_owns_it():
    def owner(definition, *more, area="scenarios", **request):
        calls = [("CreateStateMachine", {"definition": json.dumps(definition), **request}), *more]
        made = case({}, "CreateStateMachine")
        made.area, made.calls = area, calls
        return cases.owner(made)[0]

    started = ("StartExecution", {})
    assert owner({}) == "4"
    assert owner({"QueryLanguage": "JSONata"}) == "3"
    assert owner({}, area="assign") == "3"
    assert owner({"QueryLanguage": "JSONata"}, type="EXPRESS") == "5"
    assert owner({"Resource": "arn:aws:states:::sqs:sendMessage"}, started) == cases.INTEGRATIONS
    assert owner({"Resource": "arn:aws:states:::sqs:sendMessage"}) == "4"
    assert owner({"Resource": "arn:aws:states:::states:startExecution.sync"}, started) == "5"
    assert owner({"ProcessorConfig": {"Mode": "DISTRIBUTED"}}, started) == cases.DISTRIBUTED_MAP


EXPRESS = "arn:aws:states:us-east-1:111111111111:express:m:n:i"
RECORD = {"id": "1", "type": "ExecutionSucceeded", "details": {"output": "{}"}, "previous_event_id": "0",
          "event_timestamp": "1700000000123", "execution_arn": "e1", "redrive_count": "0"}  # fmt: skip


class Logged(Played):
    """Executions that were started, and a folder with what they logged."""

    def __init__(self, logs, *executions):
        super().__init__(*[("StartExecution", 200, {"executionArn": arn}) for arn in executions])
        self.logs = logs

    executions = replay.Replay.executions
    all_records = replay.Replay.all_records
    end_record = replay.Replay.end_record

    def _until(self, probe):
        probe()


def write_records(folder, *lines):
    group = folder / "111111111111" / "us-east-1" / "group"
    group.mkdir(parents=True)
    for number, line in enumerate(lines, 1):
        (group / f"{number:08}.2026-11-22-10.jsonl").write_text(json.dumps(line) + "\n" + '{"torn', "utf-8")


def test_log_records_are_compared_whole_and_in_order(tmp_path):
    other = {**RECORD, "id": "2", "previous_event_id": "1"}
    expected = [{**one, "details": {"output": {}}, "event_timestamp": "timestamp"} for one in (RECORD, other)]
    write_records(tmp_path, RECORD, {**RECORD, "execution_arn": "of another case"}, other)
    played = Logged(tmp_path, "e1")
    assert unlike(case({"logged_execution_events": expected}, "StartExecution"), played) == []
    for wrong in [
        expected[:1],
        [*expected, expected[0]],
        expected[::-1],
        [expected[0], {**expected[1], "id": 2}],
        [expected[0], {**expected[1], "details": {}}],
        [],
    ]:
        assert unlike(case({"logged_execution_events": wrong}, "StartExecution"), played), wrong


def test_the_end_of_an_express_execution_is_found_in_any_order(tmp_path):
    def express(number, kind):
        return {**RECORD, "id": number, "type": kind, "execution_arn": EXPRESS}

    write_records(tmp_path, express("10", "ExecutionFailed"), express("9", "PassStateExited"))
    played = Logged(tmp_path, EXPRESS)
    expected = {**express("10", "ExecutionFailed"), "details": {"output": {}}, "event_timestamp": "timestamp",
                "execution_arn": "arn:<partition>:states:<region>:111111111111:express:m:"
                "<ExpressExecArn_Part1_0idx>:<ExpressExecArn_Part2_0idx>"}  # fmt: skip
    assert unlike(case({"end_event": expected}, "StartExecution"), played) == []
    assert unlike(case({"end_event": {**expected, "type": "ExecutionSucceeded"}}, "StartExecution"), played)
    assert unlike(case({"end_event": expected}, "StartExecution"), Logged(tmp_path, "e1"))
    assert [record["id"] for record in records.of(tmp_path, [EXPRESS])] == ["9", "10"]


def test_what_is_logged_beyond_the_recording_fails_a_case_that_passed(tmp_path):
    def counted(made):
        result = run.Result(made, run.PASSED, executions=["e1"])
        run.check_record_counts([result], tmp_path)
        return result.outcome

    write_records(tmp_path, RECORD)
    for level, expected in [("OFF", run.DIFFERS), ("ALL", run.PASSED)]:
        quiet = case({}, "CreateStateMachine")
        quiet.calls = [("CreateStateMachine", {"loggingConfiguration": {"level": level}})]
        assert counted(quiet) == expected
    assert counted(case({"logged_execution_events": [RECORD]})) == run.PASSED
    assert counted(case({"logged_execution_events": [RECORD, RECORD]})) == run.DIFFERS
    assert counted(case({"logged_execution_events": []})) == run.DIFFERS
