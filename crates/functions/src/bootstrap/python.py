"""Runs a Python handler against the Lambda Runtime API, as the runtime inside AWS Lambda does.

Stepwell starts `python3 -c <this text>` in the function's folder, as the leader of a process group
of its own. Names, messages and shapes of errors are those of AWS's `awslambdaric`.
"""

import decimal
import http.client
import importlib
import json
import logging
import os
import signal
import sys
import threading
import time
import traceback

ROOT = os.environ["LAMBDA_TASK_ROOT"]
RUNTIME = "/2018-06-01/runtime/"
# From Python 3.12 on Lambda writes characters past ASCII as they are.
ASCII = os.environ.get("AWS_EXECUTION_ENV", "") in ["AWS_Lambda_python3.%d" % n for n in range(12)]
current_request_id = ""


def leave():
    """Ends this process and all it started."""
    if os.getpgrp() == os.getpid():
        os.killpg(os.getpgrp(), signal.SIGKILL)
    os._exit(1)


def watch_parent(parent):
    """Leaves once the server is gone: a handler must not go on working for nobody."""
    while os.getppid() == parent:
        time.sleep(0.5)
    leave()


class Fault(Exception):
    """An error of the runtime rather than of the handler."""

    def __init__(self, kind, message, trace=None):
        super().__init__(message)
        self.kind, self.trace = "Runtime." + kind, trace or []


class Context:
    """The second argument of a handler."""

    def __init__(self, headers):
        env = os.environ.get
        self.aws_request_id = headers["Lambda-Runtime-Aws-Request-Id"]
        self.invoked_function_arn = headers["Lambda-Runtime-Invoked-Function-Arn"]
        self.function_name = env("AWS_LAMBDA_FUNCTION_NAME")
        self.function_version = env("AWS_LAMBDA_FUNCTION_VERSION")
        self.memory_limit_in_mb = env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")
        self.log_group_name = env("AWS_LAMBDA_LOG_GROUP_NAME")
        self.log_stream_name = env("AWS_LAMBDA_LOG_STREAM_NAME")
        self.tenant_id = None
        self.identity = Bag(("cognito_identity_id", "cognito_identity_pool_id"), {})
        self.client_context = None
        text = headers["Lambda-Runtime-Client-Context"]
        if text:
            given = json.loads(text)
            self.client_context = Bag(("custom", "env", "client"), given)
        self._deadline_ms = int(headers["Lambda-Runtime-Deadline-Ms"])

    def get_remaining_time_in_millis(self):
        return max(0, self._deadline_ms - int(time.time() * 1000))

    def log(self, message):
        sys.stdout.write(str(message))


class Bag:
    """An object with these attributes."""

    def __init__(self, names, given):
        for name in names:
            setattr(self, name, given.get(name))


class Filter(logging.Filter):
    def filter(self, record):
        record.aws_request_id = current_request_id
        return True


def set_up_logging():
    logging.Formatter.converter = time.gmtime
    handler = logging.StreamHandler(sys.stdout)
    line = "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s"
    handler.setFormatter(logging.Formatter(line, "%Y-%m-%dT%H:%M:%S"))
    handler.addFilter(Filter())
    logging.getLogger().addHandler(handler)


def load(handler):
    module_name, dot, function_name = handler.rpartition(".")
    if not dot:
        message = "not enough values to unpack (expected 2, got 1)"
        raise Fault("MalformedHandlerName", "Bad handler '%s': %s" % (handler, message))
    try:
        if module_name.split(".")[0] in sys.builtin_module_names:
            message = "Cannot use built-in module %s as a handler module" % module_name
            raise Fault("BuiltInModuleConflict", message)
        module = importlib.import_module(module_name.replace("/", "."))
    except ImportError as error:
        raise Fault("ImportModuleError", "Unable to import module '%s': %s" % (module_name, error))
    except SyntaxError as error:
        trace = ['  File "%s" Line %s\n    %s' % (shown(error.filename), error.lineno, error.text)]
        message = "Syntax error in module '%s': %s" % (module_name, error)
        raise Fault("UserCodeSyntaxError", message, trace)
    try:
        return getattr(module, function_name)
    except AttributeError:
        message = "Handler '%s' missing on module '%s'" % (function_name, module_name)
        raise Fault("HandlerNotFound", message)


def shown(path):
    """The path under which Lambda would have run the file."""
    return "/var/task" + path[len(ROOT):] if (path or "").startswith(ROOT + "/") else path


def error_of(error, request_id):
    """What Lambda reports of an exception, also printed as Lambda prints it."""
    if isinstance(error, Fault):
        kind, trace = error.kind, error.trace
    else:
        kind = type(error).__name__
        # The line is looked up under the real path, before that is replaced by the shown one.
        found = traceback.extract_tb(error.__traceback__)
        rows = [(row.filename, row.lineno, row.name, row.line) for row in found]
        while rows and rows[0][0] == "<string>":
            del rows[0]
        trace = traceback.format_list([(shown(row[0]),) + row[1:] for row in rows])
    result = {"errorMessage": str(error), "errorType": kind, "requestId": request_id, "stackTrace": trace}
    print("[ERROR] %s: %s\nTraceback (most recent call last):\n%s" % (kind, error, "".join(trace)), flush=True)
    return result


def to_json(value):
    """JSON as Lambda writes it: blanks after `,` and `:`, decimals as numbers with all digits."""
    decimals = {}

    def other(item):
        if not isinstance(item, decimal.Decimal):
            raise TypeError("Object of type %s is not JSON serializable" % type(item).__name__)
        if item.is_nan():
            return float("nan")
        mark = "decimal %d of %s" % (len(decimals), current_request_id)
        decimals['"%s"' % mark] = str(item)
        return mark

    text = json.dumps(value, ensure_ascii=ASCII, default=other)
    for mark, digits in decimals.items():
        text = text.replace(mark, digits)
    return text.encode("utf-8", "surrogatepass")


def post(connection, path, body, content_type="application/json"):
    connection.request("POST", RUNTIME + path, body, {"Content-Type": content_type})
    connection.getresponse().read()


def serve():
    global current_request_id
    threading.Thread(target=watch_parent, args=(os.getppid(),), daemon=True).start()
    # `-c` puts the working directory, which handlers may change, at the front of the path.
    sys.path[0] = ROOT
    set_up_logging()
    connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    try:
        handler = load(os.environ["_HANDLER"])
    except Exception as error:
        post(connection, "init/error", to_json(error_of(error, "")))
        sys.exit(1)
    while True:
        try:
            connection.request("GET", RUNTIME + "invocation/next")
            response = connection.getresponse()
            headers, event = response.headers, response.read()
            if response.status != 200:
                leave()
        except (OSError, http.client.HTTPException):
            leave()
        request_id = current_request_id = headers["Lambda-Runtime-Aws-Request-Id"]
        os.environ["_X_AMZN_TRACE_ID"] = headers["Lambda-Runtime-Trace-Id"] or ""
        content_type = "application/json"
        try:
            result = handler(json.loads(event), Context(headers))
            if isinstance(result, bytes):
                body, content_type = result, "application/octet-stream"
            else:
                try:
                    body = to_json(result)
                except Exception as error:
                    raise Fault("MarshalError", "Unable to marshal response: %s" % error)
            path = "invocation/%s/response" % request_id
        except Exception as error:
            body, path = to_json(error_of(error, request_id)), "invocation/%s/error" % request_id
        try:
            post(connection, path, body, content_type)
        except (OSError, http.client.HTTPException):
            leave()


serve()
