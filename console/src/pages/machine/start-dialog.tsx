/** Starts an execution, or runs an Express one and shows what came of it. */

import { useQuery as useAsked } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { isExpress as isExpressArn, shortName } from "../../api/arn";
import { call } from "../../api/client";
import { rememberStart } from "../../api/express";
import { listAll } from "../../api/queries";
import type { Execution, ExecutionSummary, Machine } from "../../api/types";
import { JsonField } from "../../editor/json-field";
import { checkJson } from "../../editor/json-check";
import { formatJson } from "../../editor/json-format";
import { Link, path, useRouter } from "../../router";
import { useIsHere } from "../../ui/here";
import { Button, Dialog, ErrorNotice, Property } from "../../ui/parts";
import { Payload } from "../../ui/payload";
import { ExecutionBadge, executionTone } from "../../ui/status";
import { Elapsed, formatShortMoment } from "../../ui/time";
import { toast } from "../../ui/toasts";
import { Cause } from "../execution/cause";
import { recentInputs, rememberInput } from "./recent-inputs";

/** So many executions are offered to copy from. */
const EARLIER = 25;
const FIRST_INPUT = "{\n  \n}";

export function StartDialog({ machine, via: firstVia, copyOf, onCopy, onClose }: {
  machine: Machine;
  /** The ARN of the version or the alias to start with; empty for the current revision. */
  via: string;
  /** The ARN of an execution whose input to begin with; may be empty. */
  copyOf: string;
  onCopy: (executionArn: string) => void;
  onClose: () => void;
}) {
  const { stateMachineArn } = machine;
  const isExpress = machine.type === "EXPRESS";
  const [input, setInput] = useState(() => (copyOf === "" && recentInputs(stateMachineArn)[0]) || FIRST_INPUT);
  const [name, setName] = useState("");
  const [via, setVia] = useState(firstVia);
  const [isSync, setSync] = useState(true);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const [result, setResult] = useState<Execution>();
  const { navigate } = useRouter();
  const isHere = useIsHere();
  const ways = useAsked({
    queryKey: ["machine", stateMachineArn, "start-ways"],
    queryFn: async ({ signal }) => {
      const aliases = await listAll<{ stateMachineAliasArn: string }>("ListStateMachineAliases", { stateMachineArn, maxResults: 1000 }, "stateMachineAliases", 1_000, signal);
      const versions = await listAll<{ stateMachineVersionArn: string }>("ListStateMachineVersions", { stateMachineArn, maxResults: 1000 }, "stateMachineVersions", 1_000, signal);
      return { aliases: aliases.map((each) => each.stateMachineAliasArn), versions: versions.map((each) => each.stateMachineVersionArn) };
    },
  });
  const original = useAsked({
    queryKey: ["execution", copyOf, "input"],
    enabled: copyOf !== "",
    queryFn: ({ signal }) => call<Execution>(isExpressArn(copyOf) ? "Stepwell.DescribeExpressExecution" : "DescribeExecution", { executionArn: copyOf }, signal),
  });
  const earlier = useAsked({
    // Not one of those that every start and end asks again: it is chosen from.
    queryKey: ["earlier-executions", stateMachineArn],
    queryFn: ({ signal }) => call<{ executions: ExecutionSummary[] }>(isExpress ? "Stepwell.ListExpressExecutions" : "ListExecutions", { stateMachineArn, maxResults: EARLIER }, signal),
  });
  const executions = earlier.data?.executions ?? [];
  const copied = original.data?.input;
  const isCopying = copyOf !== "" && original.isPending;
  useEffect(() => {
    if (copied !== undefined) setInput(formatJson(copied));
  }, [copyOf, copied]);

  const wrong = checkJson(input);
  const start = async () => {
    if (wrong || busy) return;
    setBusy(true);
    setError(undefined);
    setResult(undefined);
    const request = { stateMachineArn: via || stateMachineArn, input, ...(name ? { name } : {}) };
    try {
      rememberInput(stateMachineArn, input);
      if (isExpress && isSync) {
        setResult(await call<Execution>("StartSyncExecution", request));
        setBusy(false);
        return;
      }
      const { executionArn } = await call<{ executionArn: string }>("StartExecution", request);
      if (isExpress) rememberStart(executionArn);
      toast("Started");
      if (isHere()) navigate(path("executions", executionArn));
    } catch (refusal) {
      setError(refusal);
      setBusy(false);
    }
  };

  const recent = recentInputs(stateMachineArn);
  const last = (arn: string) => arn.split(":").at(-1);
  return (
    <Dialog
      title="Start execution"
      onClose={onClose}
      onSubmit={() => void start()}
      footer={<>
        <Button onClick={onClose}>{result ? "Close" : "Cancel"}</Button>
        <Button kind="primary" type="submit" icon="play" disabled={Boolean(wrong) || busy || isCopying}>{busy ? "Starting…" : result ? "Run again" : isExpress && isSync ? "Run" : "Start"}</Button>
      </>}
    >
      {original.error && <ErrorNotice error={original.error} what="The input of the execution cannot be copied" />}
      <JsonField label="Input" value={input} onChange={setInput} rows={10} readOnly={isCopying} autoFocus hint={isCopying ? "Copying the input…" : copied !== undefined ? "The input of the execution that you copy." : undefined} />
      {(executions.length > 0 || copyOf !== "") && (
        <div className="field">
          <label htmlFor="start-copy">Copy the input of an execution</label>
          <select id="start-copy" className="input" value={copyOf} onChange={(event) => onCopy(event.target.value)}>
            <option value="">None</option>
            {copyOf !== "" && !executions.some(({ executionArn }) => executionArn === copyOf) && <option value={copyOf}>{original.data?.name ?? shortName(copyOf)}</option>}
            {executions.map((each) => <option key={each.executionArn} value={each.executionArn}>{each.name} ({executionTone(each.status).text.toLowerCase()}, {formatShortMoment(each.startDate, Date.now())})</option>)}
          </select>
        </div>
      )}
      {recent.length > 0 && (
        <div className="field">
          <span className="label" id="recent-inputs">Recent inputs</span>
          <div className="recent" role="group" aria-labelledby="recent-inputs">
            {recent.map((each) => <Button key={each} small disabled={isCopying} onClick={() => setInput(each)} title={each.slice(0, 400)}><span dir="ltr">{each.replace(/\s+/g, " ").slice(0, 60)}</span></Button>)}
          </div>
        </div>
      )}
      <div className="fields-row">
        <div className="field">
          <label htmlFor="start-name">Name (optional)</label>
          <input id="start-name" className="input" maxLength={80} autoComplete="off" placeholder="Generated" value={name} onChange={(event) => setName(event.target.value)} />
        </div>
        <div className="field">
          <label htmlFor="start-via">Version or alias</label>
          <select id="start-via" className="input" value={via} onChange={(event) => setVia(event.target.value)}>
            <option value="">The current revision</option>
            {via && !ways.data && <option value={via}>{last(via)}</option>}
            {ways.data && ways.data.aliases.length > 0 && <optgroup label="Aliases">{ways.data.aliases.map((arn) => <option key={arn} value={arn}>{last(arn)}</option>)}</optgroup>}
            {ways.data && ways.data.versions.length > 0 && <optgroup label="Versions">{ways.data.versions.map((arn) => <option key={arn} value={arn}>Version {last(arn)}</option>)}</optgroup>}
          </select>
        </div>
      </div>
      {isExpress && (
        <fieldset className="plain-fieldset">
          <legend className="small">How</legend>
          <div className="choice-row">
            <label><input type="radio" name="how" checked={isSync} onChange={() => setSync(true)} /> Wait for the result</label>
            <label><input type="radio" name="how" checked={!isSync} onChange={() => setSync(false)} /> Only start it</label>
          </div>
        </fieldset>
      )}
      {error !== undefined && <ErrorNotice error={error} what="It was not started" />}
      {result && <Result execution={result} />}
    </Dialog>
  );
}

function Result({ execution }: { execution: Execution }) {
  // It stands below what is seen of the dialog.
  const section = useRef<HTMLElement>(null);
  useEffect(() => {
    section.current?.scrollIntoView({ block: "nearest" });
  }, [execution]);
  return (
    <section ref={section} className="stack" aria-label="Result" role="status">
      <div className="row wrap">
        <ExecutionBadge status={execution.status} />
        <span className="muted">in <Elapsed from={execution.startDate} to={execution.stopDate} /></span>
        <Link to={path("executions", execution.executionArn)}>Every step of it</Link>
      </div>
      {execution.output !== undefined && <div className="field"><span className="label">Output</span><Payload title="Output" text={execution.output} /></div>}
      {execution.error !== undefined || execution.cause !== undefined ? (
        <dl className="properties">
          <Property name="Error"><span className="name">{execution.error ?? "–"}</span></Property>
          {execution.cause !== undefined && <Property name="Cause"><Cause cause={execution.cause} /></Property>}
        </dl>
      ) : null}
    </section>
  );
}
