"""Gives back the money of an order."""

import provider


def handler(event, context):
    provider.refund(event["reference"])
    return {}
