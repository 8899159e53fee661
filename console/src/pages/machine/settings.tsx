/** What of a state machine is configured beside its definition: role, logging, tracing, encryption. */

import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { call } from "../../api/client";
import type { Machine } from "../../api/types";
import { Button, ErrorNotice, Property } from "../../ui/parts";
import { toast } from "../../ui/toasts";

const LEVELS = [
  ["OFF", "Off: nothing is logged"],
  ["FATAL", "Fatal: executions that end badly"],
  ["ERROR", "Error: every failure in an execution"],
  ["ALL", "All: every event"],
] as const;

/** Log groups are named with `:*` behind them. */
const LOG_GROUP = /^arn:[a-z-]+:logs:[a-z0-9-]+:\d{12}:log-group:[^:]+:\*$/;
const ROLE = /^arn:[a-z-]+:iam::\d{12}:role\/.+$/;

function logGroupOf(machine: Machine): string {
  const [first] = (machine.loggingConfiguration?.destinations ?? []) as { cloudWatchLogsLogGroup?: { logGroupArn?: string } }[];
  return first?.cloudWatchLogsLogGroup?.logGroupArn ?? "";
}

/** Updates a machine with some members, and shows it anew. */
function useUpdate(machine: Machine) {
  const client = useQueryClient();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const update = async (members: object, said: string) => {
    setBusy(true);
    setError(undefined);
    try {
      await call("UpdateStateMachine", { stateMachineArn: machine.stateMachineArn, ...members });
      await client.invalidateQueries({ queryKey: ["machine", machine.stateMachineArn] });
      toast(said);
    } catch (refusal) {
      setError(refusal);
    } finally {
      setBusy(false);
    }
  };
  return { busy, error, update };
}

export function SettingsTab({ machine }: { machine: Machine }) {
  return (
    <>
      <RoleCard machine={machine} key={`role ${machine.roleArn}`} />
      <LoggingCard machine={machine} key={JSON.stringify(machine.loggingConfiguration)} />
      <TracingCard machine={machine} />
      <section className="card" aria-labelledby="encryption-title">
        <header><h2 id="encryption-title">Encryption</h2></header>
        <div className="body">
          <dl className="properties">
            <Property name="Key">{machine.encryptionConfiguration?.type === "CUSTOMER_MANAGED_KMS_KEY" ? <span className="mono">{machine.encryptionConfiguration.kmsKeyId}</span> : "Owned by the service (AWS_OWNED_KEY)"}</Property>
          </dl>
        </div>
      </section>
    </>
  );
}

function RoleCard({ machine }: { machine: Machine }) {
  const [roleArn, setRoleArn] = useState(machine.roleArn);
  const { busy, error, update } = useUpdate(machine);
  const wrong = ROLE.test(roleArn) ? undefined : "Such as arn:aws:iam::123456789012:role/name.";
  return (
    <form className="card" aria-labelledby="role-title" onSubmit={(event) => { event.preventDefault(); void update({ roleArn }, "Role changed"); }}>
      <header><h2 id="role-title">Role</h2></header>
      <div className="body stack">
        <div className="field">
          <label htmlFor="role-arn">Role that executions have</label>
          <input id="role-arn" className="input mono" spellCheck={false} value={roleArn} aria-invalid={Boolean(wrong)} onChange={(event) => setRoleArn(event.target.value.trim())} />
          {wrong ? <span className="wrong">{wrong}</span> : <span className="hint">Executions that run already keep the one they started with.</span>}
        </div>
        {error !== undefined && <ErrorNotice error={error} what="The role was not changed" />}
        <div className="row"><Button type="submit" kind="primary" disabled={busy || Boolean(wrong) || roleArn === machine.roleArn || machine.status !== "ACTIVE"}>Save</Button></div>
      </div>
    </form>
  );
}

function LoggingCard({ machine }: { machine: Machine }) {
  const before = { level: machine.loggingConfiguration?.level ?? "OFF", group: logGroupOf(machine), withData: machine.loggingConfiguration?.includeExecutionData ?? false };
  const [level, setLevel] = useState(before.level);
  const [group, setGroup] = useState(before.group);
  const [withData, setWithData] = useState(before.withData);
  const { busy, error, update } = useUpdate(machine);
  const isOn = level !== "OFF";
  const wrong = (isOn || group !== "") && !LOG_GROUP.test(group) ? "Such as arn:aws:logs:us-east-1:123456789012:log-group:/stepwell/orders:*" : undefined;
  const changed = level !== before.level || group !== before.group || withData !== before.withData;
  const save = () => {
    const destinations = group === "" ? [] : [{ cloudWatchLogsLogGroup: { logGroupArn: group } }];
    void update({ loggingConfiguration: { level, includeExecutionData: withData, destinations } }, "Logging changed");
  };
  return (
    <form className="card" aria-labelledby="logging-title" onSubmit={(event) => { event.preventDefault(); save(); }}>
      <header><h2 id="logging-title">Logging</h2></header>
      <div className="body stack">
        <div className="fields-row">
          <div className="field">
            <label htmlFor="log-level">Level</label>
            <select id="log-level" className="input" value={level} onChange={(event) => setLevel(event.target.value)}>
              {LEVELS.map(([id, text]) => <option key={id} value={id}>{text}</option>)}
            </select>
          </div>
          <div className="field">
            <label htmlFor="log-group">Log group</label>
            <input id="log-group" className="input mono" spellCheck={false} placeholder={isOn ? "arn:aws:logs:…:log-group:…:*" : "None"} value={group} aria-invalid={Boolean(wrong)} onChange={(event) => setGroup(event.target.value.trim())} />
            {wrong && <span className="wrong">{wrong}</span>}
          </div>
        </div>
        <label className="check"><input type="checkbox" checked={withData} onChange={(event) => setWithData(event.target.checked)} /> With the inputs and outputs of states</label>
        {error !== undefined && <ErrorNotice error={error} what="Logging was not changed" />}
        <div className="row"><Button type="submit" kind="primary" disabled={busy || !changed || Boolean(wrong) || machine.status !== "ACTIVE"}>Save</Button></div>
      </div>
    </form>
  );
}

function TracingCard({ machine }: { machine: Machine }) {
  const enabled = machine.tracingConfiguration?.enabled ?? false;
  const { busy, error, update } = useUpdate(machine);
  return (
    <section className="card" aria-labelledby="tracing-title">
      <header><h2 id="tracing-title">Tracing</h2></header>
      <div className="body stack">
        <div className="row between wrap">
          <span>{enabled ? "Executions are traced." : "Executions are not traced."}</span>
          <Button disabled={busy || machine.status !== "ACTIVE"} onClick={() => void update({ tracingConfiguration: { enabled: !enabled } }, enabled ? "Tracing is off" : "Tracing is on")}>{enabled ? "Turn off" : "Turn on"}</Button>
        </div>
        {error !== undefined && <ErrorNotice error={error} what="Tracing was not changed" />}
      </div>
    </section>
  );
}
