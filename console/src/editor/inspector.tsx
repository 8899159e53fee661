/** What can be done to the selected state without writing JSON: rename it, lead it elsewhere, put one behind it, delete it. */

import { useEffect, useState } from "react";
import { Button, Empty, TabPanel, Tabs } from "../ui/parts";
import { addAfter, addFirst, freeName, nextOf, remove, rename, setNext, STATE_TYPES, TERMINAL, type Change, type StateType } from "./edits";
import { TestState } from "./test-state";
import type { Source, StateAt } from "./tree";

const NAME_CHARS_MAX = 80;

export interface Editing {
  source: Source;
  /** Makes changes in the text, and selects a state then. */
  onChange: (changes: Change[], select: string) => void;
}

export function Inspector({ source, stateName, roleArn, isBroken, onChange }: Editing & { stateName: string; roleArn: string; isBroken: boolean }) {
  const [tab, setTab] = useState("edit");
  const state = source.state(stateName);
  if (!state && stateName && isBroken) return <div className="inspector"><Empty title={`${stateName} cannot be changed now`}>The text is no valid JSON; what is wrong with it stands below it.</Empty></div>;
  if (!state) return <NoSelection source={source} onChange={onChange} />;
  return (
    <div className="inspector">
      <Tabs label="Selected state" panelId="state-panel" selected={tab} onSelect={setTab} tabs={[{ id: "edit", label: "State" }, { id: "test", label: "Test" }]} />
      <TabPanel panelId="state-panel" selected={tab}>
        <div className="inspector-body">
          {tab === "edit"
            ? <StateForm source={source} state={state} onChange={onChange} key={stateName} />
            : <TestState definitionText={source.text} stateName={stateName} roleArn={roleArn || undefined} />}
        </div>
      </TabPanel>
    </div>
  );
}

function NoSelection({ source, onChange }: Editing) {
  const root = source.scopes.find((scope) => !scope.parent);
  const [type, setType] = useState<StateType>("Task");
  if (root && root.states.length === 0) {
    const name = freeName(source, type);
    return (
      <div className="inspector inspector-body">
        <div className="row wrap">
          <TypeSelect label="Type of the first state" value={type} onChange={setType} />
          <Button icon="plus" onClick={() => onChange(addFirst(source, root, type, name), name)}>Add the first state</Button>
        </div>
      </div>
    );
  }
  return <div className="inspector"><Empty title="No state is selected">Select one in the graph, or put the cursor into it, to change or test it.</Empty></div>;
}

function StateForm({ source, state, onChange }: Editing & { state: StateAt }) {
  const [name, setName] = useState(state.name);
  const [type, setType] = useState<StateType>("Task");
  useEffect(() => setName(state.name), [state.name]);
  const taken = name !== state.name && source.state(name) !== undefined;
  const wrong = taken ? "Another state has this name." : name === "" || [...name].length > NAME_CHARS_MAX ? `From 1 to ${NAME_CHARS_MAX} characters.` : undefined;
  const isTerminal = state.type !== undefined && TERMINAL.includes(state.type);
  const isChoice = state.type === "Choice";
  const next = nextOf(source, state) ?? "";
  const others = state.scope.states.filter((each) => each !== state);
  const added = freeName(source, type);
  const submitName = () => {
    if (!wrong && name !== state.name) onChange(rename(source, state, name), name);
  };
  return (
    <div className="stack">
      <form className="field" onSubmit={(event) => { event.preventDefault(); submitName(); }}>
        <label htmlFor="state-name">Name <span className="muted">({state.type ?? "no type"})</span></label>
        <div className="row">
          <input id="state-name" className="input" value={name} aria-invalid={Boolean(wrong)} onChange={(event) => setName(event.target.value)} />
          <Button type="submit" disabled={Boolean(wrong) || name === state.name}>Rename</Button>
        </div>
        {wrong && <span className="wrong">{wrong}</span>}
      </form>
      {!isTerminal && (
        <div className="field">
          <label htmlFor="state-next">{isChoice ? "If no rule applies, go on to" : "Go on to"}</label>
          <select id="state-next" className="input" value={next} onChange={(event) => onChange(setNext(source, state, event.target.value), state.name)}>
            <option value="">{isChoice ? "Nothing: the execution fails" : "Nothing: it ends here"}</option>
            {next !== "" && !others.some((each) => each.name === next) && <option value={next}>{next === state.name ? `${next} (itself)` : `${next} (missing)`}</option>}
            {others.map((each) => <option key={each.name} value={each.name}>{each.name}</option>)}
          </select>
        </div>
      )}
      <div className="row wrap between">
        {isTerminal ? <span className="muted small">Nothing comes after a state of this type.</span> : (
          <div className="row wrap">
            <TypeSelect label="Type of the new state" value={type} onChange={setType} />
            <Button icon="plus" onClick={() => onChange(addAfter(source, state, type, added), added)}>Add after it</Button>
          </div>
        )}
        <Button kind="danger" icon="trash" disabled={others.length === 0} title={others.length === 0 ? "A state machine has at least one state" : undefined} onClick={() => onChange(remove(source, state), "")}>Delete</Button>
      </div>
    </div>
  );
}

function TypeSelect({ label, value, onChange }: { label: string; value: StateType; onChange: (type: StateType) => void }) {
  return (
    <select className="input" style={{ width: "auto" }} aria-label={label} value={value} onChange={(event) => onChange(event.target.value as StateType)}>
      {STATE_TYPES.map((each) => <option key={each} value={each}>{each}</option>)}
    </select>
  );
}
