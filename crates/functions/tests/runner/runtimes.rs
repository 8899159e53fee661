//! Node.js, runtimes of one's own, and functions that are an address.

use super::*;

#[test]
fn node_handlers_of_every_style_are_called() {
    let bench = Bench::new()
        .function(
            "esm",
            "nodejs20.x",
            "lib/app.mjs",
            "lib/app.handler",
            "export const handler = async (event, context) => [event, context.awsRequestId, context.functionName];",
            "",
        )
        .function(
            "cjs",
            "nodejs20.x",
            "app.js",
            "app.nested.handler",
            "exports.nested = { handler: async (event) => ({ cjs: event }) };",
            "",
        )
        .function(
            "callback",
            "nodejs20.x",
            "app.cjs",
            "app.handler",
            "let later = 0;\nexports.handler = (event, context, callback) => {\n  setTimeout(() => { later += 1; }, 50);\n  callback(null, { before: later });\n};",
            "",
        )
        .function(
            "module",
            "nodejs20.x",
            "app.js",
            "app.handler",
            "import os from 'node:os';\nexport function handler(event, context) { context.succeed(typeof os.EOL); }",
            "",
        );
    bench.write("module/package.json", r#"{"type": "module"}"#);
    let runner = bench.start();
    assert_eq!(call(&runner, "esm", "1").unwrap(), r#"[1,"00000000-0000-4000-8000-000000000001","esm"]"#);
    assert_eq!(call(&runner, "cjs", "{\"a\": null}").unwrap(), r#"{"cjs":{"a":null}}"#);
    assert_eq!(call(&runner, "callback", "{}").unwrap(), r#"{"before":0}"#);
    // The first answer waited until the event loop was empty; so the timer had run by then.
    assert_eq!(call(&runner, "callback", "{}").unwrap(), r#"{"before":1}"#);
    assert_eq!(call(&runner, "module", "{}").unwrap(), "\"string\"");
}

#[test]
fn node_errors_are_reported_as_lambda_does() {
    let code = r#"
class CustomError extends Error { constructor(m) { super(m); this.name = 'CustomError'; } }
exports.handler = (event, context, callback) => {
  if (event === 'throw') throw new CustomError('thrown');
  if (event === 'reject') return Promise.reject(new CustomError('rejected'));
  if (event === 'callback') return callback('a text');
  if (event === 'later') return setTimeout(() => { throw new CustomError('uncaught'); }, 1);
  if (event === 'never') return new Promise(() => {});
  if (event === 'exit') process.exit(5);
  if (event === 'cycle') { const a = {}; a.a = a; return Promise.resolve(a); }
};
"#;
    let bench = Bench::new()
        .function("f", "nodejs20.x", "app.js", "app.handler", code, "")
        .function("broken", "nodejs20.x", "app.js", "app.handler", "exports.handler = (;", "")
        .function("missing", "nodejs20.x", "app.js", "app.handler", "exports.other = 1;", "")
        .function("import", "nodejs20.x", "app.js", "app.handler", "require('no-such-package');", "");
    let runner = bench.start();
    for (name, event, error, message) in [
        ("f", "throw", "CustomError", "thrown"),
        ("f", "reject", "CustomError", "rejected"),
        ("f", "callback", "string", "a text"),
        ("f", "later", "CustomError", "uncaught"),
        ("f", "never", "Runtime.NodeJsExit", "The event loop is empty"),
        (
            "f",
            "exit",
            "Runtime.ExitError",
            "RequestId: 00000000-0000-4000-8000-000000000001 Error: Runtime exited with error: exit status 5",
        ),
        ("f", "cycle", "Error", "Unable to stringify response body"),
        ("broken", "", "Runtime.UserCodeSyntaxError", "SyntaxError: Unexpected token ';'"),
        ("missing", "", "Runtime.HandlerNotFound", "app.handler is undefined or not exported"),
        ("import", "", "Runtime.ImportModuleError", "Error: Cannot find module 'no-such-package'"),
    ] {
        let (kind, cause) = failure(call(&runner, name, &Value::from(event).to_string()));
        assert_eq!(kind, error);
        let told = cause.get("errorMessage").unwrap().as_str().unwrap();
        assert!(told.starts_with(message), "{told}");
        if event == "throw" {
            assert!(cause.get("trace").unwrap().to_string().contains("(/var/task/app.js:4:"), "{cause}");
        }
    }
    // A handler of the callback style that never calls back answers null.
    assert_eq!(call(&runner, "f", "\"other\"").unwrap(), "null");
}

/// A runtime of its own that speaks the Runtime API with chunked bodies and absolute request targets,
/// and first tries to answer for another invocation.
const PROVIDED: &str = r#"#!/usr/bin/env python3
import http.client, os, sys
api = os.environ["AWS_LAMBDA_RUNTIME_API"]
root = "http://" + api + "/2018-06-01/runtime"
connection = http.client.HTTPConnection(api)
def ask(method, path, body=None, headers={}, chunked=False):
    connection.request(method, path, body, headers, encode_chunked=chunked)
    response = connection.getresponse()
    return response.status, response.headers, response.read()
while True:
    statuses = [ask("GET", "/2018-06-01/runtime/invocation/next", None, {"Origin": "http://evil.example"})[0]]
    status, headers, event = ask("GET", root + "/invocation/next")
    id = headers["Lambda-Runtime-Aws-Request-Id"]
    statuses.append(ask("POST", root + "/invocation/another-id/response", b"\"stolen\"")[0])
    statuses.append(ask("GET", root + "/invocation/next")[0])
    statuses.append(ask("GET", root + "/no/such/path")[0])
    body = ("[" + event.decode() + "," + ",".join(map(str, statuses)) + "]").encode()
    chunks = iter([body[:5], body[5:]])
    ask("POST", root + "/invocation/" + id + "/response", chunks, {"Transfer-Encoding": "chunked"}, True)
"#;

#[test]
fn a_runtime_of_its_own_speaks_the_runtime_api() {
    use std::os::unix::fs::PermissionsExt;
    let bench = Bench::new();
    bench.write("f/bootstrap", PROVIDED);
    std::fs::set_permissions(bench.path("f/bootstrap"), PermissionsExt::from_mode(0o755)).unwrap();
    let bench = bench.toml(
        "[[function]]\nname = \"f\"\nruntime = \"provided.al2023\"\ncode = \"f\"\ntimeout_seconds = 30\n",
    );
    let runner = bench.start();
    for _ in 0..2 {
        let result = call(&runner, "f", "{\"n\": 1}");
        let expected = Ok("[{\"n\": 1},403,400,403,404]".to_owned());
        assert_eq!(result, expected, "{:?}", bench.log.lock().unwrap());
    }
}

/// An HTTP server that answers each connection with the next of these texts, and tells what it read.
fn endpoint(answers: Vec<&'static str>) -> (u16, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, requests) = mpsc::channel();
    std::thread::spawn(move || {
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            let mut read = Vec::new();
            let mut chunk = [0; 1024];
            while !String::from_utf8_lossy(&read).contains("\r\n\r\n{") {
                let n = stream.read(&mut chunk).unwrap();
                read.extend_from_slice(&chunk[..n]);
            }
            sender.send(String::from_utf8(read).unwrap()).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    (port, requests)
}

#[test]
fn a_function_can_be_an_address() {
    let (port, requests) = endpoint(vec![
        "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n{\"a\": 1}",
        "HTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX-Amz-Function-Error: Unhandled\r\nContent-Length: 17\r\n\r\n{\"errorType\":\"E\"}",
        "HTTP/1.1 500 Oops\r\nContent-Length: 4\r\n\r\noops",
        "HTTP/1.1 429 Slow down\r\nContent-Length: 0\r\n\r\n",
        "",
        "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n{\"a\"",
    ]);
    let bench = Bench::new().toml(&format!(
        "[[function]]\nname = \"f\"\nendpoint = \"http://127.0.0.1:{port}/score?x=1\"\ntimeout_seconds = 30\n\
         [[function]]\nname = \"closed\"\nendpoint = \"http://127.0.0.1:1/\"\n"
    ));
    let runner = bench.start();
    assert_eq!(call(&runner, "f", "{}").unwrap(), "{\"a\": 1}");
    let seen = requests.recv_timeout(PATIENCE).unwrap();
    assert!(seen.starts_with("POST /score?x=1 HTTP/1.1\r\n"), "{seen}");
    assert!(
        seen.contains("lambda-runtime-aws-request-id: 00000000-0000-4000-8000-000000000001\r\n"),
        "{seen}"
    );
    assert_eq!(call(&runner, "f", "{}").unwrap(), "null");
    for (error, cause) in [
        ("E", "{\"errorType\":\"E\"}"),
        ("Lambda.Unknown", "The endpoint answered 500 Internal Server Error: oops"),
        ("Lambda.TooManyRequestsException", "The endpoint answered 429 Too Many Requests: "),
    ] {
        assert_eq!(call(&runner, "f", "{}").unwrap_err(), Failure::new(error, cause));
    }
    // It broke off before and within the answer: nobody can tell.
    for _ in 0..2 {
        assert_eq!(direct(&runner, "f", "{}").recv_timeout(PATIENCE).unwrap(), TaskOutcome::Unknown);
    }
    assert_eq!(call(&runner, "closed", "{}").unwrap_err().error_name(), "Lambda.SdkClientException");
}

#[test]
fn an_address_that_does_not_answer_in_time_leaves_the_outcome_unknown() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let bench = Bench::new().toml(&format!(
        "[[function]]\nname = \"f\"\nendpoint = \"http://127.0.0.1:{port}\"\ntimeout_seconds = 1\n"
    ));
    let outcome = direct(&bench.start(), "f", "{}").recv_timeout(PATIENCE).unwrap();
    assert_eq!(outcome, TaskOutcome::Unknown);
}

#[test]
fn an_event_is_accepted_at_once_and_a_dry_run_runs_nothing() {
    let code = "def handler(event, context):\n    open(event, 'w').write('ran\\n')\n";
    let bench = Bench::new().python("f", code, "");
    let runner = bench.start();
    let file = bench.path("file");
    for (kind, status) in [("DryRun", 204), ("Event", 202)] {
        let parameters =
            format!("{{\"FunctionName\": \"f\", \"InvocationType\": \"{kind}\", \"Payload\": {file:?}}}");
        let outcome =
            send(&runner, request(1, "arn:aws:states:::lambda:invoke", &parameters)).try_recv().unwrap();
        let TaskOutcome::Succeeded(output) = outcome else { panic!("it succeeds") };
        assert_eq!(output.value().get("StatusCode").unwrap().as_i64(), Some(status));
        assert!(output.value().get("Payload").is_none());
    }
    ids_in(&file, 1);
}
