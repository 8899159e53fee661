// Runs a Node.js handler against the Lambda Runtime API, as the runtime inside AWS Lambda does.
//
// Stepwell starts `node --input-type=module -e <this text>` in the function's folder, as the leader
// of a process group of its own. Names, messages and shapes of errors are those of AWS's
// `aws-lambda-ric`.

import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { types } from 'node:util';
import { Worker } from 'node:worker_threads';

const env = process.env;
const root = env.LAMBDA_TASK_ROOT;
const [hostname, port] = env.AWS_LAMBDA_RUNTIME_API.split(':');
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });

// Ends this process and all it started, from a thread of its own once the server is gone: a handler
// must not go on working for nobody, not even one that never yields.
const leaving = `{
  try { process.kill(-process.pid, 'SIGKILL'); } catch { process.kill(process.pid, 'SIGKILL'); }
}`;
const leave = new Function('process', leaving).bind(null, process);
const watch = `const parent = ${process.ppid};
setInterval(() => { if (process.ppid !== parent) ${leaving} }, 500);`;
new Worker(watch, { eval: true, env: {}, stdout: false, stderr: false }).unref();

// The event loop ran empty: what then, as long as an invocation is under way.
let whenEmpty = null;
process.on('beforeExit', () => whenEmpty?.());

class Fault extends Error {
  constructor(kind, message) {
    super(message);
    this.name = `Runtime.${kind}`;
  }
}

function call(method, where, body) {
  return new Promise((resolve, reject) => {
    const headers = body === undefined ? {} : { 'content-type': 'application/json' };
    if (body !== undefined) headers['content-length'] = Buffer.byteLength(body);
    const options = { hostname, port, agent, method, headers, path: `/2018-06-01/runtime/${where}` };
    const request = http.request(options, (response) => {
      const chunks = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8');
        resolve({ status: response.statusCode, headers: response.headers, text });
      });
    });
    request.on('error', reject);
    request.end(body);
  });
}

// Paths as Lambda would have shown them.
function shown(text) {
  return text.replaceAll(`${pathToFileURL(root)}/`, 'file:///var/task/').replaceAll(`${root}/`, '/var/task/');
}

function errorText(error) {
  let report;
  try {
    if (types.isNativeError(error) || (error?.name && error?.message && error?.stack)) {
      report = { errorType: error.name, errorMessage: error.message, trace: shown(error.stack).split('\n') };
    } else {
      report = { errorType: typeof error, errorMessage: error.toString(), trace: [] };
    }
  } catch {
    report = {
      errorType: 'handled',
      errorMessage:
        'callback called with Error argument, but there was a problem while retrieving one or more of its message, name, and stack',
    };
  }
  console.error('Invoke Error', JSON.stringify(report));
  return JSON.stringify(report);
}

// Whether files ending in `.js` in this folder are ES modules.
function isModuleFolder(folder) {
  if (folder.endsWith('/node_modules')) return false;
  const manifest = path.join(folder, 'package.json');
  if (fs.existsSync(manifest)) {
    try {
      return JSON.parse(fs.readFileSync(manifest, 'utf8')).type === 'module';
    } catch {
      return false;
    }
  }
  const parent = path.dirname(folder);
  return parent !== folder && isModuleFolder(parent);
}

async function loadModule(folder, name) {
  const file = path.resolve(root, folder, name);
  const require = createRequire(path.join(root, 'index.js'));
  const tries = [['', 'require'], ['.js', isModuleFolder(path.dirname(file)) ? 'import' : 'require']];
  tries.push(['.mjs', 'import'], ['.cjs', 'require']);
  for (const [extension, how] of tries) {
    const whole = file + extension;
    if (!fs.existsSync(whole) || fs.statSync(whole).isDirectory()) continue;
    return how === 'import' ? await import(pathToFileURL(whole).href) : require(whole);
  }
  return require(require.resolve(name, { paths: [root, path.resolve(root, folder)] }));
}

