/** What is shown instead of a page that cannot be drawn. The frame around it stays. */

import { Component, type ReactNode } from "react";
import { Button, ErrorNotice } from "./parts";

interface Props {
  /** Another one, such as after a link was followed, begins anew. */
  at: string;
  children: ReactNode;
}

interface State {
  at: string;
  error?: unknown;
}

export class Boundary extends Component<Props, State> {
  override state: State = { at: this.props.at };

  static getDerivedStateFromError(error: unknown): Partial<State> {
    return { error };
  }

  static getDerivedStateFromProps({ at }: Props, state: State): State | null {
    return at === state.at ? null : { at, error: undefined };
  }

  override render(): ReactNode {
    if (this.state.error === undefined) return this.props.children;
    // Most often the server is a newer one, that has no more of the parts which this page has yet to load.
    return (
      <>
        <ErrorNotice error={this.state.error} what="This page cannot be shown" />
        <div><Button icon="retry" onClick={() => window.location.reload()}>Load it anew</Button></div>
      </>
    );
  }
}
