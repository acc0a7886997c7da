"""One agent with two functions: the smallest swarm that does something.

python weather.py           a short conversation, played by the simulated model
python weather.py --chat    talk to it yourself, with the model that `swarmtui doctor` finds
"""

import sys

from swarmtui import Agent, run_demo_loop


def get_forecast(place: str, day: str = "today"):
    """The weather at a place."""
    return {"place": place, "day": day, "sky": "showers", "high_c": 17, "low_c": 9, "wind_kmh": 22}


def send_note(recipient: str, text: str):
    """Send somebody a short note. Ask before you do."""
    return f"Sent to {recipient}: {text}"


weather = Agent(
    name="Weather",
    instructions="Answer questions about the weather with the functions you have, and any other in one sentence.",
    functions=[get_forecast, send_note],
)

SAID = ["Do I need a coat in Bergen tomorrow?", "And on Sunday?"]

if __name__ == "__main__":
    chat = "--chat" in sys.argv
    run_demo_loop(weather, client=None if chat else "simulated/instant", said=None if chat else SAID)
