/**
 * Tests one state: what would come of it with this input, step by step through its data flow. With a mock
 * nothing outside is called. Needs no CodeMirror, so any page may have it.
 */

import { useEffect, useId, useRef, useState } from "react";
import { call } from "../api/client";
import { Button, ErrorNotice, Property } from "../ui/parts";
import { Payload } from "../ui/payload";
import { Badge, type Tone } from "../ui/status";
import { checkJson } from "./json-check";
import { JsonField } from "./json-field";
import "./test-state.css";

interface ErrorDetails {
  catchIndex?: number;
  retryIndex?: number;
  retryBackoffIntervalSeconds?: number;
}

type InspectionData = Record<string, string | number | ErrorDetails | undefined>;

interface Tested {
  status: "SUCCEEDED" | "FAILED" | "RETRIABLE" | "CAUGHT_ERROR";
  output?: string;
  error?: string;
  cause?: string;
  nextState?: string;
  inspectionData?: InspectionData;
}

const TONES: Record<Tested["status"], Tone> = {
  SUCCEEDED: { tone: "succeeded", icon: "succeeded", text: "Succeeded" },
  FAILED: { tone: "failed", icon: "failed", text: "Failed" },
  RETRIABLE: { tone: "waiting", icon: "retry", text: "Would be retried" },
  CAUGHT_ERROR: { tone: "caught", icon: "caught", text: "Caught error" },
};

/** What happens to the data, in the order in which it happens. */
const STAGES: [string, string][] = [
  ["input", "Input"],
  ["afterInputPath", "After InputPath"],
  ["afterItemsPath", "After ItemsPath"],
  ["afterItemsPointer", "After ItemsPointer"],
  ["afterItemSelector", "After ItemSelector"],
  ["afterItemBatcher", "After ItemBatcher"],
  ["afterParameters", "After Parameters"],
  ["afterArguments", "After Arguments"],
  ["result", "Result"],
  ["afterResultSelector", "After ResultSelector"],
  ["afterResultPath", "After ResultPath"],
  ["variables", "Variables"],
];
const NUMBERS: [string, string][] = [
  ["maxConcurrency", "Maximal concurrency"],
  ["toleratedFailureCount", "Tolerated failures"],
  ["toleratedFailurePercentage", "Tolerated failures in %"],
];

type Mock = "none" | "result" | "error";
/** What takes a mock. */
const MOCKABLE = ["Task", "Map", "Parallel"];

/** The type of a state of a definition, wherever it is in it. */
function typeOf(definitionText: string, stateName: string): string | undefined {
  const look = (machine: unknown): string | undefined => {
    const states = (machine as { States?: Record<string, Record<string, unknown>> } | undefined)?.States ?? {};
    if (stateName in states) return String(states[stateName]?.Type);
    for (const state of Object.values(states)) {
      for (const inner of [state?.ItemProcessor, state?.Iterator, ...(Array.isArray(state?.Branches) ? state.Branches : [])]) {
        const found = inner ? look(inner) : undefined;
        if (found) return found;
      }
    }
    return undefined;
  };
  try {
    return look(JSON.parse(definitionText));
  } catch {
    return undefined;
  }
}

