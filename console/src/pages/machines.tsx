export function MachinesPage() {
  return <h1>MachinesPage</h1>;
}
