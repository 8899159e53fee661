// Node handlers for the black-box tests.

class Trouble extends Error {
  constructor(message) {
    super(message);
    this.name = "Trouble";
  }
}

export const echo = async (event, context) => ({ event, requestId: context.awsRequestId });

export const fail = async () => {
  throw new Trouble("this went wrong");
};

export const vanish = async () => {
  process.exit(7);
};
