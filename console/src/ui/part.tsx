/** Parts of the console that are fetched when they are needed first, such as all that brings CodeMirror. */

import { useEffect, useState, useSyncExternalStore, type ComponentType } from "react";
import { isServerGone, onServerChange } from "../api/errors";
import { Button, Loading, Notice } from "./parts";

/** A component that is fetched; `expect` does so before it is needed. */
type Part<Props> = ComponentType<Props> & { expect: () => void };

/**
 * A component that `load` fetches. If that fails, it is tried again when it is needed again and when the server
 * is back; React's `lazy` would keep the failure for good, and show what stands in for it for 300 ms at least. `what`
 * says what is waited for.
 */
export function part<Props extends object>(load: () => Promise<ComponentType<Props>>, what?: string): Part<Props> {
  let loaded: ComponentType<Props> | undefined;
  const fetchPart = async () => (loaded ??= await load());
  function Part(props: Props) {
    const [Loaded, setLoaded] = useState(() => loaded);
    const [hasFailed, setFailed] = useState(false);
    const isGone = useSyncExternalStore(onServerChange, isServerGone);
    useEffect(() => {
      if (loaded) return;
      let isLeft = false;
      fetchPart().then(
        (component) => !isLeft && setLoaded(() => component),
        () => !isLeft && setFailed(true),
      );
      return () => {
        isLeft = true;
      };
    }, [isGone]);
    if (Loaded) return <Loaded {...props} />;
    return hasFailed ? <NotLoaded isGone={isGone} /> : <Loading what={what} />;
  }
  return Object.assign(Part, { expect: () => void fetchPart().catch(() => undefined) });
}

function NotLoaded({ isGone }: { isGone: boolean }) {
  return (
    <Notice tone="failed" icon="failed" title="This part could not be loaded">
      {isGone && "It is tried again as soon as the server answers."}
      {/* Most often the server is a newer one, that has this part no more; and some browsers keep that it failed. */}
      <div style={{ marginTop: 8 }}><Button small icon="retry" onClick={() => window.location.reload()}>Load the page anew</Button></div>
    </Notice>
  );
}
