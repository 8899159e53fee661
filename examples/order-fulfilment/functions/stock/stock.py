"""The warehouse: reserves articles for an order, and releases them."""

import os
import time


class SoldOut(Exception):
    """There is none left; asking again will not help."""


def reserve(event, context):
    time.sleep(0.1)
    for item in event["items"]:
        if item["sku"] == "unicorn":
            raise SoldOut(f"no {item['sku']} left for {event['orderId']}")
    # A real warehouse would store the reservation under the reference, which makes repeating safe.
    return {"reservation": f"{os.environ['WAREHOUSE']}/{event['reference']}"}


def release(event, context):
    return {"released": event["reference"]}
