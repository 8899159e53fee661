/** The tags of a state machine or an activity. */

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { call } from "../../api/client";
import { Button, Empty, ErrorNotice, Loading } from "../../ui/parts";
import { toast, toastError } from "../../ui/toasts";

interface Tag {
  key: string;
  value: string;
}

export function TagsTab({ resourceArn }: { resourceArn: string }) {
  const client = useQueryClient();
  const queryKey = ["machine", resourceArn, "tags"];
  const tags = useQuery({ queryKey, queryFn: ({ signal }) => call<{ tags: Tag[] }>("ListTagsForResource", { resourceArn }, signal) });
  const [key, setKey] = useState("");
  const [value, setValue] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const list = tags.data?.tags ?? [];
  const replaces = list.some((tag) => tag.key === key);

  const add = async () => {
    if (!key || busy) return;
    setBusy(true);
    setError(undefined);
    try {
      await call("TagResource", { resourceArn, tags: [{ key, value }] });
      toast(`Tag ${key} ${replaces ? "changed" : "added"}`);
      setKey("");
      setValue("");
      await client.invalidateQueries({ queryKey });
    } catch (refusal) {
      setError(refusal);
    } finally {
      setBusy(false);
    }
  };
  const remove = async (tag: Tag) => {
    try {
      await call("UntagResource", { resourceArn, tagKeys: [tag.key] });
      toast(`Tag ${tag.key} removed`);
      await client.invalidateQueries({ queryKey });
    } catch (refusal) {
      toastError("The tag was not removed", refusal);
    }
  };

  if (tags.isPending) return <Loading what="Loading tags" />;
  if (tags.error) return <ErrorNotice error={tags.error} retry={() => void tags.refetch()} what="The tags cannot be listed" />;
  return (
    <div className="card">
      {list.length === 0 ? <Empty title="No tags">Tags are keys and values that policies and people find things by.</Empty> : (
        <div className="table-scroll">
          <table className="table">
            <thead><tr><th scope="col" style={{ width: "40%" }}>Key</th><th scope="col">Value</th><th scope="col"><span className="visually-hidden">What to do</span></th></tr></thead>
            <tbody>
              {list.map((tag) => (
                <tr key={tag.key}>
                  <td className="name">{tag.key}</td>
                  <td className="name">{tag.value || <span className="muted">empty</span>}</td>
                  <td className="number"><Button small kind="quiet" icon="trash" aria-label={`Remove the tag ${tag.key}`} onClick={() => void remove(tag)}>Remove</Button></td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      <form className="inline-form" onSubmit={(event) => { event.preventDefault(); void add(); }}>
        <div className="field"><label htmlFor="tag-key">Key</label><input id="tag-key" className="input" maxLength={128} value={key} onChange={(event) => setKey(event.target.value)} /></div>
        <div className="field"><label htmlFor="tag-value">Value</label><input id="tag-value" className="input" maxLength={256} value={value} onChange={(event) => setValue(event.target.value)} /></div>
        <Button type="submit" icon={replaces ? "edit" : "plus"} disabled={!key || busy}>{replaces ? "Change tag" : "Add tag"}</Button>
      </form>
      {error !== undefined && <div className="body"><ErrorNotice error={error} what="The tag was not added" /></div>}
    </div>
  );
}