export function TestState({ definitionText, stateName, initialInput, initialVariables = "", roleArn }: { definitionText: string; stateName: string; initialInput?: string; initialVariables?: string; roleArn?: string }) {
  const id = useId();
  const type = typeOf(definitionText, stateName);
  const mockable = type !== undefined && MOCKABLE.includes(type);
  const [input, setInput] = useState(initialInput ?? "{}");
  const [variables, setVariables] = useState(initialVariables);
  const [mock, setMock] = useState<Mock>("none");
  const [result, setResult] = useState("{}");
  const [error, setError] = useState("States.TaskFailed");
  const [cause, setCause] = useState("");
  const [validation, setValidation] = useState("STRICT");
  const [level, setLevel] = useState("DEBUG");
  const [busy, setBusy] = useState(false);
  const [tested, setTested] = useState<Tested>();
  const [refusal, setRefusal] = useState<unknown>();
  useEffect(() => {
    if (initialInput !== undefined) setInput(initialInput);
  }, [initialInput]);
  // What came of one state says nothing of another.
  useEffect(() => {
    setTested(undefined);
    setRefusal(undefined);
  }, [stateName]);

  // Where there is little room, what came of it would stand below what is seen.
  const outcome = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (tested || refusal !== undefined) outcome.current?.scrollIntoView({ block: "nearest" });
  }, [tested, refusal]);

  const used = mockable ? mock : "none";
  const wrong = checkJson(input) ?? (variables.trim() ? checkJson(variables) : undefined) ?? (used === "result" ? checkJson(result) : undefined);
  const test = async () => {
    if (wrong || busy) return;
    setBusy(true);
    setRefusal(undefined);
    try {
      const mocked = used === "result" ? { mock: { result, fieldValidationMode: validation } } : used === "error" ? { mock: { errorOutput: { error, ...(cause ? { cause } : {}) } } } : {};
      setTested(await call<Tested>("TestState", {
        definition: definitionText, stateName, input, inspectionLevel: level,
        ...(variables.trim() ? { variables } : {}), ...(roleArn ? { roleArn } : {}), ...mocked,
      }));
    } catch (caught) {
      setTested(undefined);
      setRefusal(caught);
    } finally {
      setBusy(false);
    }
  };

  return (
    <div className="test-state">
      <form className="stack" aria-label={`Test ${stateName}`} onSubmit={(event) => { event.preventDefault(); void test(); }}>
        <JsonField label="Input of the state" value={input} onChange={setInput} rows={4} />
        <details>
          <summary>Variables</summary>
          <JsonField label="Variables, as an object" value={variables} onChange={setVariables} rows={3} optional />
        </details>
        {mockable && (
          <fieldset className="mock">
            <legend>Mock</legend>
            <div className="choices">
              {([["none", "No mock"], ["result", "Mock result"], ["error", "Mock error"]] as const).map(([value, text]) => (
                <label key={value}><input type="radio" name={`${id}-mock`} checked={mock === value} onChange={() => setMock(value)} /> {text}</label>
              ))}
            </div>
            {mock === "result" && (
              <>
                <JsonField label="Mocked result" value={result} onChange={setResult} rows={5} hint={type === "Map" ? "An array: one item for each iteration." : type === "Parallel" ? "An array: one item for each branch." : "As the service answers: of lambda:invoke a strict check takes Payload as a text."} />
                {type === "Task" && (
                  <div className="field">
                    <label htmlFor={`${id}-validation`}>Hold it against the shape of the service's answer</label>
                    <select id={`${id}-validation`} className="input" value={validation} onChange={(event) => setValidation(event.target.value)}>
                      <option value="STRICT">Strictly: what is required is there and fits</option>
                      <option value="PRESENT">What is there fits</option>
                      <option value="NONE">Not at all</option>
                    </select>
                  </div>
                )}
              </>
            )}
            {mock === "error" && (
              <div className="error-fields">
                <div className="field"><label htmlFor={`${id}-error`}>Error</label><input id={`${id}-error`} className="input mono" value={error} onChange={(event) => setError(event.target.value)} /></div>
                <div className="field"><label htmlFor={`${id}-cause`}>Cause</label><input id={`${id}-cause`} className="input" value={cause} onChange={(event) => setCause(event.target.value)} /></div>
              </div>
            )}
          </fieldset>
        )}
        <div className="run">
          <Button kind="primary" type="submit" icon="play" disabled={Boolean(wrong) || busy}>{busy ? "Testing…" : "Test state"}</Button>
          <label className="level">Show <select className="input" value={level} onChange={(event) => setLevel(event.target.value)}>
            <option value="INFO">the output</option>
            <option value="DEBUG">each stage</option>
            <option value="TRACE">each stage, and HTTP</option>
          </select></label>
        </div>
      </form>
      <div className="stack" ref={outcome}>
        {refusal !== undefined && <ErrorNotice error={refusal} what="It was not tested" />}
        {tested && <Outcome tested={tested} />}
      </div>
    </div>
  );
}

function Outcome({ tested }: { tested: Tested }) {
  const data = tested.inspectionData ?? {};
  const stages = STAGES.filter(([member]) => typeof data[member] === "string");
  const details = data.errorDetails as ErrorDetails | undefined;
  return (
    <section className="stack" aria-label="What came of the test" role="status">
      <div className="outcome">
        <Badge tone={TONES[tested.status] ?? { tone: "plain", icon: "help", text: tested.status }} />
        {tested.nextState !== undefined && <span>goes on to <bdi><strong>{tested.nextState}</strong></bdi></span>}
      </div>
      {(tested.error !== undefined || tested.cause !== undefined || details) && (
        <dl className="properties">
          {tested.error !== undefined && <Property name="Error"><span className="name mono">{tested.error}</span></Property>}
          {tested.cause !== undefined && <Property name="Cause"><span className="name">{tested.cause}</span></Property>}
          {details?.retryIndex !== undefined && <Property name="Retrier">{details.retryIndex + 1}{details.retryBackoffIntervalSeconds !== undefined && `, after ${details.retryBackoffIntervalSeconds} s`}</Property>}
          {details?.catchIndex !== undefined && <Property name="Catcher">{details.catchIndex + 1}</Property>}
        </dl>
      )}
      {tested.output !== undefined && <div className="field"><span className="label">Output</span><Payload title="Output" text={tested.output} /></div>}
      {NUMBERS.some(([member]) => member in data) && (
        <dl className="properties">{NUMBERS.filter(([member]) => member in data).map(([member, text]) => <Property key={member} name={text}>{String(data[member])}</Property>)}</dl>
      )}
      {stages.map(([member, text]) => (
        <details key={member}>
          <summary>{text}</summary>
          <Payload title={text} text={String(data[member])} />
        </details>
      ))}
      {(["request", "response"] as const).filter((member) => data[member] !== undefined).map((member) => (
        <details key={member}>
          <summary>{member === "request" ? "HTTP request" : "HTTP response"}</summary>
          <Payload title={`HTTP ${member}`} text={JSON.stringify(data[member])} />
        </details>
      ))}
    </section>
  );
}
