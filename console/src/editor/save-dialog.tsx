/** Shows what would change, and saves it. */

import { useState } from "react";
import { Button, Dialog, ErrorNotice } from "../ui/parts";
import { Diff } from "./diff";
import { StateChanges } from "./state-changes";
import { diffStates } from "./state-diff";

export interface Publishing {
  publish: boolean;
  versionDescription: string;
}

export function SaveDialog({ before, after, roleChanged, problems, onSave, onClose }: {
  /** The definition that the machine has; none for a new one. */
  before?: string;
  after: string;
  roleChanged?: { from: string; to: string };
  /** How many errors the definition has. */
  problems: number;
  /** Rejects if it is refused. */
  onSave: (publishing: Publishing) => Promise<void>;
  onClose: () => void;
}) {
  const [publish, setPublish] = useState(false);
  const [versionDescription, setDescription] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const isNew = before === undefined;
  const save = async () => {
    if (busy) return;
    setBusy(true);
    setError(undefined);
    try {
      await onSave({ publish, versionDescription });
    } catch (refusal) {
      setError(refusal);
      setBusy(false);
    }
  };
  return (
    <Dialog
      wide={!isNew}
      title={isNew ? "Create state machine" : "Save changes"}
      onClose={onClose}
      onSubmit={() => void save()}
      footer={<><Button onClick={onClose}>Go on editing</Button><Button kind="primary" type="submit" disabled={busy}>{busy ? "Saving…" : isNew ? "Create" : publish ? "Save and publish" : "Save"}</Button></>}
    >
      {problems > 0 && <p className="wrong-text">It has {problems} {problems === 1 ? "error" : "errors"}; the server will refuse it.</p>}
      {!isNew && before !== after && (
        <>
          <StateChanges changes={diffStates(before, after)} />
          <div className="card diff-card"><Diff before={before} after={after} beforeLabel="Before" afterLabel="Now" /></div>
        </>
      )}
      {roleChanged && <p>Role: <bdi className="mono name">{roleChanged.from}</bdi> becomes <bdi className="mono name">{roleChanged.to}</bdi></p>}
      {!isNew && <p className="muted">Executions that run already go on with what they were started with.</p>}
      <label className="check"><input type="checkbox" checked={publish} onChange={(event) => setPublish(event.target.checked)} /> Publish it as a version</label>
      {publish && (
        <div className="field">
          <label htmlFor="save-description">Description of the version (optional)</label>
          <input id="save-description" className="input" maxLength={256} value={versionDescription} onChange={(event) => setDescription(event.target.value)} />
        </div>
      )}
      {error !== undefined && <ErrorNotice error={error} what="It was not saved" />}
    </Dialog>
  );
}
