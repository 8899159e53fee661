/** Parts of the console that are fetched when they are needed first, such as all that brings CodeMirror. */

import { useEffect, useState, useSyncExternalStore, type ComponentType } from "react";
import { isServerGone, onServerChange } from "../api/errors";
import { Button, Loading, Notice } from "./parts";

/**
 * A component that `load` fetches. If that fails, it is tried again when it is needed again and when the server
 * is back; React's `lazy` would keep the failure for good.
 */
export function part<Props extends object>(load: () => Promise<ComponentType<Props>>): ComponentType<Props> {
  let loaded: ComponentType<Props> | undefined;
  return function Part(props: Props) {
    const [Loaded, setLoaded] = useState(() => loaded);
    const [hasFailed, setFailed] = useState(false);
    const isGone = useSyncExternalStore(onServerChange, isServerGone);
    useEffect(() => {
      if (loaded) return;
      let isLeft = false;
      load().then(
        (component) => {
          loaded = component;
          if (!isLeft) setLoaded(() => component);
        },
        () => !isLeft && setFailed(true),
      );
      return () => {
        isLeft = true;
      };
    }, [isGone]);
    if (Loaded) return <Loaded {...props} />;
    return hasFailed ? <NotLoaded isGone={isGone} /> : <Loading />;
  };
}

function NotLoaded({ isGone }: { isGone: boolean }) {
  return (
    <Notice tone="failed" icon="failed" title="This part could not be loaded">
      {isGone ? "It is tried again as soon as the server answers." : (
        // Most often the server is a newer one, that has this part no more.
        <div style={{ marginTop: 8 }}><Button small icon="retry" onClick={() => window.location.reload()}>Load the page anew</Button></div>
      )}
    </Notice>
  );
}
