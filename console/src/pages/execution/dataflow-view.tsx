/** The data flow of a step: one stage below the other, each with what made it and what changed. */

import type { ReactNode } from "react";
import type { Execution } from "../../api/types";
import type { RunView, Step } from "../../model/run";
import { ErrorNotice, Loading, Notice } from "../../ui/parts";
import { Payload } from "../../ui/payload";
import { changeOf, objectOf, stagesOf, type Change, type Stage } from "./dataflow";
import type { StateNode, States } from "./definition";
import { GATHERED_MAX, useDataFlow, type RecordedStep } from "./recorded";

interface Props {
  executionArn: string;
  run: RunView;
  version: number;
  states: States;
  node: StateNode;
  step: Step;
  recorded: RecordedStep;
  execution: Execution | undefined;
}

export function DataFlowView({ executionArn, run, version, states, node, step, recorded, execution }: Props) {
  const flow = useDataFlow(executionArn, run, version, states, node, step, recorded, execution);
  if (recorded.isLoading) return <Loading what="Reading the payloads" />;
  const stages = stagesOf(node, recorded, flow.tested);
  const before = Object.keys(flow.variables).length > 0 ? flow.variables : undefined;
  const isManyResults = node.type === "Map" && step.status === "succeeded" && recorded.result === undefined;
  const unexpected = flow.tested?.status === "FAILED" && step.status === "succeeded" ? flow.tested : undefined;
  return (
    <div className="flow">
      {flow.error !== undefined && <ErrorNotice error={flow.error} what="Only what was recorded can be shown" />}
      {flow.why && <Notice tone="plain" title="Only what was recorded can be shown">{flow.why}</Notice>}
      {unexpected && (
        <Notice tone="caught" icon="caught" title="Some stages could not be worked out">
          <span className="name">{unexpected.error}: {unexpected.cause}</span>
        </Notice>
      )}
      <ol>
        {before && <StageItem title="Variables before" note="assigned by earlier states" text={objectOf(before)} />}
        {stages.map((stage) => (
          <StageOf key={stage.title} stage={stage} isLoading={flow.isLoading} />
        ))}
        {recorded.assigned && Object.keys(recorded.assigned).length > 0 && <StageItem title="Variables assigned" note="recorded" text={objectOf(recorded.assigned)} source={node.source.Assign} />}
      </ol>
      {isManyResults && <p className="muted small">The result is made of the outputs of all iterations: of more than {GATHERED_MAX} it is not put together here. Look at each of them, or at the output.</p>}
      <p className="muted small">
        <b>Recorded</b> is what the history has. <b>Worked out</b> is what TestState makes of it; nothing was run again.
      </p>
    </div>
  );
}

/** What the absence of a field means, where it is not "nothing changes". */
const UNSET: Record<string, string> = {
  ResultPath: "not set: the result takes the place of the input",
  "ResultPath of the catcher": "not set: the error output takes the place of the input",
  Arguments: "not set: the input is sent as it is",
};

function StageOf({ stage, isLoading }: { stage: Stage; isLoading: boolean }) {
  if (stage.isUnset) {
    return (
      <li className="stage unset">
        <span className="stage-title">{stage.title}</span> <span className="muted small">{UNSET[stage.title] ?? "not set"}</span>
      </li>
    );
  }
  const missing = isLoading && stage.origin === "tested" ? "working it out…" : "not known";
  return <StageItem title={stage.title} note={stage.origin === "recorded" ? "recorded" : "worked out"} source={stage.source} text={stage.text} change={changeOf(stage.before, stage.text)} missing={missing} />;
}

function StageItem({ title, note, source, text, change, missing = "not known" }: { title: string; note: string; source?: unknown; text?: string; change?: Change; missing?: string }) {
  return (
    <li className="stage">
      <div className="row wrap">
        <span className="stage-title">{title}</span>
        <span className="muted small">{text === undefined ? missing : note}</span>
        {change && <ChangeNote change={change} />}
      </div>
      {source !== undefined && <code className="stage-source">{typeof source === "string" ? source : JSON.stringify(source)}</code>}
      {text !== undefined && change?.kind !== "same" && <Payload text={text} title={title} />}
    </li>
  );
}

function ChangeNote({ change }: { change: Change }) {
  if (change.kind === "same") return <span className="change">unchanged</span>;
  if (change.kind === "replaced") return <span className="change">another value</span>;
  const part = (sign: string, word: string, names: string[]): ReactNode =>
    names.length > 0 && (
      <span className="change" title={`${word}: ${names.join(", ")}`}>
        <span aria-hidden="true">{sign} </span><span className="visually-hidden">{word} </span><bdi>{names.slice(0, 3).join(", ")}{names.length > 3 && ` and ${names.length - 3} more`}</bdi>
      </span>
    );
  return <>{part("+", "added", change.added)}{part("−", "removed", change.removed)}{part("≠", "changed", change.changed)}</>;
}
