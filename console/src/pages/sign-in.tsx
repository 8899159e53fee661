/** Signing in with an access key, where the server has credentials. */

import { useState } from "react";
import { queries } from "../api/queries";
import { signIn } from "../api/session";
import { BASE } from "../router";
import { Button, ErrorNotice } from "../ui/parts";

export function SignInPage() {
  const [accessKeyId, setAccessKeyId] = useState("");
  const [secretAccessKey, setSecretAccessKey] = useState("");
  const [error, setError] = useState<unknown>();
  const [busy, setBusy] = useState(false);
  const submit = async () => {
    setBusy(true);
    setError(undefined);
    try {
      // What somebody else was shown is not for us.
      queries.clear();
      await signIn(accessKeyId.trim(), secretAccessKey);
    } catch (refusal) {
      setError(refusal);
    } finally {
      setBusy(false);
    }
  };
  return (
    <main style={{ display: "grid", placeItems: "center", minHeight: "100%", padding: 16 }}>
      <form
        className="card"
        style={{ width: "min(400px, 100%)" }}
        onSubmit={(event) => {
          event.preventDefault();
          void submit();
        }}
      >
        <div className="body stack">
          <div className="row">
            <img src={new URL("icon.svg", BASE).href} alt="" width={32} height={32} />
            <h1>Sign in to Stepwell</h1>
          </div>
          <p className="muted">With an access key that this server knows. Its policies say what you may do.</p>
          {error !== undefined && <ErrorNotice error={error} what="You are not signed in" />}
          <div className="field">
            <label htmlFor="access-key-id">Access key id</label>
            <input id="access-key-id" className="input mono" autoComplete="username" autoFocus required value={accessKeyId} onChange={(event) => setAccessKeyId(event.target.value)} />
          </div>
          <div className="field">
            <label htmlFor="secret-access-key">Secret access key</label>
            <input id="secret-access-key" className="input mono" type="password" autoComplete="current-password" required value={secretAccessKey} onChange={(event) => setSecretAccessKey(event.target.value)} />
          </div>
          <Button kind="primary" type="submit" disabled={busy || !accessKeyId || !secretAccessKey}>Sign in</Button>
        </div>
      </form>
    </main>
  );
}
