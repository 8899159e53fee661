"""Asks the provider whether an order was charged."""

import provider


def handler(event, context):
    return {"chargeId": provider.find(event["reference"])}
