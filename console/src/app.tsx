/** The frame around every page, and which page an address leads to. */

import { QueryClientProvider } from "@tanstack/react-query";
import { useEffect, useRef, useState, useSyncExternalStore, type ReactNode } from "react";
import { ApiError, isServerGone, onServerChange } from "./api/errors";
import { isExpress, shortName } from "./api/arn";
import { useLivePlace } from "./api/live";
import { queries } from "./api/queries";
import { choosePlace, currentPlace, currentSession, loadSession, onSessionChange, signOut } from "./api/session";
import { ActivitiesPage, ActivityPage } from "./pages/activities";
import { DashboardPage } from "./pages/dashboard";
import { ExecutionPage } from "./pages/execution";
import { InboxPage } from "./pages/inbox";
import { MachinePage } from "./pages/machine";
import { MachinesPage } from "./pages/machines";
import { SignInAgain, SignInPage } from "./pages/sign-in";
import { BASE, Link, RouterProvider, useRouter } from "./router";
import { Boundary } from "./ui/boundary";
import { Icon, type IconName } from "./ui/icons";
import { boundKeys, focusSearch, hasSearch, listenToKeys, useKeys } from "./ui/keys";
import { part } from "./ui/part";
import { Button, Dialog, Empty, ErrorNotice, Loading } from "./ui/parts";
import { chooseTheme, currentTheme } from "./ui/theme";
import { useTitle } from "./ui/title";
import { toastError, Toasts } from "./ui/toasts";

/** How often a server that did not answer at first is asked again. */
const ASK_AGAIN_MS = 2_000;

/** So many frames a page that somebody comes back to has to become as long as it was. */
const SCROLL_TRIES = 20;

// The editor brings CodeMirror: nobody waits for it who only looks.
const EditPage = part(async () => (await import("./pages/edit")).EditPage);

export function App() {
  return (
    <QueryClientProvider client={queries}>
      <RouterProvider>
        <Shell />
        <Toasts />
      </RouterProvider>
    </QueryClientProvider>
  );
}

const useSession = () => useSyncExternalStore(onSessionChange, currentSession);
const usePlace = () => useSyncExternalStore(onSessionChange, currentPlace);
const useServerGone = () => useSyncExternalStore(onServerChange, isServerGone);

function Shell() {
  const session = useSession();
  const place = usePlace();
  const [known, setKnown] = useState<"asking" | "known" | Error>("asking");
  const [help, setHelp] = useState(false);
  const ask = () => {
    loadSession().then(
      () => setKnown("known"),
      (error: Error) => setKnown(error),
    );
  };
  useEffect(ask, []);
  // A server that is not up yet will be: nobody has to press a button for it.
  useEffect(() => {
    if (!(known instanceof ApiError && known.isServerGone)) return;
    const timer = setTimeout(ask, ASK_AGAIN_MS);
    return () => clearTimeout(timer);
  }, [known]);
  useEffect(listenToKeys, []);
  const { location, navigate } = useRouter();
  useKeys([
    { key: "/", does: "Search on this page", run: focusSearch, isThere: hasSearch },
    { key: "?", does: "Show what the keys do", run: () => setHelp(true) },
    { key: "D", does: "Dashboard", run: () => navigate(".") },
    { key: "M", does: "State machines", run: () => navigate("machines") },
    { key: "I", does: "Waiting tasks", run: () => navigate("inbox") },
    { key: "A", does: "Activities", run: () => navigate("activities") },
  ]);
  const signedIn = known === "known" && (session.mode === "open" || session.signedIn);
  // Whose sign-in has expired goes on where they were, with all that they have typed.
  const hasExpired = known === "known" && !signedIn && session.user !== undefined;
  // A page of an execution has a stream of its own, and there are few to have.
  const [thing, arn] = location.segments;
  useLivePlace(signedIn && !(thing === "executions" && arn !== undefined && !isExpress(arn)));

  if (known === "asking") return <Loading what="Connecting" />;
  if (known instanceof Error) return <main className="empty"><ErrorNotice error={known} retry={ask} what="The server does not answer" /></main>;
  if (!signedIn && !hasExpired) return <SignInPage />;
  return (
    <>
      <a className="skip" href="#main" onClick={(event) => { event.preventDefault(); document.getElementById("main")?.focus(); }}>Skip to content</a>
      <div className="shell">
        <Gone />
        <Nav onHelp={() => setHelp(true)} />
        <Main key={`${place.account}/${place.region}/${session.user ?? ""}`}><Page /></Main>
      </div>
      {help && <Help onClose={() => setHelp(false)} />}
      {hasExpired && <SignInAgain />}
    </>
  );
}

