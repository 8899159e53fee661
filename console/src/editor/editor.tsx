/** The editor itself: text, graph, problems and the selected state, all of one definition. */

import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { call } from "../api/client";
import { ApiError } from "../api/errors";
import { wrongName } from "../api/names";
import type { MachineType } from "../api/types";
import { Link, path, useQuery, useRouter } from "../router";
import { useIsHere } from "../ui/here";
import { Button, Dialog, Notice } from "../ui/parts";
import { toast } from "../ui/toasts";
import { CodeEditor, type CodeHandle } from "./code-editor";
import { complete } from "./completion";
import { placeInMessage, useDiagnosis, useSettled } from "./diagnose";
import { readDraft, useDraft, useLeaving, type Draft } from "./draft";
import type { Change } from "./edits";
import { GraphPane } from "./graph-pane";
import { Inspector } from "./inspector";
import { formatJson, readable } from "./json-format";
import { checkJson, offsetOf } from "./json-check";
import { Problems } from "./problems";
import { SaveDialog, type Publishing } from "./save-dialog";
import { TEMPLATES } from "./templates";
import { sourceOf } from "./tree";
import "../pages/machine/machine.css";
import "./editor.css";

/** The graph follows the text when somebody has stopped typing for so long. */
const GRAPH_MS = 150;
const ROLE = /^arn:[a-z-]+:iam::\d{12}:role\/.+$/;

