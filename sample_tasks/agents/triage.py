"""A repair shop: the desk finds out who can help and hands over; the others hand back what is not theirs.

python triage.py           a short conversation, played by the simulated model
python triage.py --chat    talk to it yourself, with the model that `swarmtui doctor` finds
"""

import sys

from swarmtui import Agent, run_demo_loop


def book_repair(device: str, fault: str):
    """Book a repair. Ask for the device and what is wrong with it before."""
    return f"Booked: {device} ({fault}), Tuesday at ten. Bring the power cable."


def refund_invoice(invoice: str, reason: str = "not said"):
    """Pay an invoice back. Its number looks like R-1234. Have the customer confirm it before."""
    return f"Invoice {invoice} will be paid back within five days; reason: {reason}."


def give_voucher():
    """Give the customer a voucher for the next repair."""
    return "Voucher THANKS15: 15 % off the next repair."


desk = Agent(
    name="Desk",
    instructions="Find out in one question at most whether this is about a repair or about an invoice, and hand over.",
)
workshop = Agent(
    name="Workshop",
    instructions="You book repairs. Say honestly when a repair costs more than the device is worth.",
    functions=[book_repair],
)
billing = Agent(
    name="Billing",
    instructions="You look after invoices. Offer a voucher first, and a refund if the customer still wants one.",
    functions=[give_voucher, refund_invoice],
)


def to_workshop():
    """Hand over to those who repair things."""
    return workshop


def to_billing():
    """Hand over to those who know about invoices and refunds."""
    return billing


def back_to_desk():
    """Hand back to the desk whatever is not your business."""
    return desk


desk.functions = [to_workshop, to_billing]
workshop.functions.append(back_to_desk)
billing.functions.append(back_to_desk)

SAID = ["My coffee machine leaks. Can you mend it?", "It is a Lelit, and it drips from the boiler."]

if __name__ == "__main__":
    chat = "--chat" in sys.argv
    run_demo_loop(desk, client=None if chat else "simulated/instant", said=None if chat else SAID)
