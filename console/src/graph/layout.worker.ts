/** Lays a machine out where the page does not wait for it. */

import type { Machine } from "../model/machine";
import { layout, type Layout } from "./layout";

export interface LayoutRequest {
  id: number;
  machine: Machine;
}

export interface LayoutAnswer {
  id: number;
  layout?: Layout;
  error?: string;
}

const page = self as unknown as { onmessage: (message: MessageEvent<LayoutRequest>) => void; postMessage: (answer: LayoutAnswer) => void };

page.onmessage = ({ data: { id, machine } }) => {
  try {
    page.postMessage({ id, layout: layout(machine) });
  } catch (error) {
    page.postMessage({ id, error: String(error) });
  }
};
