/** Tries the state of a step with what the step was given. */

import { useRef } from "react";
import { TestState } from "../../editor/test-state";
import { formatJson } from "../../editor/json-format";
import type { DefinitionOfExecution } from "../../api/history";
import type { RunView, Step } from "../../model/run";
import { Dialog, ErrorNotice, Loading } from "../../ui/parts";
import { objectOf } from "./dataflow";
import type { States } from "./definition";
import { useVariables } from "./recorded";

interface Props {
  executionArn: string;
  run: RunView;
  version: number;
  states: States;
  definition: DefinitionOfExecution;
  step: Step;
  input: string;
  onClose: () => void;
}

export function TestStep({ executionArn, run, version, states, definition, step, input, onClose }: Props) {
  const { variables, isLoading, error } = useVariables(executionArn, run, version, states, step);
  // They are read again while the execution goes on. What somebody has typed meanwhile stays.
  const initial = useRef<string>(undefined);
  if (!isLoading) initial.current ??= Object.keys(variables).length > 0 ? formatJson(objectOf(variables)) : "";
  return (
    <Dialog title={`Test ${step.name}`} onClose={onClose} wide>
      <p className="muted">With the input and the variables of this execution, which itself stays as it is. A task is really done, unless a result or an error is given for it.</p>
      {error !== undefined && <ErrorNotice error={error} what="The variables could not be read" />}
      {initial.current === undefined ? (
        <Loading what="Reading the variables" />
      ) : (
        <TestState definitionText={definition.definition} stateName={step.name} initialInput={formatJson(input)} initialVariables={initial.current} roleArn={definition.roleArn} />
      )}
    </Dialog>
  );
}
