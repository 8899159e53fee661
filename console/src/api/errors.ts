/** What can go wrong with a call, and whether the server is there at all. */

/** The server refused a call, with AWS's exception or one of ours; or it could not be reached. */
export class ApiError extends Error {
  /** The short name of the exception, such as `StateMachineDoesNotExist`; `ServerGone` without an answer. */
  readonly kind: string;
  readonly status: number;

  constructor(kind: string, message: string, status: number) {
    super(message);
    this.name = "ApiError";
    this.kind = kind;
    this.status = status;
  }

  /** The exception in an answer. */
  static async of(answer: Response): Promise<ApiError> {
    let body: { __type?: string; message?: string; Message?: string } = {};
    try {
      body = await answer.json();
    } catch {
      // A proxy in between may answer in words of its own; the status is all we know then.
    }
    const type = body.__type ?? `HTTP ${answer.status}`;
    const kind = type.slice(type.lastIndexOf("#") + 1);
    return new ApiError(kind, body.message ?? body.Message ?? answer.statusText, answer.status);
  }

  get isServerGone(): boolean {
    return this.kind === "ServerGone";
  }

  /** The policies of the user do not allow the call. */
  get isDenied(): boolean {
    return this.kind === "AccessDeniedException";
  }

  /** What the call is about is not there. */
  get isMissing(): boolean {
    return /DoesNotExist|InvalidArn/.test(this.kind);
  }

  /** The call did not show the token of the session that the browser has now. */
  get isForged(): boolean {
    return this.status === 403 && this.message.includes("X-Stepwell-Csrf");
  }
}

/** What went wrong, in a sentence. What the server says of a call that is not allowed is long, and mostly ARNs. */
export function describeError(error: unknown): string {
  if (error instanceof ApiError && error.isDenied) {
    const action = /not authorized to perform: (\S+)/.exec(error.message)?.[1];
    return `You are not allowed to do this${action ? ` (${action})` : ""}.`;
  }
  return error instanceof Error ? error.message : String(error);
}

let gone = false;
const listeners = new Set<() => void>();

/** Whether the last attempt to reach the server failed. */
export function isServerGone(): boolean {
  return gone;
}

/** Hears when the server goes away or is back. */
export function onServerChange(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function set(next: boolean): void {
  if (gone === next) return;
  gone = next;
  listeners.forEach((listener) => listener());
}

/** The server has answered, whatever it said. */
export function serverAnswered(): void {
  set(false);
}

/** The server could not be reached. A call that we gave up ourselves says nothing about it. */
export function serverGone(error: unknown): unknown {
  if (error instanceof DOMException && (error.name === "AbortError" || error.name === "TimeoutError")) return error;
  set(true);
  return new ApiError("ServerGone", "The server cannot be reached.", 0);
}
