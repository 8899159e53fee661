/** A field for JSON: says where it is wrong, and can put it in order. Without CodeMirror, so it may be anywhere. */

import { useId, useRef, type ReactNode } from "react";
import { Button } from "../ui/parts";
import { checkJson } from "./json-check";
import { formatJson } from "./json-format";
import "./json-field.css";

export function JsonField({ label, value, onChange, hint, rows = 8, optional, readOnly, autoFocus }: {
  label: string;
  value: string;
  onChange: (value: string) => void;
  hint?: ReactNode;
  rows?: number;
  /** An empty field is no error. */
  optional?: boolean;
  readOnly?: boolean;
  autoFocus?: boolean;
}) {
  const id = useId();
  const area = useRef<HTMLTextAreaElement>(null);
  const wrong = optional && value.trim() === "" ? undefined : checkJson(value);
  const goThere = () => {
    if (!wrong) return;
    area.current?.focus();
    area.current?.setSelectionRange(wrong.offset, wrong.offset + 1);
  };
  return (
    <div className="field json-field">
      <label htmlFor={id}>{label}</label>
      <textarea
        id={id}
        ref={area}
        className="input"
        rows={rows}
        spellCheck={false}
        autoCapitalize="off"
        autoComplete="off"
        readOnly={readOnly}
        autoFocus={autoFocus}
        dir="ltr"
        value={value}
        aria-invalid={Boolean(wrong)}
        aria-describedby={`${id}-under`}
        onChange={(event) => onChange(event.target.value)}
      />
      <div className="under" id={`${id}-under`}>
        {wrong ? (
          <button type="button" className="wrong" onClick={goThere}>Line {wrong.line}, column {wrong.column}: {wrong.message}</button>
        ) : (
          <span className="hint">{hint}</span>
        )}
        <Button kind="quiet" small disabled={readOnly || Boolean(wrong) || value.trim() === ""} onClick={() => onChange(formatJson(value))}>Format</Button>
      </div>
    </div>
  );
}
