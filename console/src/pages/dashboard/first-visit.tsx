/** What somebody sees who has no state machine yet: how to make one and start it, here or from a shell. */

import { currentPlace, currentSession } from "../../api/session";
import { Link, root } from "../../router";
import { CopyButton } from "../../ui/parts";
import "./dashboard.css";

const DEFINITION = '{"StartAt": "Greet", "States": {"Greet": {"Type": "Pass", "End": true}}}';

export function FirstVisit() {
  const { account, region } = currentPlace();
  // AWS's clients do not find their way through a prefix that a proxy puts before the server.
  const { origin, pathname } = new URL(root(""));
  const endpoint = pathname === "/" ? origin : "http://SERVER:8083";
  // An open server takes any key, and the account from its id; one with credentials takes only those it knows.
  const [id, secret] = currentSession().mode === "open" ? [account, "any"] : ["YOUR_KEY_ID", "YOUR_SECRET"];
  const commands = [
    `export AWS_ENDPOINT_URL_SFN=${endpoint} AWS_REGION=${region} \\`,
    `       AWS_ACCESS_KEY_ID=${id} AWS_SECRET_ACCESS_KEY=${secret}`,
    "aws stepfunctions create-state-machine --name hello \\",
    `    --role-arn arn:aws:iam::${account}:role/any \\`,
    `    --definition '${DEFINITION}'`,
    "aws stepfunctions start-execution \\",
    `    --state-machine-arn arn:aws:states:${region}:${account}:stateMachine:hello`,
  ].join("\n");
  return (
    <section className="card first-visit" aria-labelledby="first-visit">
      <div className="body">
        <h2 id="first-visit">There is no state machine here yet</h2>
        <p className="muted">A state machine says which steps there are and what follows what. Each time it is started, an execution goes through them; you see every step here as it happens.</p>
        <ol>
          <li>
            <h3>Create one</h3>
            <p className="muted">The editor begins with a small example and tells what is wrong as you type.</p>
            <Link className="button primary" to="machines/new">Create state machine</Link>
          </li>
          <li>
            <h3>Start it</h3>
            <p className="muted">On its page, with an input of your choice.</p>
          </li>
          <li>
            <h3>Look at it</h3>
            <p className="muted">The graph shows how far it is, what went in and out of each step, and why one failed.</p>
          </li>
        </ol>
        <div className="row between">
          <h3 id="first-visit-shell">Or from a shell, with AWS's own tools</h3>
          <CopyButton text={commands} />
        </div>
        <pre tabIndex={0} role="region" aria-labelledby="first-visit-shell">{commands}</pre>
      </div>
    </section>
  );
}
