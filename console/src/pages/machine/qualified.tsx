/** A version or an alias of a state machine, as the page of the machine shows it. */

import { useQuery, type UseQueryResult } from "@tanstack/react-query";
import { Fragment, type ReactNode } from "react";
import { machineArnOf, parseArn } from "../../api/arn";
import { call } from "../../api/client";
import type { Machine } from "../../api/types";
import { Link, path } from "../../router";
import { CopyButton } from "../../ui/parts";
import { Moment } from "../../ui/time";
import type { Alias } from "./alias-dialog";
import { lastOf } from "./versions";

export interface Qualified {
  arn: string;
  name: string;
  /** Of an alias: where it leads. */
  alias?: Alias;
  /** The version; of an alias the one that most starts go to, or the first of two that have the same share. */
  version: Machine;
}

/** Nothing is asked of the ARN of a machine itself. */
export function useQualified(arn: string): UseQueryResult<Qualified> {
  const name = parseArn(arn)?.name ?? "";
  return useQuery({
    queryKey: ["machine", machineArnOf(arn), "qualified", name],
    enabled: name !== "",
    queryFn: async ({ signal }) => {
      const describe = (stateMachineArn: string) => call<Machine>("DescribeStateMachine", { stateMachineArn }, signal);
      if (/^\d+$/.test(name)) return { arn, name, version: await describe(arn) };
      const alias = await call<Alias>("DescribeStateMachineAlias", { stateMachineAliasArn: arn }, signal);
      const [most] = alias.routingConfiguration.toSorted((a, b) => b.weight - a.weight);
      return { arn, name, alias, version: await describe(most.stateMachineVersionArn) };
    },
  });
}

export function QualifiedHead({ qualified: { arn, name, alias, version }, start }: { qualified: Qualified; start: ReactNode }) {
  const machineArn = machineArnOf(arn);
  const description = alias ? alias.description : version.description;
  return (
    <div className="page-head">
      <div className="grow" style={{ flexBasis: 320 }}>
        <nav className="crumbs" aria-label="Breadcrumb">
          <Link to="machines">State machines</Link>
          <span aria-hidden="true">/</span>
          <Link className="name" to={path("machines", machineArn)}>{version.name}</Link>
        </nav>
        <h1 className="name">{version.name}, {alias ? "alias" : "version"} <bdi>{name}</bdi></h1>
        <div className="machine-facts">
          {alias && <span>Leads to {alias.routingConfiguration.map(({ stateMachineVersionArn: to, weight }, index) => <Fragment key={to}>{index > 0 && ", "}<Link to={path("machines", to)}>version {lastOf(to)}</Link> ({weight} %)</Fragment>)}</span>}
          <span>{alias ? "Created" : "Published"} <Moment seconds={alias ? alias.creationDate : version.creationDate} /></span>
          {!alias && <span>Role <bdi className="mono">{version.roleArn}</bdi></span>}
          {description && <span className="name">{description}</span>}
        </div>
      </div>
      <div className="actions">
        <CopyButton text={arn} label="Copy ARN" small={false} />
        {start}
      </div>
    </div>
  );
}

/** Of an alias that leads to two versions, one is shown. */
export function ShownVersion({ qualified: { alias, version } }: { qualified: Qualified }) {
  if (!alias || alias.routingConfiguration.length < 2) return null;
  const isHalf = alias.routingConfiguration.every(({ weight }) => weight === 50);
  return <p className="muted">The definition of version {lastOf(version.stateMachineArn)}, which {isHalf ? "half of the" : "most"} executions are started with.</p>;
}
