import { expect, it, vi } from "vitest";

// The router reads the document when it is loaded.
vi.mock("../../router", () => ({ useRouter: () => undefined, useSetQuery: () => undefined }));
const { readSelection, writeSelection } = await import("./selection");

it("reads back what it writes", () => {
  const selection = { state: "Each line & more", step: 12, event: 3, iterations: [777, 0] };
  expect(readSelection(new URLSearchParams(writeSelection(selection)))).toEqual(selection);
});

it("takes an address that is none for no selection", () => {
  expect(readSelection(new URLSearchParams("step=-1&event=x&iteration=1..2"))).toEqual({ state: undefined, step: undefined, event: undefined, iterations: [] });
});