function Gone() {
  const gone = useServerGone();
  if (!gone) return null;
  return (
    <div className="banner tone-failed" role="alert">
      The server cannot be reached. What you see may be old; trying again…
    </div>
  );
}

function Main({ children }: { children: ReactNode }) {
  const { location } = useRouter();
  const main = useRef<HTMLElement>(null);
  const where = location.segments.join("/");
  useTitle(titleOf(location.segments));
  const first = useRef(true);
  // Whoever follows a link with the keyboard or hears the page goes on at its beginning.
  useEffect(() => {
    if (!first.current) main.current?.focus({ preventScroll: true });
    first.current = false;
    const to = location.scroll ?? 0;
    window.scrollTo(0, to);
    if (to === 0) return;
    // A list has its height a little later.
    let frame = 0;
    let tries = 0;
    const again = () => {
      window.scrollTo(0, to);
      if (window.scrollY < to - 1 && ++tries < SCROLL_TRIES) frame = requestAnimationFrame(again);
    };
    frame = requestAnimationFrame(again);
    return () => cancelAnimationFrame(frame);
  }, [where]);
  return <main id="main" ref={main} tabIndex={-1}><Boundary at={where}>{children}</Boundary></main>;
}

/** What a tab of the browser says. */
function titleOf([thing, arn, verb]: string[]): string {
  if (thing === undefined) return "Dashboard";
  if (thing === "inbox") return "Waiting tasks";
  if (thing === "activities" && arn === undefined) return "Activities";
  if (thing === "map-runs") return "Map Runs";
  if (thing === "machines" && arn === undefined) return "State machines";
  if (thing === "machines" && arn === "new") return "Create state machine";
  if (arn === undefined) return "Not found";
  return verb === "edit" ? `Edit ${shortName(arn)}` : shortName(arn);
}

function Page() {
  const { segments } = useRouter().location;
  const [thing, arn, verb] = segments;
  if (thing === undefined) return <DashboardPage />;
  if (thing === "inbox") return <InboxPage />;
  if (thing === "activities") return arn === undefined ? <ActivitiesPage /> : <ActivityPage activityArn={arn} key={arn} />;
  if (thing === "map-runs") return <Empty heading="h1" title="Map Runs are not there yet" action={<Link className="button" to="machines">State machines</Link>}>They will come with distributed Maps.</Empty>;
  if (thing === "machines") {
    if (arn === undefined) return <MachinesPage />;
    if (arn === "new") return <EditPage />;
    return verb === "edit" ? <EditPage stateMachineArn={arn} key={arn} /> : <MachinePage stateMachineArn={arn} key={arn} />;
  }
  if (thing === "executions" && arn !== undefined) return <ExecutionPage executionArn={arn} key={arn} />;
  return <Empty heading="h1" title="There is nothing at this address" action={<Link className="button" to=".">Go to the dashboard</Link>} />;
}

const LINKS: { to: string; segment: string | undefined; icon: IconName; text: string }[] = [
  { to: ".", segment: undefined, icon: "dashboard", text: "Dashboard" },
  { to: "machines", segment: "machines", icon: "machine", text: "State machines" },
  { to: "inbox", segment: "inbox", icon: "inbox", text: "Waiting tasks" },
  { to: "activities", segment: "activities", icon: "worker", text: "Activities" },
];

