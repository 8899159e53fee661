// Draws the label of a parcel.

export const handler = async (event) => {
  await new Promise((resolve) => setTimeout(resolve, 150));
  const { street, city } = event.shipTo;
  return {
    label: `${process.env.CARRIER} | ${street}, ${city} | ${event.barcode}`,
  };
};
