import { expect, test } from "vitest";
import { ApiError, describeError } from "./errors";

const denied = new ApiError("AccessDeniedException", "User: arn:aws:iam::000000000000:user/ada is not authorized to perform: states:ListExecutions on resource: arn:aws:states:us-east-1:000000000000:stateMachine:orders because no identity-based policy allows the states:ListExecutions action", 400);

test("a call that policies refuse is told by what they lack", () => {
  expect(describeError(denied)).toBe("You are not allowed to do this (states:ListExecutions).");
  expect(describeError(new ApiError("AccessDeniedException", "No.", 403))).toBe("You are not allowed to do this.");
});

test("what is not there is told from what went wrong otherwise", () => {
  expect(new ApiError("ExecutionDoesNotExist", "No.", 400).isMissing).toBe(true);
  expect(new ApiError("InvalidArn", "No.", 400).isMissing).toBe(true);
  expect(denied.isMissing).toBe(false);
});

test("anything else is told in its own words", () => {
  expect(describeError(new ApiError("InvalidArn", "Invalid Arn: 'x'", 400))).toBe("Invalid Arn: 'x'");
  expect(describeError("gone")).toBe("gone");
});
