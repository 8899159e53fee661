export function ExecutionPage({ executionArn }: { executionArn: string }) {
  return <h1>{executionArn}</h1>;
}
