/** What is wrong with a definition, as a list that leads to the places. */

import { describeError } from "../api/errors";
import { Icon } from "../ui/icons";
import type { Diagnosis } from "./diagnose";

export function Problems({ diagnosis, onGo }: { diagnosis: Diagnosis; onGo: (line: number, column: number) => void }) {
  const { diagnostics, isPending, error } = diagnosis;
  const errors = diagnostics.filter((each) => each.severity === "ERROR").length;
  const warnings = diagnostics.length - errors;
  const count = (number: number, word: string) => `${number} ${word}${number === 1 ? "" : "s"}`;
  return (
    <section className="problems" aria-label="Problems">
      <div className="summary" role="status">
        {error ? <><Icon name="caught" /> The definition cannot be checked now. {describeError(error)}</>
          : diagnostics.length === 0 ? <><span className={isPending ? "" : "good"}><Icon name={isPending ? "running" : "succeeded"} /></span> {isPending ? "Checking" : "No problems"}</>
          : <>
              {errors > 0 && <span className="bad"><Icon name="failed" /> {count(errors, "error")}</span>}
              {warnings > 0 && <span className="so-so"><Icon name="caught" /> {count(warnings, "warning")}</span>}
            </>}
      </div>
      {diagnostics.length > 0 && (
        <ol>
          {diagnostics.map((each, index) => (
            <li key={index}>
              <button type="button" onClick={() => onGo(each.line, each.column)}>
                <span className={each.severity === "ERROR" ? "bad" : "so-so"}><Icon name={each.severity === "ERROR" ? "failed" : "caught"} /><span className="visually-hidden">{each.severity === "ERROR" ? "Error" : "Warning"}</span></span>
                <span className="place mono">{each.line}:{each.column}</span>
                <span className="what">
                  <span className="name">{each.message}</span>
                  {each.hint && <span className="hint name">{each.hint}</span>}
                </span>
              </button>
            </li>
          ))}
        </ol>
      )}
    </section>
  );
}
