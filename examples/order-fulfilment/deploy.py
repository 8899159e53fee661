#!/usr/bin/env python3
"""Creates the state machine and the activity of the example, or brings them up to date."""

import pathlib
import sys

from client import ACTIVITY, MACHINE, MACHINE_ARN, arguments, connect

DEFINITION = pathlib.Path(__file__).with_name("order-fulfilment.asl.json")
ROLE_ARN = "arn:aws:iam::000000000000:role/order-fulfilment"


def deploy(sfn):
    """Deploys; says in a word what was done. Running it again changes nothing."""
    definition = DEFINITION.read_text(encoding="utf-8")
    sfn.create_activity(name=ACTIVITY)  # Idempotent by name.
    try:
        current = sfn.describe_state_machine(stateMachineArn=MACHINE_ARN)
    except sfn.exceptions.StateMachineDoesNotExist:
        sfn.create_state_machine(name=MACHINE, definition=definition, roleArn=ROLE_ARN)
        return "created"
    if current["definition"] == definition:
        return "unchanged"
    # Executions that run keep the definition they started with.
    sfn.update_state_machine(stateMachineArn=MACHINE_ARN, definition=definition)
    return "updated"


def main():
    options = arguments(__doc__).parse_args()
    print(f"{MACHINE_ARN}: {deploy(connect(options.endpoint))}")


if __name__ == "__main__":
    sys.exit(main())
