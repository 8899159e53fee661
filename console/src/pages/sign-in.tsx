/** Signing in with an access key, where the server has credentials. */

import { useId, useState, type ReactNode } from "react";
import { keep, readKept } from "../api/kept";
import { queries } from "../api/queries";
import { signIn } from "../api/session";
import { BASE } from "../router";
import { Button, ErrorNotice, useModal } from "../ui/parts";
import { useTitle } from "../ui/title";
import "./sign-in.css";

/** What the tab keeps the id of the key by that it was signed in with last; never the secret. */
const KEY_ID = "access-key-id";

/** Nobody is signed in yet. The address stays, so whoever does is where they wanted to be. */
export function SignInPage() {
  useTitle("Sign in");
  return (
    <main className="sign-in">
      <div className="card body">
        <Form title={<h1>Sign in to Stepwell</h1>} hint="With an access key that this server knows. Its policies say what you may do." />
      </div>
    </main>
  );
}

/** A sign-in has expired in the middle of work: the page stays as it is behind this. */
export function SignInAgain() {
  const dialog = useModal();
  const titleId = useId();
  return (
    <dialog ref={dialog} className="dialog sign-in" aria-labelledby={titleId} onCancel={(event) => event.preventDefault()} onClose={() => dialog.current?.showModal()}>
      <div className="body">
        <Form title={<h2 id={titleId}>Your sign-in has expired</h2>} hint="Sign in again to go on where you are." accessKeyId={String(readKept(KEY_ID) ?? "")} />
      </div>
    </dialog>
  );
}

function Form({ title, hint, accessKeyId: known = "" }: { title: ReactNode; hint: string; accessKeyId?: string }) {
  const [accessKeyId, setAccessKeyId] = useState(known);
  const [secretAccessKey, setSecretAccessKey] = useState("");
  const [error, setError] = useState<unknown>();
  const [busy, setBusy] = useState(false);
  const submit = async () => {
    setBusy(true);
    setError(undefined);
    try {
      await signIn(accessKeyId.trim(), secretAccessKey);
      keep(KEY_ID, accessKeyId.trim());
      // What we were shown may be old.
      await queries.invalidateQueries();
    } catch (refusal) {
      setError(refusal);
      setBusy(false);
    }
  };
  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
    >
      <div className="row">
        <img src={new URL("icon.svg", BASE).href} alt="" width={32} height={32} />
        {title}
      </div>
      <p className="muted">{hint}</p>
      {error !== undefined && <ErrorNotice error={error} what="You are not signed in" />}
      <div className="field">
        <label htmlFor="access-key-id">Access key id</label>
        <input id="access-key-id" className="input mono" autoComplete="username" autoCapitalize="off" spellCheck={false} autoFocus={!known} required value={accessKeyId} onChange={(event) => setAccessKeyId(event.target.value)} />
      </div>
      <div className="field">
        <label htmlFor="secret-access-key">Secret access key</label>
        <input id="secret-access-key" className="input mono" type="password" autoComplete="current-password" autoFocus={Boolean(known)} data-focus={known ? "" : undefined} required value={secretAccessKey} onChange={(event) => setSecretAccessKey(event.target.value)} />
      </div>
      <Button kind="primary" type="submit" disabled={busy || !accessKeyId || !secretAccessKey}>{busy ? "Signing in…" : "Sign in"}</Button>
    </form>
  );
}