async function load(handler) {
  if (handler.includes('..')) {
    throw new Fault(
      'MalformedHandlerName',
      `'${handler}' is not a valid handler name. Use absolute paths when specifying root directories in handler names.`,
    );
  }
  const base = path.basename(handler);
  const match = base.match(/^([^.]*)\.(.*)$/);
  if (!match) throw new Fault('MalformedHandlerName', 'Bad handler');
  let module;
  try {
    module = await loadModule(handler.substring(0, handler.indexOf(base)), match[1]);
  } catch (error) {
    if (error instanceof SyntaxError) throw new Fault('UserCodeSyntaxError', shown(String(error)));
    if (error?.code === 'MODULE_NOT_FOUND') throw new Fault('ImportModuleError', shown(String(error)));
    throw error;
  }
  const found = match[2].split('.').reduce((nested, key) => nested && nested[key], module);
  if (!found) throw new Fault('HandlerNotFound', `${handler} is undefined or not exported`);
  if (typeof found !== 'function') throw new Fault('HandlerNotFound', `${handler} is not a function`);
  return found;
}

async function serveOne(handler) {
  const { status, headers, text } = await call('GET', 'invocation/next').catch(leave);
  if (status !== 200) leave();
  const id = headers['lambda-runtime-aws-request-id'];
  env._X_AMZN_TRACE_ID = headers['lambda-runtime-trace-id'] ?? '';

  let ended = false;
  const finish = (end, body, then = () => setImmediate(serveOne, handler)) => {
    if (ended) return;
    ended = true;
    whenEmpty = null;
    call('POST', `invocation/${id}/${end}`, body).then(then, leave);
  };
  const fail = (error, then) => finish('error', errorText(error), then);
  const succeed = (result) => {
    let body;
    try {
      body = JSON.stringify(result === undefined ? null : result) ?? 'null';
    } catch {
      return fail(new Error('Unable to stringify response body'));
    }
    finish('response', body);
  };
  const done = (error, result) => (error === undefined || error === null ? succeed(result) : fail(error));

  const context = {
    callbackWaitsForEmptyEventLoop: true,
    succeed,
    fail: (error) => fail(error ?? 'handled'),
    done,
    functionVersion: env.AWS_LAMBDA_FUNCTION_VERSION,
    functionName: env.AWS_LAMBDA_FUNCTION_NAME,
    memoryLimitInMB: env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: env.AWS_LAMBDA_LOG_STREAM_NAME,
    clientContext: parsed(headers['lambda-runtime-client-context']),
    invokedFunctionArn: headers['lambda-runtime-invoked-function-arn'],
    awsRequestId: id,
    getRemainingTimeInMillis: () => Number(headers['lambda-runtime-deadline-ms']) - Date.now(),
  };
  let called = false;
  const callback = (error, result) => {
    if (called) return;
    called = true;
    if ((error === undefined || error === null) && context.callbackWaitsForEmptyEventLoop) {
      whenEmpty = () => succeed(result);
    } else {
      done(error, result);
    }
  };

  const crash = (code) => (error) => fail(error, () => process.exit(code));
  process.removeAllListeners('uncaughtException').on('uncaughtException', crash(129));
  process.removeAllListeners('unhandledRejection').on('unhandledRejection', (reason) => {
    crash(128)(new Fault('UnhandledPromiseRejection', String(reason)));
  });
  whenEmpty = () => succeed(null);
  try {
    const result = handler(JSON.parse(text), context, callback);
    if (typeof result?.then === 'function') {
      whenEmpty = () => fail(new Fault('NodeJsExit', 'The event loop is empty and the promise of the handler was never settled.'));
      result.then(succeed, context.fail);
    }
  } catch (error) {
    callback(error);
  }
}

function parsed(text) {
  return text === undefined ? undefined : JSON.parse(text);
}

load(env._HANDLER).then(
  (handler) => serveOne(handler),
  (error) => call('POST', 'init/error', errorText(error)).then(() => process.exit(1), leave),
);
