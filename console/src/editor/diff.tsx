/** Two texts side by side, or one under the other where there is no room. */

import { MergeView, unifiedMergeView } from "@codemirror/merge";
import { EditorState } from "@codemirror/state";
import { EditorView } from "@codemirror/view";
import { useLayoutEffect, useRef } from "react";
import { readOnly, viewSetup } from "./setup";

/** From this width on, in pixels, there is room for two. */
const SIDE_BY_SIDE_PX = 860;
const COLLAPSED = { margin: 3, minSize: 6 };

export function Diff({ before, after, beforeLabel, afterLabel }: { before: string; after: string; beforeLabel: string; afterLabel: string }) {
  const host = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const parent = host.current;
    if (!parent) return;
    if (parent.clientWidth >= SIDE_BY_SIDE_PX) {
      const view = new MergeView({
        a: { doc: before, extensions: [...viewSetup(beforeLabel), readOnly] },
        b: { doc: after, extensions: [...viewSetup(afterLabel), readOnly] },
        parent,
        collapseUnchanged: COLLAPSED,
        gutter: true,
      });
      return () => view.destroy();
    }
    const extensions = [...viewSetup(`${beforeLabel} and ${afterLabel}`), readOnly, unifiedMergeView({ original: before, mergeControls: false, collapseUnchanged: COLLAPSED })];
    const view = new EditorView({ state: EditorState.create({ doc: after, extensions }), parent });
    return () => view.destroy();
  }, [before, after, beforeLabel, afterLabel]);
  return <div className="text-diff" ref={host} />;
}
