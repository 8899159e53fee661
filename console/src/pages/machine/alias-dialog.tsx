/** Creates an alias, or changes where one leads: to one version, or to two by weight. */

import { useState } from "react";
import { call } from "../../api/client";
import { Button, Dialog, ErrorNotice } from "../../ui/parts";
import { lastOf, type Version } from "./versions";

export interface Alias {
  stateMachineAliasArn: string;
  name: string;
  description?: string;
  routingConfiguration: { stateMachineVersionArn: string; weight: number }[];
  creationDate: number;
  updateDate?: number;
}

const WEIGHTS_SUM = 100;

export function AliasDialog({ alias, versions, onClose, onDone }: { alias?: Alias; versions: Version[]; onClose: () => void; onDone: (said: string) => void }) {
  const [first, second] = alias?.routingConfiguration ?? [];
  const [name, setName] = useState(alias?.name ?? "");
  const [description, setDescription] = useState(alias?.description ?? "");
  const [one, setOne] = useState(first?.stateMachineVersionArn ?? versions[0]?.stateMachineVersionArn ?? "");
  const [other, setOther] = useState(second?.stateMachineVersionArn ?? "");
  const [weight, setWeight] = useState(String(first?.weight ?? 90));
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();

  const share = Number(weight);
  const wrongName = alias || name === "" || (/^[\w.-]{1,80}$/.test(name) && !/^[\d]+$/.test(name)) ? undefined : "Letters, digits, hyphens, dots and underscores, not digits alone.";
  const wrongWeight = other === "" || (Number.isInteger(share) && share >= 0 && share <= WEIGHTS_SUM && weight !== "") ? undefined : "From 0 to 100.";
  const isReady = name !== "" && !wrongName && !wrongWeight && one !== "" && one !== other;

  const save = async () => {
    if (!isReady || busy) return;
    setBusy(true);
    setError(undefined);
    const routingConfiguration = other === ""
      ? [{ stateMachineVersionArn: one, weight: WEIGHTS_SUM }]
      : [{ stateMachineVersionArn: one, weight: share }, { stateMachineVersionArn: other, weight: WEIGHTS_SUM - share }];
    try {
      if (alias) await call("UpdateStateMachineAlias", { stateMachineAliasArn: alias.stateMachineAliasArn, description, routingConfiguration });
      else await call("CreateStateMachineAlias", { name, description, routingConfiguration });
      onDone(`Alias ${name} ${alias ? "changed" : "created"}`);
    } catch (refusal) {
      setError(refusal);
      setBusy(false);
    }
  };

  const options = versions.map((version) => <option key={version.stateMachineVersionArn} value={version.stateMachineVersionArn}>Version {lastOf(version.stateMachineVersionArn)}</option>);
  return (
    <Dialog title={alias ? `Change alias ${alias.name}` : "Create alias"} onClose={onClose} onSubmit={() => void save()} footer={<><Button onClick={onClose}>Cancel</Button><Button kind="primary" type="submit" disabled={!isReady || busy}>{alias ? "Save" : "Create"}</Button></>}>
      {!alias && (
        <div className="field">
          <label htmlFor="alias-name">Name</label>
          <input id="alias-name" className="input" autoFocus maxLength={80} value={name} aria-invalid={Boolean(wrongName)} onChange={(event) => setName(event.target.value)} />
          {wrongName && <span className="wrong">{wrongName}</span>}
        </div>
      )}
      <div className="field">
        <label htmlFor="alias-description">Description (optional)</label>
        <input id="alias-description" className="input" maxLength={256} value={description} onChange={(event) => setDescription(event.target.value)} />
      </div>
      <div className="weights">
        <div className="field"><label htmlFor="alias-one">Leads to</label><select id="alias-one" className="input" value={one} onChange={(event) => setOne(event.target.value)}>{options}</select></div>
        <div className="field">
          <label htmlFor="alias-weight">Weight in %</label>
          <input id="alias-weight" className="input" type="number" min={0} max={WEIGHTS_SUM} value={other === "" ? WEIGHTS_SUM : weight} disabled={other === ""} aria-invalid={Boolean(wrongWeight)} onChange={(event) => setWeight(event.target.value)} />
        </div>
        <div className="field"><label htmlFor="alias-other">And to</label><select id="alias-other" className="input" value={other} onChange={(event) => setOther(event.target.value)}><option value="">No other version</option>{options}</select></div>
        <div className="field"><label htmlFor="alias-rest">Weight in %</label><input id="alias-rest" className="input" disabled value={other === "" ? 0 : wrongWeight ? "" : WEIGHTS_SUM - share} readOnly /></div>
      </div>
      {one === other && one !== "" && <span className="wrong-text">These are the same version.</span>}
      {wrongWeight && <span className="wrong-text">{wrongWeight}</span>}
      {error !== undefined && <ErrorNotice error={error} what={alias ? "The alias was not changed" : "No alias was created"} />}
    </Dialog>
  );
}
