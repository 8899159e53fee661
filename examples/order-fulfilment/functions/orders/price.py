"""Prices one line of an order."""

PRICES = {"lamp": 49, "chair": 129, "desk": 380, "mug": 9, "sofa": 1450, "unicorn": 77}


class UnknownArticle(Exception):
    """The shop does not sell this."""


def handler(event, context):
    line = event["line"]
    if line["sku"] not in PRICES:
        raise UnknownArticle(f"no article {line['sku']!r}")
    price = PRICES[line["sku"]]
    print(f"line {event['number']} of {event['orderId']}: {line['quantity']} x {line['sku']}")
    return {**line, "price": price, "sum": price * line["quantity"]}
