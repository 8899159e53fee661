/** What a new state machine may begin as. */

import type { MachineType } from "../api/types";

export interface Template {
  id: string;
  title: string;
  about: string;
  type: MachineType;
  definition: string;
}

function written(definition: object): string {
  return `${JSON.stringify(definition, null, 2)}\n`;
}

export const TEMPLATES: Template[] = [
  {
    id: "hello", title: "Hello", about: "One step that answers.", type: "STANDARD",
    definition: written({
      Comment: "Says hello",
      QueryLanguage: "JSONata",
      StartAt: "Say hello",
      States: { "Say hello": { Type: "Pass", Output: { greeting: "{% 'Hello, ' & ($states.input.name ? $states.input.name : 'world') %}" }, End: true } },
    }),
  },
  {
    id: "choice", title: "Choice and retry", about: "Calls a function, tries again when it fails, and goes on by what it answers.", type: "STANDARD",
    definition: written({
      Comment: "Checks an order, and goes on by what came of it",
      QueryLanguage: "JSONata",
      StartAt: "Check order",
      States: {
        "Check order": {
          Type: "Task",
          Resource: "arn:aws:states:::lambda:invoke",
          Arguments: { FunctionName: "check-order", Payload: "{% $states.input %}" },
          Retry: [{ ErrorEquals: ["States.TaskFailed"], IntervalSeconds: 2, MaxAttempts: 3, BackoffRate: 2 }],
          Catch: [{ ErrorEquals: ["States.ALL"], Output: "{% $states.errorOutput %}", Next: "Order failed" }],
          Output: "{% $states.result.Payload %}",
          Next: "Is it in stock?",
        },
        "Is it in stock?": { Type: "Choice", Choices: [{ Condition: "{% $states.input.inStock = true %}", Next: "Ship it" }], Default: "Wait for stock" },
        "Wait for stock": { Type: "Wait", Seconds: 60, Next: "Check order" },
        "Ship it": { Type: "Succeed" },
        "Order failed": { Type: "Fail", Error: "OrderFailed", Cause: "The order could not be checked" },
      },
    }),
  },
  {
    id: "map", title: "Map", about: "Does the same for each item, a few at a time.", type: "STANDARD",
    definition: written({
      Comment: "Handles each item of a list",
      QueryLanguage: "JSONata",
      StartAt: "Each item",
      States: {
        "Each item": {
          Type: "Map",
          Items: "{% $states.input.items %}",
          MaxConcurrency: 5,
          ItemProcessor: {
            ProcessorConfig: { Mode: "INLINE" },
            StartAt: "Handle item",
            States: { "Handle item": { Type: "Pass", Output: { item: "{% $states.input %}", handled: true }, End: true } },
          },
          End: true,
        },
      },
    }),
  },
  {
    id: "approval", title: "Approval", about: "Waits until somebody answers with the task's token, at most a week.", type: "STANDARD",
    definition: written({
      Comment: "Asks somebody, and goes on by the answer",
      QueryLanguage: "JSONata",
      StartAt: "Ask for approval",
      States: {
        "Ask for approval": {
          Type: "Task",
          Resource: "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
          Arguments: { QueueUrl: "http://localhost:4566/000000000000/approvals", MessageBody: { request: "{% $states.input %}", taskToken: "{% $states.context.Task.Token %}" } },
          TimeoutSeconds: 604_800,
          Catch: [{ ErrorEquals: ["States.Timeout"], Next: "Nobody answered" }],
          Next: "Approved?",
        },
        "Approved?": { Type: "Choice", Choices: [{ Condition: "{% $states.input.approved = true %}", Next: "Approved" }], Default: "Refused" },
        Approved: { Type: "Succeed" },
        Refused: { Type: "Fail", Error: "Refused", Cause: "The request was refused" },
        "Nobody answered": { Type: "Fail", Error: "NoAnswer", Cause: "Nobody answered within a week" },
      },
    }),
  },
  {
    id: "express", title: "Express", about: "Short, fast and kept in memory: two things at once, and their results together.", type: "EXPRESS",
    definition: written({
      Comment: "Looks two things up at once",
      QueryLanguage: "JSONata",
      StartAt: "Look up",
      States: {
        "Look up": {
          Type: "Parallel",
          Branches: [
            { StartAt: "Price", States: { Price: { Type: "Pass", Output: { price: 42 }, End: true } } },
            { StartAt: "Stock", States: { Stock: { Type: "Pass", Output: { stock: 7 }, End: true } } },
          ],
          Output: "{% $merge($states.result) %}",
          End: true,
        },
      },
    }),
  },
];
