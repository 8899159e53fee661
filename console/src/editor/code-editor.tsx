/** A text of JSON in CodeMirror: an editor, or to be looked at. Loaded lazily, for CodeMirror is large. */

import { autocompletion, type CompletionSource } from "@codemirror/autocomplete";
import { setDiagnostics, type Diagnostic as Mark } from "@codemirror/lint";
import { EditorState, RangeSetBuilder, StateEffect, StateField, type Extension } from "@codemirror/state";
import { Decoration, EditorView, type DecorationSet } from "@codemirror/view";
import { useEffect, useImperativeHandle, useLayoutEffect, useRef, type Ref } from "react";
import type { Change } from "./edits";
import { editSetup, readOnly, viewSetup } from "./setup";

/** What can be done to an editor from outside. */
export interface CodeHandle {
  /** Shows a place and puts the cursor there. */
  reveal: (from: number, focus?: boolean) => void;
  /** Changes the text, as one step of undo. */
  change: (changes: Change[]) => void;
  /** Another text altogether. */
  replace: (text: string) => void;
}

const markLines = StateEffect.define<{ from: number; to: number } | undefined>();
const line = Decoration.line({ class: "cm-selectedState" });

const marked = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update(lines, transaction) {
    let next = lines.map(transaction.changes);
    for (const effect of transaction.effects) {
      if (!effect.is(markLines)) continue;
      const builder = new RangeSetBuilder<Decoration>();
      if (effect.value) {
        const { doc } = transaction.state;
        const last = doc.lineAt(Math.min(effect.value.to, doc.length)).number;
        for (let number = doc.lineAt(Math.min(effect.value.from, doc.length)).number; number <= last; number += 1) {
          builder.add(doc.line(number).from, doc.line(number).from, line);
        }
      }
      next = builder.finish();
    }
    return next;
  },
  provide: (field) => EditorView.decorations.from(field),
});

export function CodeEditor({ label, initial, onChange, onCursor, selected, marks, complete, handle }: {
  label: string;
  /** The text at first; changes from outside go through the handle. */
  initial: string;
  /** The text after a change; without it the text cannot be changed. */
  onChange?: (text: string) => void;
  /** Where somebody has put the cursor. */
  onCursor?: (position: number) => void;
  /** What to mark as selected. */
  selected?: { from: number; to: number };
  marks?: Mark[];
  complete?: CompletionSource;
  handle?: Ref<CodeHandle>;
}) {
  const host = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView>(undefined);
  const heard = useRef({ onChange, onCursor });
  heard.current = { onChange, onCursor };
  const isEditor = onChange !== undefined;

  useLayoutEffect(() => {
    const extensions: Extension[] = [
      ...viewSetup(label),
      marked,
      ...(isEditor ? editSetup() : [readOnly]),
      ...(complete ? [autocompletion({ override: [complete], icons: false })] : []),
      EditorView.updateListener.of((update) => {
        if (update.docChanged) heard.current.onChange?.(update.state.doc.toString());
        // What the program does to the selection is not what somebody has chosen.
        const byHand = update.transactions.some((each) => each.isUserEvent("select") || each.isUserEvent("input") || each.isUserEvent("delete"));
        if (update.selectionSet && byHand) heard.current.onCursor?.(update.state.selection.main.head);
      }),
    ];
    const made = new EditorView({ state: EditorState.create({ doc: initial, extensions }), parent: host.current ?? undefined });
    view.current = made;
    return () => {
      made.destroy();
      view.current = undefined;
    };
    // An editor is made once: all that changes goes through effects below and the handle.
  }, [isEditor, complete]);

  useEffect(() => {
    view.current?.dispatch({ effects: markLines.of(selected) });
  }, [selected?.from, selected?.to]);

  useEffect(() => {
    const made = view.current;
    if (!made || !marks) return;
    const end = made.state.doc.length;
    made.dispatch(setDiagnostics(made.state, marks.map((mark) => ({ ...mark, from: Math.min(mark.from, end), to: Math.min(mark.to, end) }))));
  }, [marks]);

  useImperativeHandle(handle, () => ({
    reveal: (from, focus) => {
      const made = view.current;
      if (!made) return;
      const at = Math.min(from, made.state.doc.length);
      made.dispatch({ selection: { anchor: at }, effects: EditorView.scrollIntoView(at, { y: "start", yMargin: 60 }) });
      if (focus) made.focus();
    },
    change: (changes) => view.current?.dispatch({ changes, userEvent: "edit.graph" }),
    replace: (text) => {
      const made = view.current;
      made?.dispatch({ changes: { from: 0, to: made.state.doc.length, insert: text } });
    },
  }), []);

  return <div className="code-editor" ref={host} />;
}
