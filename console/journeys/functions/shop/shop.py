"""A shop as far as the journeys need it."""

import os
import time

HERE = os.path.dirname(os.path.abspath(__file__))
# The journeys mend the card terminal by putting this file beside the handler.
MENDED = os.path.join(HERE, "mended")


class CardDeclined(Exception):
    pass


class OutOfPaper(Exception):
    pass


def price_line(event, _context):
    return {"item": event["item"], "price": 5 * len(event["item"])}


def charge_card(event, _context):
    if event.get("amount", 0) > 400 and not os.path.exists(MENDED):
        raise CardDeclined(f"The card of order '{event.get('orderId')}' was declined: {event['amount']} is over its limit")
    return {"chargeId": f"ch-{event.get('orderId')}"}


def pack(event, _context):
    if event.get("printer") == "broken":
        raise OutOfPaper("The label printer has no paper left")
    return {"parcel": f"p-{event.get('orderId')}"}


def hold(event, _context):
    """Until a journey puts a file of this name beside the handler."""
    while not os.path.exists(os.path.join(HERE, event["until"])):
        time.sleep(0.02)
    return {}
