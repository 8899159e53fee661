/** Calls of the public API: AWS JSON 1.0, and our own operations beside AWS's. */

import { root } from "../router";
import { ApiError, serverAnswered, serverGone } from "./errors";
import { credentials, noteExpired, noteForged } from "./session";

/** Members of a request that name the place of the call. */
const ARN_MEMBERS = ["executionArn", "stateMachineArn", "resourceArn", "activityArn", "stateMachineVersionArn", "stateMachineAliasArn", "mapRunArn"];

/**
 * Does one operation: `StartExecution` as AWS names it, `Stepwell.GetHistoryEvents` for ours.
 *
 * Throws an `ApiError` if it is refused or the server cannot be reached.
 */
export async function call<Answer>(operation: string, request: object = {}, signal?: AbortSignal): Promise<Answer> {
  try {
    return await callOnce(operation, request, signal);
  } catch (error) {
    if (error instanceof ApiError && error.isForged && (await noteForged())) return callOnce(operation, request, signal);
    throw error;
  }
}

async function callOnce<Answer>(operation: string, request: object, signal?: AbortSignal): Promise<Answer> {
  const arn = ARN_MEMBERS.map((member) => (request as Record<string, unknown>)[member]).find((value) => typeof value === "string");
  let answer: Response;
  try {
    answer = await fetch(root(""), {
      method: "POST",
      headers: {
        "Content-Type": "application/x-amz-json-1.0",
        "X-Amz-Target": operation.startsWith("Stepwell.") ? operation : `AWSStepFunctions.${operation}`,
        ...credentials(arn as string | undefined),
      },
      body: JSON.stringify(request),
      signal,
    });
  } catch (error) {
    throw serverGone(error);
  }
  serverAnswered();
  if (answer.ok) return (await answer.json()) as Answer;
  const error = await ApiError.of(answer);
  if (error.kind === "ExpiredTokenException") noteExpired();
  throw error;
}
