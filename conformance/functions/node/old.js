// A handler of the older kind: CommonJS, and a callback for the answer.
exports.echo = (event, context, callback) => {
  setTimeout(() => callback(null, event), 10);
};
