/** The editor of state machines: the definition as text, its graph, and what is wrong with it, while it is written. */

import { useQueryClient } from "@tanstack/react-query";
import { machineArnOf } from "../api/arn";
import { useMachine } from "../api/queries";
import { currentPlace } from "../api/session";
import { Editor } from "../editor/editor";
import { readable } from "../editor/json-format";
import { TEMPLATES } from "../editor/templates";
import { Link, path } from "../router";
import { Empty, Loading } from "../ui/parts";
import { NoMachine } from "./machine/no-machine";

export function EditPage({ stateMachineArn }: { stateMachineArn?: string }) {
  return stateMachineArn === undefined ? <NewMachine /> : <ExistingMachine stateMachineArn={machineArnOf(stateMachineArn)} />;
}

function NewMachine() {
  const client = useQueryClient();
  const [first] = TEMPLATES;
  const start = { definition: first.definition, name: "", type: first.type, roleArn: `arn:aws:iam::${currentPlace().account}:role/stepwell` };
  return <Editor start={start} onSaved={() => void client.invalidateQueries({ queryKey: ["machines"] })} />;
}

function ExistingMachine({ stateMachineArn }: { stateMachineArn: string }) {
  const client = useQueryClient();
  const machine = useMachine(stateMachineArn);
  if (machine.isPending) return <Loading what="Loading the state machine" />;
  if (!machine.data) return <NoMachine named={stateMachineArn} error={machine.error} retry={() => void machine.refetch()} what="The state machine cannot be edited" />;
  if (machine.data.status === "DELETING") {
    return <Empty heading="h1" title="This state machine is being deleted" action={<Link className="button" to={path("machines", stateMachineArn)}>Look at it</Link>} />;
  }
  const { definition, name, type, roleArn } = machine.data;
  return (
    <Editor
      machineArn={stateMachineArn}
      start={{ definition: readable(definition), name, type, roleArn }}
      onSaved={() => void client.invalidateQueries({ queryKey: ["machine", stateMachineArn] })}
    />
  );
}
