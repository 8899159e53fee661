/** The state machines of the journeys. */

const lambda = (name) => `arn:aws:lambda:us-east-1:000000000000:function:${name}`;

/** Prices the lines of an order, has it approved if it is large, charges the card and packs. */
export const ORDER = {
  Comment: "Takes an order from the cart to the parcel.",
  StartAt: "ReadOrder",
  States: {
    ReadOrder: { Type: "Pass", Next: "PriceLines" },
    PriceLines: {
      Type: "Map",
      ItemsPath: "$.items",
      ItemSelector: { "item.$": "$$.Map.Item.Value" },
      ItemProcessor: { StartAt: "PriceLine", States: { PriceLine: { Type: "Task", Resource: lambda("price-line"), End: true } } },
      ResultPath: "$.lines",
      Next: "Prepare",
    },
    Prepare: {
      Type: "Parallel",
      Branches: [
        { StartAt: "ReserveStock", States: { ReserveStock: { Type: "Pass", Result: { warehouse: "north" }, End: true } } },
        { StartAt: "PrintLabel", States: { PrintLabel: { Type: "Pass", Result: { carrier: "Penny Post" }, End: true } } },
      ],
      ResultPath: "$.prepared",
      Next: "NeedsApproval",
    },
    NeedsApproval: { Type: "Choice", Choices: [{ Variable: "$.approve", BooleanEquals: true, Next: "ApproveOrder" }], Default: "ChargeCard" },
    ApproveOrder: {
      Type: "Task",
      Resource: "arn:aws:states:us-east-1:000000000000:activity:approve-order",
      Parameters: { "orderId.$": "$.orderId", "customer.$": "$.customer", "amount.$": "$.amount" },
      TimeoutSeconds: 3600,
      ResultPath: "$.approval",
      Catch: [{ ErrorEquals: ["OrderRefused"], ResultPath: "$.failure", Next: "OrderRefused" }],
      Next: "ChargeCard",
    },
    OrderRefused: { Type: "Fail", ErrorPath: "$.failure.Error", CausePath: "$.failure.Cause" },
    ChargeCard: {
      Type: "Task",
      Resource: "arn:aws:states:::lambda:invoke",
      Parameters: { FunctionName: lambda("charge-card"), "Payload.$": "$" },
      ResultSelector: { "chargeId.$": "$.Payload.chargeId" },
      ResultPath: "$.charge",
      Next: "Pack",
    },
    Pack: { Type: "Task", Resource: lambda("pack"), ResultPath: "$.parcel", Next: "WaitForCourier" },
    WaitForCourier: { Type: "Wait", SecondsPath: "$.courierSeconds", Next: "OrderShipped" },
    OrderShipped: { Type: "Succeed" },
  },
};

export const order = (number, more = {}) => ({ orderId: `A-${number}`, customer: "Ada Lovelace", amount: 120, approve: false, courierSeconds: 0, items: ["teapot", "copper kettle", "tea"], ...more });

/** One step that calls a function. */
export const one = (name, state) => ({ StartAt: name, States: { [name]: { ...state, End: true } } });

/** One step that goes on when there is a file of this name beside the functions. */
export const held = (name, until) => one(name, { Type: "Task", Resource: lambda("hold"), Parameters: { until } });

export const CHARGE = one("ChargeCard", { Type: "Task", Resource: lambda("charge-card") });
export const SLOW = { StartAt: "Hold", States: { Hold: { Type: "Wait", Seconds: 3_600, Next: "Done" }, Done: { Type: "Succeed" } } };

/** As many iterations as the input says in `count`; the 777th fails. */
export const MANY = {
  QueryLanguage: "JSONata",
  StartAt: "Each line",
  States: {
    "Each line": {
      Type: "Map",
      Items: "{% [1..$states.input.count] %}",
      ItemProcessor: {
        StartAt: "Check",
        States: {
          Check: { Type: "Choice", Choices: [{ Condition: "{% $states.input = 777 %}", Next: "Broken" }], Default: "Fine" },
          Broken: { Type: "Pass", Output: "{% $error('Line 777 cannot be read') %}", End: true },
          Fine: { Type: "Pass", End: true },
        },
      },
      Catch: [{ ErrorEquals: ["States.ALL"], Next: "Report" }],
      Next: "Report",
    },
    Report: { Type: "Pass", Output: {}, End: true },
  },
};

/** `count` states in a row, every seventh a choice that may skip the next. */
export function chain(count) {
  const States = {};
  for (let index = 1; index <= count; index += 1) {
    const name = `Step ${index}`;
    const next = index < count ? { Next: `Step ${index + 1}` } : { End: true };
    if (index % 7 === 0 && index + 2 <= count) States[name] = { Type: "Choice", Choices: [{ Variable: "$.skip", IsPresent: true, Next: `Step ${index + 2}` }], Default: `Step ${index + 1}` };
    else States[name] = { Type: "Pass", ...next };
  }
  return { StartAt: "Step 1", States };
}
