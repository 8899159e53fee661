/** Small parts that every page is made of. */

import { useEffect, useId, useRef, useState, type ButtonHTMLAttributes, type KeyboardEvent, type ReactNode, type RefObject } from "react";
import { ApiError, describeError } from "../api/errors";
import { Icon, type IconName } from "./icons";

type ButtonProps = ButtonHTMLAttributes<HTMLButtonElement> & {
  icon?: IconName;
  kind?: "primary" | "danger" | "quiet";
  small?: boolean;
};

export function Button({ icon, kind, small, children, className = "", ...rest }: ButtonProps) {
  const classes = ["button", kind, small && "small", className].filter(Boolean).join(" ");
  return (
    <button type="button" {...rest} className={classes}>
      {icon && <Icon name={icon} />}
      {children}
    </button>
  );
}

/** Copies a text, and says that it did. */
export function CopyButton({ text, label = "Copy", small = true }: { text: string | (() => string); label?: ReactNode; small?: boolean }) {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), 1_500);
    return () => clearTimeout(timer);
  }, [copied]);
  const copy = () => {
    void copyText(typeof text === "string" ? text : text()).then(setCopied);
  };
  return (
    <Button kind="quiet" small={small} icon={copied ? "succeeded" : "copy"} onClick={copy} aria-live="polite">
      {copied ? "Copied" : label}
    </Button>
  );
}

/** Over plain HTTP a browser has no clipboard to write to, but still the old command. */
async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const before = document.activeElement;
    const field = document.createElement("textarea");
    field.value = text;
    field.className = "visually-hidden";
    // What is outside of an open dialog cannot be selected.
    (document.querySelector("dialog[open]") ?? document.body).append(field);
    field.select();
    const isCopied = document.execCommand("copy");
    field.remove();
    if (before instanceof HTMLElement) before.focus();
    return isCopied;
  }
}

export interface Tab {
  id: string;
  label: ReactNode;
}

/** A row of tabs, moved through with the arrow keys. The panel is the caller's: `id={panelId}`. */
export function Tabs({ tabs, selected, onSelect, label, panelId }: { tabs: Tab[]; selected: string; onSelect: (id: string) => void; label: string; panelId: string }) {
  const list = useRef<HTMLDivElement>(null);
  // On a narrow page not all of them may be in sight.
  useEffect(() => {
    const bar = list.current;
    const tab = bar?.querySelector<HTMLElement>(`[data-tab="${selected}"]`);
    if (!bar || !tab || bar.scrollWidth <= bar.clientWidth) return;
    bar.scrollLeft = tab.offsetLeft - bar.offsetLeft - (bar.clientWidth - tab.offsetWidth) / 2;
  }, [selected]);
  const onKeyDown = (event: KeyboardEvent) => {
    const at = tabs.findIndex((tab) => tab.id === selected);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const next = tabs[(to + tabs.length) % tabs.length];
    onSelect(next.id);
    list.current?.querySelector<HTMLElement>(`[data-tab="${next.id}"]`)?.focus();
  };
  return (
    <div className="tabs" role="tablist" aria-label={label} ref={list} onKeyDown={onKeyDown}>
      {tabs.map((tab) => (
        <button
          key={tab.id}
          type="button"
          role="tab"
          id={`${panelId}-${tab.id}`}
          data-tab={tab.id}
          aria-selected={tab.id === selected}
          aria-controls={panelId}
          tabIndex={tab.id === selected ? 0 : -1}
          onClick={() => onSelect(tab.id)}
        >
          {tab.label}
        </button>
      ))}
    </div>
  );
}

/** The panel of `Tabs`. */
export function TabPanel({ panelId, selected, children }: { panelId: string; selected: string; children: ReactNode }) {
  return (
    <div role="tabpanel" id={panelId} aria-labelledby={`${panelId}-${selected}`} tabIndex={-1} className="stack">
      {children}
    </div>
  );
}

/** What is written into. */
const FIELDS = ".body :is(input:not([type='checkbox'], [type='radio']), textarea, select):not(:disabled)";

