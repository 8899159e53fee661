// Evaluates one expression a line with the official JSONata and answers one line each.
//
// In: [expression, input] as JSON. Out: {"r": result}, {"u": true} for undefined,
// {"c": code, "t": token, "p": position, "m": message} for an error of the language,
// {"n": message} for an error of JavaScript itself, which has no code.
//
// The language runs in a context of its own, with a limit of time: the reference hangs on some
// arguments that are infinite.
const fs = require('fs');
const vm = require('vm');
const lines = require('readline').createInterface({ input: process.stdin, crlfDelay: Infinity });

const TIME_MAX_MS = 2000;

const source = `
const isFunction = (value) =>
  typeof value === 'function' || (value && (value._jsonata_function === true || value._jsonata_lambda === true));

// Grouping an empty array puts undefined into it. That of an input is not to be changed.
const guard = (_, value) => (Array.isArray(value) && value.length === 0 ? Object.freeze(value) : value);

async function answer(line) {
  const [expression, input] = JSON.parse(line, guard);
  try {
    const result = await jsonata(expression).evaluate(input);
    if (result === undefined) return { u: true };
    if (isFunction(result)) return { f: true };
    return { r: JSON.parse(JSON.stringify(result, (_, value) => (isFunction(value) ? '' : value))) };
  } catch (error) {
    if (typeof error.code === 'string' && /^[STDU]\\d{4}$/.test(error.code)) {
      return { c: error.code, t: error.token, p: error.position, m: error.message };
    }
    return { n: String(error.message) };
  }
}
`;

const host = {};
const context = vm.createContext({ host, Buffer, console }, { microtaskMode: 'afterEvaluate' });
vm.runInContext('var global = globalThis; var window = undefined;', context);
vm.runInContext(fs.readFileSync(require.resolve('jsonata'), 'utf8').replace(/^\(function\(f\)\{.*?\}\)\(function\(\)\{/, '(function(f){globalThis.jsonata=f()})(function(){'), context);
vm.runInContext(source, context);
const run = new vm.Script(
  'host.reply = { n: "no answer" }; answer(host.line).then((reply) => { host.reply = JSON.stringify(reply); })',
);

(async () => {
  for await (const line of lines) {
    host.line = line;
    try {
      run.runInContext(context, { timeout: TIME_MAX_MS });
      process.stdout.write((typeof host.reply === 'string' ? host.reply : JSON.stringify(host.reply)) + '\n');
    } catch (error) {
      process.stdout.write(JSON.stringify({ n: String(error.message) }) + '\n');
    }
  }
})();