function Nav({ onHelp }: { onHelp: () => void }) {
  const { location } = useRouter();
  const session = useSession();
  const [choosing, setChoosing] = useState(false);
  const [theme, setTheme] = useState(currentTheme);
  const place = usePlace();
  const [first] = location.segments;
  const here = first === "executions" ? "machines" : first;
  const other = theme === "dark" ? "light" : "dark";
  return (
    <nav aria-label="Main">
      <Link to="." className="brand">
        <img src={new URL("icon.svg", BASE).href} alt="" />
        <span>Stepwell</span>
      </Link>
      {LINKS.map((link) => (
        <Link key={link.text} to={link.to} className="nav-link" aria-current={here === link.segment ? "page" : undefined}>
          <Icon name={link.icon} size={16} />
          {link.text}
        </Link>
      ))}
      <div className="nav-foot">
        <div className="row tools">
          <Button kind="quiet" small icon={theme === "dark" ? "sun" : "moon"} aria-label={`Use the ${other} theme`} title={`Use the ${other} theme`} onClick={() => { chooseTheme(other); setTheme(other); }} />
          <Button kind="quiet" small icon="help" aria-label="What the keys do" title="What the keys do (?)" onClick={onHelp} />
        </div>
        <div className="place">
          <Button kind="quiet" small onClick={() => setChoosing(true)} title="Account and region">
            <span className="mono">{place.account}<br />{place.region}</span>
          </Button>
        </div>
        {session.mode === "credentials" && (
          <div className="row between place">
            <span className="ellipsis" title={session.user}>{session.user}</span>
            <Button kind="quiet" small onClick={() => void signOut().catch((error: unknown) => toastError("You are still signed in", error))}>Sign out</Button>
          </div>
        )}
        {session.version && <span className="place">Stepwell {session.version}</span>}
      </div>
      {choosing && <PlaceDialog onClose={() => setChoosing(false)} />}
    </nav>
  );
}

function PlaceDialog({ onClose }: { onClose: () => void }) {
  const session = useSession();
  const place = usePlace();
  const [account, setAccount] = useState(place.account);
  const [region, setRegion] = useState(place.region);
  const { navigate } = useRouter();
  const wrong = /^\d{12}$/.test(account) ? undefined : "An account is twelve digits.";
  const wrongRegion = /^[a-z0-9-]{1,32}$/.test(region) ? undefined : "Such as us-east-1.";
  const choose = () => {
    if (wrong || wrongRegion) return;
    choosePlace({ account, region });
    navigate(".");
    onClose();
  };
  return (
    <Dialog title="Account and region" onClose={onClose} onSubmit={choose} footer={<Button kind="primary" type="submit" disabled={Boolean(wrong ?? wrongRegion)}>Use these</Button>}>
      <div className="field">
        <label htmlFor="place-account">Account</label>
        <input id="place-account" className="input mono" value={account} disabled={session.mode === "credentials"} aria-invalid={Boolean(wrong)} onChange={(event) => setAccount(event.target.value.trim())} />
        {wrong && <span className="wrong">{wrong}</span>}
        {session.mode === "open" && <span className="hint">This server is open: an access key id of twelve digits names the account, any other means 000000000000.</span>}
      </div>
      <div className="field">
        <label htmlFor="place-region">Region</label>
        <input id="place-region" className="input mono" value={region} aria-invalid={Boolean(wrongRegion)} onChange={(event) => setRegion(event.target.value.trim())} />
        {wrongRegion && <span className="wrong">{wrongRegion}</span>}
      </div>
    </Dialog>
  );
}

function Help({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title="Keys" onClose={onClose}>
      <dl className="properties">
        {boundKeys().map((binding) => (
          <div key={binding.key} style={{ display: "contents" }}>
            <dt><kbd>{binding.key}</kbd></dt>
            <dd>{binding.does}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
