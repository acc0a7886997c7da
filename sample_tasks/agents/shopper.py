"""A bookshop: the functions are methods of the shop, so that they share its shelves without any global state. Who is
speaking is in the context variables, where no model can change it.

    python shopper.py           a short conversation, played by the simulated model
    python shopper.py --chat    talk to it yourself, with the model that `swarmtui doctor` finds
"""

import sys
from dataclasses import dataclass, field

from swarmtui import Agent, run_demo_loop


@dataclass
class Shop:
    """What is on the shelves, and who bought what."""

    stock: dict = field(default_factory=lambda: {"atlas": 3, "cookbook": 1, "novel": 0})
    orders: list = field(default_factory=lambda: [{"number": 1, "customer": "c-7", "book": "cookbook"}])

    def list_books(self):
        """The books there are, and how many of each."""
        return self.stock

    def order_book(self, book: str, context_variables):
        """Order a book for this customer."""
        if self.stock.get(book, 0) < 1:
            return f"{book}: there is none; there are {', '.join(b for b, n in self.stock.items() if n)}"
        self.stock[book] -= 1
        number = len(self.orders) + 1
        self.orders.append({"number": number, "customer": context_variables["customer"], "book": book})
        return f"Order {number}: one {book}."

    def return_book(self, number: int, context_variables):
        """Take back what was ordered under a number, if it was this customer who ordered it."""
        mine = [order for order in self.orders if order["customer"] == context_variables["customer"]]
        order = next((order for order in mine if order["number"] == number), None)
        if order is None:
            raise LookupError(f"this customer has no order {number}; there are {[one['number'] for one in mine]}")
        self.orders.remove(order)
        self.stock[order["book"]] += 1
        return f"Order {number} was taken back; the money follows."

    def notify(self, text: str, context_variables):
        """Send this customer a message."""
        return f"Sent to {context_variables['customer']}: {text}"


def make_agents(shop: Shop) -> Agent:
    """The agents of `shop`; the one who greets."""
    greeter = Agent(
        name="Greeter", instructions="Ask whether somebody wants to buy or to return a book, and hand over."
    )
    returns = Agent(
        name="Returns",
        instructions="Take books back. Ask for the number of the order, and send a message when it is done.",
        functions=[shop.return_book, shop.notify],
    )
    sales = Agent(
        name="Sales",
        instructions="Recommend one book that is there, and order it when the customer agrees.",
        functions=[shop.order_book, shop.list_books, shop.notify],
    )

    def to_returns():
        """Hand over whoever wants to return a book."""
        return returns

    def to_sales():
        """Hand over whoever wants to buy a book."""
        return sales

    def to_greeter():
        """Hand back whoever wants something else."""
        return greeter

    greeter.functions = [to_returns, to_sales]
    returns.functions.append(to_greeter)
    sales.functions.append(to_greeter)
    return greeter


CONTEXT = {"customer": "c-7"}
SAID = ["I bought a cookbook and would like to return it.", "It was order number one."]

if __name__ == "__main__":
    chat = "--chat" in sys.argv
    agent = make_agents(Shop())
    run_demo_loop(agent, CONTEXT, client=None if chat else "simulated/instant", said=None if chat else SAID)
