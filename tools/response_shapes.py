"""Writes the shapes of AWS responses that a mock of TestState is held against.

    python tools/response_shapes.py     # wants botocore; writes crates/api/src/mock/response_shapes.txt

Only names, types and bounds of the public service models are kept. Step Functions shows members of
responses with a capital first letter, and services under the names of the AWS SDK for Java 2.

A line is one of

    @sfn                    a service
    startExecution=3        an action, and the number of the shape of its response
    {Arn!=s1,256 Tags=#2    a shape: a structure (`!` is required), or
    [#2  <s  eA|B           a list, a map (of any key), an enumeration

and a type is `s` (a string, at least, at most so long), `n` (a number, likewise), `b` (a boolean), `*`
(anything) or the number of a shape. Shapes are numbered from 0 in each service.
"""

import gzip
import json
import pathlib

import botocore

OUTPUT = pathlib.Path(__file__).resolve().parents[1] / "crates/api/src/mock/response_shapes.txt"

# Whole services, and of the others what the optimized integrations call and poll.
WHOLE = ["dynamodb", "events", "kms", "lambda", "s3", "secretsmanager", "sns", "sqs", "stepfunctions"]
ACTIONS = {
    "athena": ["StartQueryExecution", "GetQueryExecution", "StopQueryExecution", "GetQueryResults"],
    "batch": ["SubmitJob", "DescribeJobs"],
    "bedrock": ["CreateModelCustomizationJob", "GetModelCustomizationJob"],
    "codebuild": ["StartBuild", "StopBuild", "BatchDeleteBuilds", "BatchGetReports", "BatchGetBuilds"],
    "databrew": ["StartJobRun", "DescribeJobRun"],
    "ecs": ["RunTask", "DescribeTasks"],
    "emr": ["RunJobFlow", "DescribeCluster", "AddJobFlowSteps", "DescribeStep", "CancelSteps"],
    "emr-containers": ["StartJobRun", "DescribeJobRun", "CreateVirtualCluster", "DescribeVirtualCluster"],
    "glue": ["StartJobRun", "GetJobRun"],
    "sagemaker": ["CreateTrainingJob", "DescribeTrainingJob", "CreateTransformJob", "DescribeTransformJob"],
    "ssm": ["GetParameter", "GetParameters", "PutParameter", "SendCommand"],
}

# Where AWS was recorded to be narrower than the model is today.
BOUNDS = {("lambda", "MemorySize"): (128, 10240)}

NUMBERS = {"integer", "long", "float", "double", "short", "byte", "bigdecimal", "biginteger"}


class Service:
    def __init__(self, name):
        folder = pathlib.Path(botocore.__file__).parent / "data" / name
        newest = sorted(folder.glob("*/service-2.json.gz"))[-1]
        self.name = name
        self.model = json.loads(gzip.decompress(newest.read_bytes()))
        self.numbers = {}
        self.lines = []

    def type(self, name):
        """The type of a shape: itself if it is short, else its number."""
        shape = self.model["shapes"][name]
        kind = shape["type"]
        if kind == "boolean":
            return "b"
        if kind == "timestamp":
            return "s"
        if kind in NUMBERS:
            return "n" + self.bounds(name, shape)
        if kind == "string" and "enum" not in shape or kind == "blob":
            return "s" + self.bounds(name, shape)
        if shape.get("document"):
            return "*"
        return f"#{self.number(name, shape)}"

    def bounds(self, name, shape):
        least, most = BOUNDS.get((self.name, name), (shape.get("min"), shape.get("max")))
        least = None if least == 0 and shape["type"] in ("string", "blob") else least
        if least is None and most is None:
            return ""
        return f"{'' if least is None else least},{'' if most is None else most}"

    def number(self, name, shape):
        if name in self.numbers:
            return self.numbers[name]
        # Before what it holds: shapes may hold themselves.
        number = self.numbers[name] = len(self.lines)
        self.lines.append(None)
        self.lines[number] = self.line(shape)
        return number

    def line(self, shape):
        kind = shape["type"]
        if kind == "string":
            return "e" + "|".join(shape["enum"])
        if kind == "list":
            return "[" + self.type(shape["member"]["shape"])
        if kind == "map":
            return "<" + self.type(shape["value"]["shape"])
        required = shape.get("required", [])
        members = []
        for name, member in shape["members"].items():
            mark = "!" if name in required else ""
            members.append(f"{name[0].upper()}{name[1:]}{mark}={self.type(member['shape'])}")
        return "{" + " ".join(members)

    def text(self, actions):
        found = []
        for action, operation in sorted(self.model["operations"].items()):
            if actions is not None and action not in actions:
                continue
            output = operation.get("output")
            if output and self.model["shapes"][output["shape"]]["members"]:
                number = self.type(output["shape"]).removeprefix("#")
                found.append(f"{action[0].lower()}{action[1:]}={number}")
        # As the AWS SDK for Java 2 names it.
        service = self.model["metadata"]["serviceId"].replace(" ", "").lower()
        return "\n".join([f"@{service}", *found, *self.lines]) + "\n"


def main():
    wanted = {name: None for name in WHOLE} | ACTIONS
    text = "".join(Service(name).text(actions) for name, actions in sorted(wanted.items()))
    header = f"# Generated by tools/response_shapes.py from the models of botocore {botocore.__version__} (Apache-2.0)."
    OUTPUT.write_text(f"{header}\n{text}", "utf-8")
    print(f"{OUTPUT.name}: {len(text)} bytes")


if __name__ == "__main__":
    main()
