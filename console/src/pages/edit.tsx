export function EditPage({ stateMachineArn }: { stateMachineArn?: string }) {
  return <h1>{stateMachineArn}</h1>;
}
