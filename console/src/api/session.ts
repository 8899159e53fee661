/**
 * Who is signed in, and to which account and region.
 *
 * An open server takes account and region from the credential scope of each call, as every AWS client
 * writes it; a server with credentials knows the account from the session cookie, and demands a token
 * that a foreign page cannot have.
 */

import { root } from "../router";
import { ApiError, serverAnswered, serverGone } from "./errors";

/** What `GET /console/session` answers. */
export interface Session {
  mode: "open" | "credentials";
  signedIn: boolean;
  /** Absent while nobody is signed in. */
  account?: string;
  region?: string;
  user?: string;
  csrfToken?: string;
  version: string;
}

/** Account and region that calls are for. */
export interface Place {
  account: string;
  region: string;
}

const PLACE_KEY = "stepwell.place";
const ACCOUNT = /^\d{12}$/;
const REGION = /^[a-z0-9-]{1,32}$/;

/** A link may name a region, as those of AWS's console do. Read before the address becomes one of ours. */
let linkedRegion = new URLSearchParams(window.location.search).get("region") ?? undefined;

let session: Session = { mode: "open", signedIn: true, account: "000000000000", region: "us-east-1", version: "" };
let place: Place = { account: "000000000000", region: "us-east-1" };
const listeners = new Set<() => void>();

/** The session as it was told last. */
export function currentSession(): Session {
  return session;
}

/** The account and region in force where a call does not name others by an ARN. */
export function currentPlace(): Place {
  return place;
}

/** Hears of every change of session or place. Gives back how to stop. */
export function onSessionChange(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function tell(): void {
  listeners.forEach((listener) => listener());
}

function adopt(next: Session): void {
  // Whose sign-in expires, and who then signs in again, stays where they are.
  const isSame = next.user !== undefined && next.user === session.user;
  session = next;
  if (!isSame) {
    const kept = readKept();
    place = {
      account: (next.mode === "open" ? valid(ACCOUNT, kept.account) : undefined) ?? next.account ?? place.account,
      region: valid(REGION, linkedRegion) ?? valid(REGION, kept.region) ?? next.region ?? place.region,
    };
  }
  tell();
}

/** What is not of the right form cannot be in a header. */
function valid(form: RegExp, text: unknown): string | undefined {
  return typeof text === "string" && form.test(text) ? text : undefined;
}

function readKept(): Partial<Place> {
  try {
    return { ...(JSON.parse(localStorage.getItem(PLACE_KEY) ?? "{}") as Partial<Place> | null) };
  } catch {
    return {};
  }
}

/** Takes on another account or region, now and after a reload. */
export function choosePlace(next: Place): void {
  place = next;
  linkedRegion = undefined;
  localStorage.setItem(PLACE_KEY, JSON.stringify(next));
  tell();
}

/** Asks the server who we are. */
export async function loadSession(): Promise<Session> {
  adopt(await exchange("GET"));
  return session;
}

/** Signs in with an access key. */
export async function signIn(accessKeyId: string, secretAccessKey: string): Promise<void> {
  adopt(await exchange("POST", { accessKeyId, secretAccessKey }));
}

/** Ends the session. One that has ended already is as good. */
export async function signOut(): Promise<void> {
  try {
    await exchange("DELETE");
  } catch (error) {
    if (!(error instanceof ApiError) || error.kind !== "ExpiredTokenException") throw error;
  }
  adopt({ ...session, signedIn: false, user: undefined, csrfToken: undefined });
}

/** A call was answered with "your sign-in has expired": the next thing to show is the sign-in. */
export function noteExpired(): void {
  if (session.mode === "credentials" && session.signedIn) adopt({ ...session, signedIn: false, csrfToken: undefined });
}

/**
 * A call was refused for its token. All tabs of a browser have one cookie, so another one may have signed
 * in anew: then we go on with its session. Gives back whether it is worth while to call again.
 */
export async function noteForged(): Promise<boolean> {
  const { csrfToken, user } = session;
  adopt(await exchange("GET"));
  return session.signedIn && session.user === user && session.csrfToken !== csrfToken;
}

async function exchange(method: string, body?: object): Promise<Session> {
  const headers: Record<string, string> = {};
  if (body) headers["Content-Type"] = "application/json";
  if (session.csrfToken) headers["X-Stepwell-Csrf"] = session.csrfToken;
  let answer: Response;
  try {
    answer = await fetch(root("console/session"), { method, headers, body: body && JSON.stringify(body) });
  } catch (error) {
    throw serverGone(error);
  }
  serverAnswered();
  if (!answer.ok) throw await ApiError.of(answer);
  return answer.status === 204 ? session : ((await answer.json()) as Session);
}

/**
 * The headers that say who calls. An ARN names the place it is in, so that a link works whatever place
 * is chosen; on a server with credentials the account is that of the session all the same.
 */
export function credentials(arn?: string): Record<string, string> {
  const parts = arn?.split(":") ?? [];
  const region = valid(REGION, parts[3]) ?? place.region;
  if (session.mode === "credentials") {
    return { "X-Stepwell-Csrf": session.csrfToken ?? "", "X-Stepwell-Region": region };
  }
  const account = valid(ACCOUNT, parts[4]) ?? place.account;
  const scope = `${account}/20260101/${region}/states/aws4_request`;
  return { Authorization: `AWS4-HMAC-SHA256 Credential=${scope}, SignedHeaders=host, Signature=0` };
}