/** Shows a dialog as long as the caller is on the page. `data-focus` marks a field that is not the first one to write into. */
export function useModal(): RefObject<HTMLDialogElement | null> {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const shown = dialog.current;
    const opener = document.activeElement;
    if (shown && !shown.open) shown.showModal();
    // Who opens a form wants to write, not to close it again.
    (shown?.querySelector<HTMLElement>("[data-focus]") ?? shown?.querySelector<HTMLElement>(FIELDS))?.focus();
    // The keyboard goes on where it was; a page that is left meanwhile has its own beginning.
    return () => {
      if (opener instanceof HTMLElement && opener.isConnected) opener.focus({ preventScroll: true });
      if (document.activeElement === document.body) document.getElementById("main")?.focus({ preventScroll: true });
    };
  }, []);
  return dialog;
}

/** A modal dialog: the browser's own, with its focus trap and its Escape. */
export function Dialog({ title, onClose, children, footer, onSubmit, wide }: { title: string; onClose: () => void; children: ReactNode; footer?: ReactNode; onSubmit?: () => void; wide?: boolean }) {
  const dialog = useModal();
  const pressed = useRef<EventTarget>(null);
  const titleId = useId();
  const content = (
    <>
      <header className="row between">
        <h2 id={titleId}>{title}</h2>
        <Button kind="quiet" small icon="close" aria-label="Close" onClick={onClose} />
      </header>
      <div className="body">{children}</div>
      {footer && <footer>{footer}</footer>}
    </>
  );
  return (
    <dialog
      ref={dialog}
      className="dialog"
      aria-labelledby={titleId}
      style={wide ? { width: "min(1100px, calc(100vw - 32px))" } : undefined}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      // A browser closes it by itself when Escape is pressed twice.
      onClose={() => dialog.current && onClose()}
      onPointerDown={(event) => {
        pressed.current = event.target;
      }}
      // Where a selection that began in a field ends beside the dialog, nothing was clicked there.
      onClick={(event) => {
        if (event.target === dialog.current && pressed.current === dialog.current) onClose();
      }}
    >
      {onSubmit ? (
        <form
          noValidate
          onSubmit={(event) => {
            event.preventDefault();
            onSubmit();
          }}
        >
          {content}
        </form>
      ) : (
        <div className="frame">{content}</div>
      )}
    </dialog>
  );
}

/** A box that tells something: an error, a warning, a fact. */
export function Notice({ tone, icon, title, children }: { tone: "failed" | "caught" | "running" | "succeeded" | "plain"; icon?: IconName; title?: string; children?: ReactNode }) {
  return (
    <div className={`notice tone-${tone}`} role={tone === "failed" ? "alert" : "status"}>
      {icon && <Icon name={icon} size={16} />}
      <div className="text">
        {title && <strong>{title}</strong>}
        {children && <div>{children}</div>}
      </div>
    </div>
  );
}

/** What went wrong with a call, with the exception's name, and how to try again. What is not allowed stays so. */
export function ErrorNotice({ error, retry, what }: { error: unknown; retry?: () => void; what?: string }) {
  const api = error instanceof ApiError ? error : undefined;
  const title = what ?? "That did not work";
  if (api?.isDenied) {
    return (
      <Notice tone="plain" icon="aborted" title={title}>
        {describeError(api)}
        <details className="small">
          <summary>What the server says</summary>
          <span className="name">{api.message}</span>
        </details>
      </Notice>
    );
  }
  return (
    <Notice tone="failed" icon="failed" title={title}>
      <span className="name">{describeError(error)}</span>
      {api && !api.isServerGone && <div className="small mono">{api.kind}</div>}
      {retry && (
        <div style={{ marginTop: 8 }}>
          <Button small icon="retry" onClick={retry}>Try again</Button>
        </div>
      )}
    </Notice>
  );
}

/** There is nothing here, and what to do about it. */
export function Empty({ title, heading: Heading = "h2", children, action }: { title: string; heading?: "h1" | "h2"; children?: ReactNode; action?: ReactNode }) {
  return (
    <div className="empty">
      <Heading>{title}</Heading>
      {children && <div>{children}</div>}
      {action}
    </div>
  );
}

export function Loading({ what = "Loading" }: { what?: string }) {
  return (
    <div className="empty" role="status">
      <span className="row"><span className="spinner" aria-hidden="true" /> {what}…</span>
    </div>
  );
}

/** A name beside its value. */
export function Property({ name, children }: { name: string; children: ReactNode }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </>
  );
}
