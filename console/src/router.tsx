/**
 * Every view is an address. Paths are relative to the `<base>` that the server writes, so the console
 * works behind any prefix; what is selected on a page stands in the query.
 */

import { createContext, useCallback, useContext, useEffect, useMemo, useState, type AnchorHTMLAttributes, type ReactNode } from "react";

/** The address of the console's start page, with a slash at the end. */
export const BASE = new URL(".", document.baseURI);

/** An address of the server: `""` is its root, one above the console. */
export function root(path: string): string {
  return new URL(`../${path}`, BASE).href;
}

/** The path of a page from its segments, each of which may hold anything. */
export function path(...segments: string[]): string {
  return segments.map(encodeURIComponent).join("/").replaceAll("%3A", ":");
}

/** Where we are. */
export interface Location {
  segments: string[];
  query: URLSearchParams;
  /** How far down the page was when it was left, if somebody goes back to it. */
  scroll?: number;
}

interface Router {
  location: Location;
  /** Goes to a path of the console, such as `machines?tab=tags`. */
  navigate: (to: string, options?: { replace?: boolean }) => void;
}

const Context = createContext<Router | undefined>(undefined);

/** AWS's console has `#/v2/executions/details/ARN` and the like: the same thing here. */
export function fromAwsConsole(hash: string): string | undefined {
  const [, place, about = ""] = /^#!?\/(?:v2\/)?(activities|map-runs|visual-editor)\b(.*)$/.exec(hash) ?? [];
  const named = /arn:[^?&#]+/.exec(decode(about))?.[0];
  if (place === "visual-editor") return named ? path("machines", named, "edit") : "machines/new";
  if (place === "activities") return named ? path("activities", named) : "activities";
  if (place) return place;
  const found = /^#!?\/(?:v2\/)?(statemachines|executions|express-executions)(?:\/(view|details|edit|create))?(?:\/([^?]+))?/.exec(hash);
  if (!found) return undefined;
  const [, thing, verb, rest] = found;
  const arn = rest && decode(rest);
  if (thing === "statemachines") {
    if (verb === "create") return "machines/new";
    if (!arn) return "machines";
    return verb === "edit" ? path("machines", arn, "edit") : path("machines", arn);
  }
  // The links of Express executions carry more behind the ARN; only the ARN says which one it is.
  return arn ? path("executions", arn) : "machines";
}

function read(state?: unknown): Location {
  const base = BASE.pathname;
  const raw = window.location.pathname.startsWith(base) ? window.location.pathname.slice(base.length) : "";
  const segments = raw.split("/").filter(Boolean).map(decode);
  const scroll = (state as { scroll?: unknown } | null | undefined)?.scroll;
  return { segments, query: new URLSearchParams(window.location.search), ...(typeof scroll === "number" ? { scroll } : {}) };
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

export function RouterProvider({ children }: { children: ReactNode }) {
  const [location, setLocation] = useState<Location>(() => {
    const moved = fromAwsConsole(window.location.hash);
    if (moved) history.replaceState(null, "", new URL(moved, BASE));
    return read();
  });
  const navigate = useCallback((to: string, options?: { replace?: boolean }) => {
    const url = new URL(to, BASE);
    if (url.href === window.location.href) return;
    if (options?.replace) history.replaceState(null, "", url);
    else {
      history.replaceState({ scroll: window.scrollY }, "");
      history.pushState(null, "", url);
    }
    setLocation(read());
  }, []);
  useEffect(() => {
    const onMove = (event: PopStateEvent) => {
      const moved = fromAwsConsole(window.location.hash);
      if (moved) history.replaceState(null, "", new URL(moved, BASE));
      setLocation(read(event.state));
    };
    window.addEventListener("popstate", onMove);
    return () => window.removeEventListener("popstate", onMove);
  }, []);
  const router = useMemo(() => ({ location, navigate }), [location, navigate]);
  return <Context value={router}>{children}</Context>;
}

export function useRouter(): Router {
  const router = useContext(Context);
  if (!router) throw new Error("there is no router around this");
  return router;
}

/**
 * A parameter of the query, and how to set it. An absent one is `""`, and setting `""` removes it. What
 * is only a selection replaces the entry in the browser's history instead of adding one.
 */
export function useQuery(name: string): [string, (value: string) => void] {
  const { location } = useRouter();
  const setAll = useSetQuery();
  const set = useCallback((value: string) => setAll({ [name]: value }), [name, setAll]);
  return [location.query.get(name) ?? "", set];
}

/** Sets several parameters of the query at once; `""` removes one. */
export function useSetQuery(): (values: Record<string, string>) => void {
  const { navigate } = useRouter();
  return useCallback(
    (values) => {
      const query = new URLSearchParams(window.location.search);
      for (const [name, value] of Object.entries(values)) {
        if (value === "") query.delete(name);
        else query.set(name, value);
      }
      const text = query.toString();
      const here = window.location.pathname.slice(BASE.pathname.length);
      navigate(`./${here}${text ? `?${text}` : ""}`, { replace: true });
    },
    [navigate],
  );
}

/** A link to a path of the console. A plain click stays on the page; all else is the browser's. */
export function Link({ to, ...rest }: { to: string } & AnchorHTMLAttributes<HTMLAnchorElement>) {
  const { navigate } = useRouter();
  return (
    <a
      {...rest}
      href={new URL(to || ".", BASE).href}
      onClick={(event) => {
        rest.onClick?.(event);
        if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
        event.preventDefault();
        navigate(to || ".");
      }}
    />
  );
}
