"""Support with a handbook: what the pages say is found by their words, and what they do not say becomes a ticket.

python support.py           a short conversation, played by the simulated model
python support.py --chat    talk to it yourself, with the model that `swarmtui doctor` finds
"""

import re
import sys

from swarmtui import Agent, run_demo_loop

HANDBOOK = {
    "Keys": "An API key is made under Settings, Keys. It is shown once: whoever lost it makes a new one.",
    "Limits": "Each project may send 600 requests a minute. More than that is answered with 429 and a time to wait.",
    "Invoices": "Invoices are sent on the first of the month. The address on them is changed under Settings, Billing.",
    "Closing": "A project is closed under Settings, Project. Its data is deleted after thirty days, and not before.",
}


def search_handbook(question: str):
    """The two pages of the handbook that have most to do with a question."""
    asked = set(re.findall(r"\w{4,}", question.lower()))

    def shared(title):
        return len(asked & set(re.findall(r"\w{4,}", f"{title} {HANDBOOK[title]}".lower())))

    best = sorted(HANDBOOK, key=shared, reverse=True)[:2]
    return "\n".join(f"{title}: {HANDBOOK[title]}" for title in best)


def open_ticket(summary: str):
    """Give a question to a person. Only for what the handbook does not answer."""
    return f"Ticket 4711 was opened: {summary}"


def send_answer(address: str, text: str):
    """Send the answer by e-mail, if it is wanted."""
    return f"Sent to {address}: {text}"


front = Agent(name="Front", instructions="Greet in one sentence. Whatever is a question goes to the help centre.")
help_centre = Agent(
    name="Help centre",
    instructions="Answer from the handbook alone, and name the page. If it does not say, offer a ticket.",
    functions=[search_handbook, open_ticket, send_answer],
)


def to_help_centre():
    """Hand over to those who have the handbook."""
    return help_centre


front.functions.append(to_help_centre)

SAID = ["I have lost my key. Can I see it again?", "And how many requests may I send?"]

if __name__ == "__main__":
    chat = "--chat" in sys.argv
    run_demo_loop(front, client=None if chat else "simulated/instant", stream=True, said=None if chat else SAID)