export function Editor({ machineArn, start, onSaved }: { machineArn?: string; start: Draft; onSaved: () => void }) {
  const draftKey = machineArn ?? "new";
  // What the machine is like on the server, as far as we know; edits are held against it.
  const [saved, setSaved] = useState(start);
  const [kept] = useState(() => readDraft(draftKey));
  const first = kept ?? start;
  const [text, setText] = useState(first.definition);
  const [name, setName] = useState(first.name);
  const [type, setType] = useState(first.type as MachineType);
  const [roleArn, setRoleArn] = useState(first.roleArn);
  const [isRestored, setRestored] = useState(kept !== undefined && JSON.stringify(kept) !== JSON.stringify(start));
  const [selected, setSelected] = useQuery("state");
  const [saving, setSaving] = useState(false);
  const handle = useRef<CodeHandle>(null);
  const { navigate } = useRouter();
  const isHere = useIsHere();

  const diagnosis = useDiagnosis(text, type);
  const source = sourceOf(text);
  const drawn = useSettled(text, GRAPH_MS);
  const state = selected ? source.state(selected) : undefined;
  const isDirty = text !== saved.definition || roleArn !== saved.roleArn || name !== saved.name || type !== saved.type;
  const leaving = useLeaving(isDirty);
  const errors = diagnosis.diagnostics.filter((each) => each.severity === "ERROR").length;

  // What somebody else has made of it while it was open here, and not what we have saved ourselves.
  const before = useRef(start.definition);
  const isOvertaken = machineArn !== undefined && start.definition !== readable(saved.definition) && start.definition !== before.current;

  const draft = useMemo(() => (isDirty ? { definition: text, name, type, roleArn } : undefined), [isDirty, text, name, type, roleArn]);
  const forgetDraft = useDraft(draftKey, draft);

  // A link may name a state; the text begins there.
  useEffect(() => {
    if (state) handle.current?.reveal(state.key.from);
    // Only at first: later the selection follows, or leads by itself.
  }, []);

  const onCursor = useCallback((position: number) => {
    const here = sourceOf(textNow.current).stateAt(position)?.name;
    if (here !== undefined) setSelected(here);
  }, [setSelected]);
  const textNow = useRef(text);
  textNow.current = text;
  const onText = useCallback((next: string) => {
    textNow.current = next;
    setText(next);
  }, []);

  const select = (stateName: string) => {
    setSelected(stateName);
    const there = source.state(stateName);
    if (there) handle.current?.reveal(there.key.from);
  };
  const change = (changes: Change[], next: string) => {
    handle.current?.change(changes);
    setSelected(next);
    const there = sourceOf(textNow.current).state(next);
    if (there) handle.current?.reveal(there.key.from);
  };

  const nameFault = machineArn ? undefined : wrongName(name);
  const wrongRole = ROLE.test(roleArn) ? undefined : "Such as arn:aws:iam::123456789012:role/name.";
  const canSave = name !== "" && !nameFault && !wrongRole && isDirty;
  const openSave = () => canSave && setSaving(true);
  const openSaveNow = useRef(openSave);
  openSaveNow.current = openSave;
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if ((event.metaKey || event.ctrlKey) && event.key === "s") {
        event.preventDefault();
        openSaveNow.current();
      }
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, []);

  const save = async ({ publish, versionDescription }: Publishing) => {
    const published = publish ? { publish: true, ...(versionDescription ? { versionDescription } : {}) } : {};
    try {
      if (machineArn) {
        await call("UpdateStateMachine", { stateMachineArn: machineArn, definition: text, roleArn, ...published });
        toast(`${name} is saved`);
        before.current = start.definition;
        setSaved({ definition: text, name, type, roleArn });
        setRestored(false);
        forgetDraft();
        setSaving(false);
        onSaved();
        return;
      }
      const { stateMachineArn } = await call<{ stateMachineArn: string }>("CreateStateMachine", { name, type, roleArn, definition: text, ...published });
      toast(`${name} is created`);
      forgetDraft();
      // Before the address changes, so that nothing is asked about.
      setSaved({ definition: text, name, type, roleArn });
      onSaved();
      if (isHere()) navigate(path("machines", stateMachineArn));
    } catch (error) {
      const place = error instanceof ApiError ? placeInMessage(error.message, text) : undefined;
      if (place !== undefined) handle.current?.reveal(place);
      throw error;
    }
  };
  const discard = () => {
    handle.current?.replace(saved.definition);
    setName(saved.name);
    setType(saved.type as MachineType);
    setRoleArn(saved.roleArn);
    setRestored(false);
  };

  const title = machineArn ? name : "Create state machine";
  const here = machineArn ? path("machines", machineArn) : "machines";
  return (
    <>
      <div className="page-head">
        <div className="grow" style={{ flexBasis: 280 }}>
          <nav className="crumbs" aria-label="Breadcrumb">
            <Link to="machines">State machines</Link>
            {machineArn && <><span aria-hidden="true">/</span><Link className="name" to={here}>{name}</Link></>}
          </nav>
          <h1 className="name">{machineArn ? <>Edit <bdi>{title}</bdi></> : title}</h1>
        </div>
        <div className="actions">
          {isDirty && machineArn && <span className="unsaved">Not saved</span>}
          <Button onClick={() => handle.current?.replace(formatJson(text))} disabled={Boolean(checkJson(text))}>Format</Button>
          <Button kind="primary" disabled={!canSave} onClick={openSave} title={canSave ? "Ctrl+S" : name === "" ? "It needs a name" : undefined}>{machineArn ? "Save" : "Create"}</Button>
        </div>
      </div>

      {isRestored && (
        <Notice tone="caught" icon="edit">
          <div className="row wrap between">You had begun this and not saved it. <Button small onClick={discard}>Throw it away</Button></div>
        </Notice>
      )}

      {isOvertaken && (
        <Notice tone="caught" icon="caught" title="It has been changed elsewhere">What you save takes the place of that. The difference is shown before.</Notice>
      )}

      <div className="edit-fields">
        {!machineArn && (
          <>
            <div className="field">
              <label htmlFor="machine-name">Name</label>
              <input id="machine-name" className="input" value={name} autoComplete="off" maxLength={80} aria-invalid={Boolean(nameFault)} onChange={(event) => setName(event.target.value)} />
              {nameFault && <span className="wrong">{nameFault}</span>}
            </div>
            <div className="field">
              <label htmlFor="machine-type">Type</label>
              <select id="machine-type" className="input" value={type} onChange={(event) => setType(event.target.value as MachineType)}>
                <option value="STANDARD">Standard</option>
                <option value="EXPRESS">Express</option>
              </select>
            </div>
          </>
        )}
        <div className="field">
          <label htmlFor="machine-role">Role</label>
          <input id="machine-role" className="input mono" spellCheck={false} value={roleArn} aria-invalid={Boolean(wrongRole)} onChange={(event) => setRoleArn(event.target.value.trim())} />
          {wrongRole && <span className="wrong">{wrongRole}</span>}
        </div>
      </div>
      {!machineArn && (
        <div className="templates" role="group" aria-label="Begin with">
          <span className="label">Begin with</span>
          {TEMPLATES.map((template) => (
            <Button key={template.id} small title={template.about} aria-pressed={text === template.definition} onClick={() => { handle.current?.replace(template.definition); setType(template.type); setSelected(""); }}>{template.title}</Button>
          ))}
        </div>
      )}

      <div className="edit-grid">
        <div className="card text-card">
          <CodeEditor label="Definition" initial={first.definition} onChange={onText} onCursor={onCursor} selected={state && { from: state.property.from, to: state.property.to }} marks={diagnosis.marks} complete={complete} handle={handle} />
          <Problems diagnosis={diagnosis} onGo={(line, column) => handle.current?.reveal(offsetOf(text, line, column), true)} />
        </div>
        <div className="card graph-card">
          <div className="graph-place"><GraphPane text={drawn} selected={selected} onSelect={select} /></div>
          <Inspector source={source} stateName={selected} roleArn={roleArn} isBroken={checkJson(text) !== undefined} onChange={change} />
        </div>
      </div>

      {saving && (
        <SaveDialog
          before={machineArn && (isOvertaken ? start.definition : saved.definition)} after={text} problems={errors} onSave={save} onClose={() => setSaving(false)}
          roleChanged={machineArn && roleArn !== saved.roleArn ? { from: saved.roleArn, to: roleArn } : undefined}
        />
      )}
      {leaving.to !== undefined && (
        <Dialog title="Leave without saving?" onClose={leaving.stay} onSubmit={leaving.leave} footer={<><Button onClick={leaving.stay}>Stay</Button><Button kind="danger" type="submit">Leave</Button></>}>
          <p>What you have changed is not saved. As long as this tab is open it is kept, and offered when you come back.</p>
        </Dialog>
      )}
    </>
  );
}
