"""Charges the card of an order.

Orders whose id ends in `-busy` find the provider overloaded twice, and get through at the third
attempt; orders whose id ends in `-declined` have a card that never works.
"""

import time

import provider


class PaymentProviderBusy(Exception):
    """The provider did nothing and says: later."""


class CardDeclined(Exception):
    """The card does not work; asking again will not help."""


def handler(event, context):
    order_id = event["orderId"]
    print(f"attempt {event['attempt']} to charge {event['amount']} for {order_id}")
    if order_id.endswith("-busy") and event["attempt"] < 2:
        raise PaymentProviderBusy("503 from the provider")
    if order_id.endswith("-declined"):
        raise CardDeclined(f"the card of {order_id} was declined")
    charge_id = provider.charge(event["reference"], event["amount"])
    time.sleep(0.2)  # The answer takes a while: time enough to kill the server in between.
    return {"chargeId": charge_id}
