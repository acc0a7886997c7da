"""An airline's service desk: what the agents know of the passenger is in the context variables, and their instructions
are made of it each time. Rules that must be kept to are written as numbered steps.

    python airline.py           a short conversation, played by the simulated model
    python airline.py --chat    talk to it yourself, with the model that `swarmtui doctor` finds
"""

import sys

from swarmtui import Agent, Result, run_demo_loop

STEPS = """You speak with {name}, who is booked on {flight}. Keep to the steps below, in order, and say nothing of them.
If the passenger asks for something else, call to_desk. When everything is done, call close_case.

{steps}"""

CANCELLING = """1. Ask why, unless it was said.
2. If the airline is the cause, call refund_ticket.
3. Otherwise offer a credit, and call give_credit if it is taken.
4. If neither is wanted, call to_a_person with the reason."""

CHANGING = """1. Ask which flight is wanted instead, unless it was said.
2. Call check_change. If it is not allowed, say why and stop here.
3. Call change_flight with the flight that was agreed on."""

SEARCHING = """1. Call find_bag.
2. If it was found, say where and when it comes.
3. If not, call to_a_person with a description of the bag."""


def told(steps):
    """Instructions that know the passenger."""
    return lambda context: STEPS.format(name=context["name"], flight=context["flight"], steps=steps)


def refund_ticket(context_variables):
    """Pay the whole ticket back."""
    return Result(value=f"{context_variables['flight']} is refunded.", context_variables={"flight": "no flight"})


def give_credit():
    """Give a credit of the ticket's value, valid for a year."""
    return "A credit was issued."


def check_change(context_variables):
    """Whether this ticket may be changed."""
    return f"{context_variables['flight']}: may be changed once, for free, until two hours before departure."


def change_flight(new_flight: str, context_variables):
    """Book the passenger on another flight."""
    return Result(
        value=f"Changed from {context_variables['flight']} to {new_flight}.", context_variables={"flight": new_flight}
    )


def find_bag(context_variables):
    """Search for the bags of this passenger."""
    return f"One bag of {context_variables['name']} is in Lisbon and comes with the next flight, at 18:40."


def to_a_person(reason: str):
    """Have a person take over."""
    return f"A colleague will call within the hour: {reason}"


def close_case():
    """Everything is done."""
    return "Closed."


def to_desk():
    """Hand back whatever the steps do not cover."""
    return desk


def to_changes():
    """Hand over whoever wants to cancel a flight or take another one."""
    return changes


def to_bags():
    """Hand over whoever misses a bag."""
    return bags


def to_cancelling():
    """Hand over whoever wants not to fly."""
    return cancelling


def to_changing():
    """Hand over whoever wants to fly with another flight."""
    return changing


desk = Agent(
    name="Desk",
    instructions=lambda context: (
        f"Find out what {context['name']} needs and hand over. Answer what has nothing to do with flights yourself."
    ),
    functions=[to_changes, to_bags],
)
changes = Agent(
    name="Changes",
    instructions="Find out whether the passenger wants to cancel or to change, and hand over.",
    functions=[to_changing, to_cancelling, to_desk],
)
cancelling = Agent(
    name="Cancelling",
    instructions=told(CANCELLING),
    functions=[refund_ticket, give_credit, to_a_person, to_desk, close_case],
)
changing = Agent(
    name="Changing", instructions=told(CHANGING), functions=[check_change, change_flight, to_desk, close_case]
)
bags = Agent(name="Bags", instructions=told(SEARCHING), functions=[find_bag, to_a_person, to_desk, close_case])

CONTEXT = {"name": "Maria Sousa", "flight": "SW 214 to Porto, Friday 09:15"}
SAID = ["I cannot make it on Friday morning.", "I would rather fly in the evening.", "Yes, please do that."]

if __name__ == "__main__":
    chat = "--chat" in sys.argv
    run_demo_loop(desk, CONTEXT, client=None if chat else "simulated/instant", said=None if chat else SAID)
