/**
 * The event stream: server-sent events, read with `fetch` so that headers can say who calls.
 *
 * A browser keeps few connections to one server, for all its windows together. So a page that nobody sees lets
 * its stream go and resumes behind the last id it had when it is looked at again; and where more windows are
 * looked at than there are streams to have, those without one read what there is again and again. A broken
 * stream is tried again, soon at first, then every few seconds.
 */

import { root } from "../router";
import { ApiError, serverAnswered, serverGone } from "./errors";
import { credentials, noteExpired, noteForged } from "./session";

/** One message of a stream. */
export interface Message {
  event: string;
  id?: string;
  data: string;
}

export interface StreamOptions {
  /** The execution to follow; without one, what changes in the current place. */
  executionArn?: string;
  /** `isGlance`: it was read by a page that has no stream of its own, and may have been missed for a while. */
  onMessage: (message: Message, isGlance: boolean) => void;
  /** Whether messages can be expected now. */
  onConnected?: (connected: boolean) => void;
  /** The server refuses the stream for good. */
  onRefused?: (error: ApiError) => void;
}

const RETRY_FIRST_MS = 250;
const RETRY_MAX_MS = 5_000;
/** The server says something at least every 15 s. */
const SILENCE_MAX_MS = 40_000;
/** How long a page may be hidden before it lets its stream go. */
const HIDDEN_MAX_MS = 3_000;
/** How many streams all pages keep, of the six connections that browsers have: calls need some. */
const STREAMS_MAX = 4;
/** A page without a stream of its own has read what there is when nothing more comes for so long, */
const GLANCE_QUIET_MS = 150;
/** reads for so long at most, since something may always come, */
const GLANCE_MAX_MS = 500;
/** and does so again after so long. */
const GLANCE_EVERY_MS = 700;

/** A long history comes faster than it is read: now and then keys, answers and the screen have their turn. */
const BUSY_MAX_MS = 20;
const othersTurn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));

/** Follows a stream until the function that comes back is called. */
export function follow(options: StreamOptions): () => void {
  let lastId: string | undefined;
  let retryMs = RETRY_FIRST_MS;
  let retry: ReturnType<typeof setTimeout> | undefined;
  let hiding: ReturnType<typeof setTimeout> | undefined;
  let attempt: AbortController | undefined;
  let ended = false;

  const connect = async () => {
    if (ended || document.hidden || attempt) return;
    const mine = new AbortController();
    attempt = mine;
    let silence: ReturnType<typeof setTimeout> | undefined;
    let glance: ReturnType<typeof setTimeout> | undefined;
    let isConnected = false;
    let hasRead = false;
    const giveBack = await takeStream();
    const isGlance = giveBack === undefined;
    const read = () => {
      hasRead = true;
      mine.abort();
    };
    const heard = () => {
      clearTimeout(silence);
      silence = isGlance && isConnected ? setTimeout(read, GLANCE_QUIET_MS) : setTimeout(() => mine.abort(), SILENCE_MAX_MS);
    };
    try {
      heard();
      const query = options.executionArn ? `?executionArn=${encodeURIComponent(options.executionArn)}` : "";
      const answer = await fetch(root(`events${query}`), {
        headers: { Accept: "text/event-stream", ...(lastId ? { "Last-Event-ID": lastId } : {}), ...credentials(options.executionArn) },
        signal: mine.signal,
        cache: "no-store",
      });
      serverAnswered();
      if (!answer.ok || !answer.body) {
        const error = await ApiError.of(answer);
        if (error.kind === "ExpiredTokenException") noteExpired();
        const passes = error.kind === "ThrottlingException" || error.kind === "ExpiredTokenException" || (error.isForged && (await noteForged()));
        if (answer.status < 500 && !passes) {
          ended = true;
          options.onRefused?.(error);
          return;
        }
        throw error;
      }
      isConnected = true;
      options.onConnected?.(true);
      heard();
      if (isGlance) glance = setTimeout(read, GLANCE_MAX_MS);
      retryMs = RETRY_FIRST_MS;
      let since = performance.now();
      for await (const message of messages(answer.body, heard)) {
        if (mine.signal.aborted) break;
        if (message.id) lastId = message.id;
        options.onMessage(message, isGlance);
        if (performance.now() - since < BUSY_MAX_MS) continue;
        await othersTurn();
        since = performance.now();
      }
    } catch (error) {
      if (!hasRead && !ended && !document.hidden && !(error instanceof ApiError)) serverGone(error);
    } finally {
      clearTimeout(silence);
      clearTimeout(glance);
      giveBack?.();
      if (attempt === mine) attempt = undefined;
      if (!hasRead) options.onConnected?.(false);
      if (hasRead && !ended && !document.hidden) {
        retry = setTimeout(connect, GLANCE_EVERY_MS);
      } else if (!ended && !document.hidden) {
        retry = setTimeout(connect, retryMs);
        retryMs = Math.min(retryMs * 2, RETRY_MAX_MS);
      }
    }
  };

  const onVisibility = () => {
    clearTimeout(hiding);
    if (document.hidden) {
      hiding = setTimeout(() => attempt?.abort(), HIDDEN_MAX_MS);
    } else {
      clearTimeout(retry);
      retryMs = RETRY_FIRST_MS;
      void connect();
    }
  };

  document.addEventListener("visibilitychange", onVisibility);
  void connect();
  return () => {
    ended = true;
    clearTimeout(retry);
    clearTimeout(hiding);
    attempt?.abort();
    document.removeEventListener("visibilitychange", onVisibility);
  };
}

/**
 * Takes one of the streams that the pages of this browser may keep: what comes back gives it back. Nothing if all
 * are taken. Only a page from a safe address (TLS, or this machine) that may keep something can know of the others.
 */
async function takeStream(): Promise<(() => void) | undefined> {
  if (!("locks" in navigator)) return () => undefined;
  for (let stream = 0; stream < STREAMS_MAX; stream += 1) {
    const giveBack = await new Promise<(() => void) | undefined>((resolve) => {
      const held = (lock: Lock | null) => (lock ? new Promise<void>((done) => resolve(done)) : resolve(undefined));
      navigator.locks.request(`stepwell stream ${stream}`, { ifAvailable: true }, held).catch(() => resolve(() => undefined));
    });
    if (giveBack) return giveBack;
  }
  return undefined;
}

/** The messages in a body, as the HTML standard has them. */
export async function* messages(body: ReadableStream<Uint8Array>, heard: () => void): AsyncGenerator<Message> {
  const reader = body.pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>).getReader();
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      heard();
      rest += value;
      let end = rest.indexOf("\n\n");
      let from = 0;
      while (end >= 0) {
        const message = parse(rest.slice(from, end));
        if (message) yield message;
        from = end + 2;
        end = rest.indexOf("\n\n", from);
      }
      rest = rest.slice(from);
    }
  } finally {
    void reader.cancel().catch(() => undefined);
  }
}

function parse(block: string): Message | undefined {
  const message: Message = { event: "message", data: "" };
  let data: string[] | undefined;
  for (const line of block.split("\n")) {
    const colon = line.indexOf(":");
    if (colon <= 0) continue;
    const value = line.slice(colon + 1).replace(/^ /, "");
    switch (line.slice(0, colon)) {
      case "event":
        message.event = value;
        break;
      case "id":
        message.id = value;
        break;
      case "data":
        (data ??= []).push(value);
        break;
    }
  }
  if (!data) return undefined;
  message.data = data.join("\n");
  return message;
}
