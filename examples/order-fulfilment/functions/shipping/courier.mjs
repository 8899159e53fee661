// Books the courier. Nobody comes for orders whose id ends in `-nocourier`.

class NoCourier extends Error {
  constructor(message) {
    super(message);
    this.name = "NoCourier";
  }
}

export const handler = async (event, context) => {
  if (event.orderId.endsWith("-nocourier")) {
    throw new NoCourier(`no courier comes for ${event.orderId}`);
  }
  console.log(`booked ${event.label} in request ${context.awsRequestId}`);
  return { name: process.env.CARRIER };
};
