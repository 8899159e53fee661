export function MachinePage({ stateMachineArn }: { stateMachineArn: string }) {
  return <h1>{stateMachineArn}</h1>;
}
