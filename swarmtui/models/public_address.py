"""Which addresses are public, and what the address of a page may look like. Pure: nothing here asks the network.

Special addresses are those of the IANA registries for IPv4 and IPv6, and what clouds answer on beside them. Addresses
that stand for another one behind a translator (NAT64, 6to4, Teredo, IPv4-mapped) are no public ones: where they lead
cannot be seen in them. The parsing follows the WHATWG URL standard where that is stricter than RFC 3986, and refuses
what browsers and libraries are known to read differently.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import quote, urljoin

from swarmtui.frozen import frozen

LONGEST = 4096
"""Characters of an address at most."""

_UNICAST6 = IPv6Network("2000::/3")
_SPECIAL6 = tuple(map(IPv6Network, ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")))
"""Within the unicast space: protocol assignments with Teredo and ORCHID, documentation, 6to4, documentation."""
_SPECIAL4 = tuple(
    map(
        IPv4Network,
        (
            *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
            *("192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24"),
            *("203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
            "168.63.129.16/32",  # the host's own services in Azure
        ),
    )
)
_SCHEME = re.compile(r"(https?)://", re.IGNORECASE)
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f\\\ud800-\udfff]")
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_PORTS = {"http": 80, "https": 443}
_AS_IS = "!#$%&'()*+,/:;=?@[]~"


class AddressRefused(Exception):
    """The address of a page is not one that may be asked; the message says why, in one line."""


@frozen
class Address:
    """Where a page is, in the one form that is asked and shown."""

    scheme: str
    host: str
    """A name in ASCII, or an IP address without brackets."""
    port: int
    target: str
    """Path and query, in ASCII."""

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == _PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}{self.target}"

    def join(self, location: str) -> Address:
        """Where a redirect from here to `location` leads. Raises AddressRefused."""
        if len(location) > LONGEST or _FORBIDDEN.search(location):
            raise AddressRefused("it redirects to something that is no address")
        try:
            return parse(urljoin(str(self), location))
        except ValueError:
            raise AddressRefused("it redirects to something that is no address") from None


def is_public(ip: str) -> bool:
    """Whether `ip`, an IP address as text, is that of a machine on the public internet. False for what is none."""
    try:
        address = ip_address(ip)
    except ValueError:
        return False
    if isinstance(address, IPv4Address):
        return address.is_global and not any(address in network for network in _SPECIAL4)
    return (
        address.scope_id is None
        and address.is_global
        and address in _UNICAST6
        and not any(address in network for network in _SPECIAL6)
    )


def parse(url: str) -> Address:
    """`url` taken apart. Its fragment is dropped. Raises AddressRefused."""
    url = url.strip(" \n")
    if len(url) > LONGEST:
        raise AddressRefused(f"the address is longer than {LONGEST:,} characters")
    if _FORBIDDEN.search(url):
        raise AddressRefused("the address holds a space, a backslash or a control character; write it as %20 or alike")
    found = _SCHEME.match(url)
    if found is None:
        raise AddressRefused("the address has to begin with https:// or http://")
    scheme = found[1].lower()
    authority, target = _split(url[found.end() :].partition("#")[0])
    if "@" in authority:
        raise AddressRefused("the address holds a user name or password; leave it out")
    host, port = _host_and_port(authority)
    return Address(scheme, host, _PORTS[scheme] if port is None else port, quote(target, safe=_AS_IS))


def _split(rest: str) -> tuple[str, str]:
    """Host with port, and path with query."""
    end = min((place for place in (rest.find("/"), rest.find("?")) if place >= 0), default=len(rest))
    target = rest[end:]
    return rest[:end], target if target.startswith("/") else f"/{target}"


def _host_and_port(authority: str) -> tuple[str, int | None]:
    if authority.startswith("["):
        inner, closed, rest = authority[1:].partition("]")
        if not closed or (rest and not rest.startswith(":")):
            raise AddressRefused("the address holds brackets that do not match")
        return _ipv6(inner), _port(rest[1:])
    host, _, port = authority.partition(":")
    return _name(host), _port(port)


def _port(text: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and 0 < int(text) < 65536):
        raise AddressRefused("the address names no valid port")
    return int(text)


def _ipv6(text: str) -> str:
    try:
        address = IPv6Address(text)
    except ValueError:
        raise AddressRefused("what the address has in brackets is no IPv6 address") from None
    if address.scope_id is not None:
        raise AddressRefused("the address names a zone: that is no public host")
    return str(address)


def _name(host: str) -> str:
    """A host's name in ASCII and lower case, without the dot at its end; an IPv4 address only in its usual form."""
    host = _ascii(host).lower().removesuffix(".")
    labels = host.split(".")
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise AddressRefused("the address names no valid host")
    if _NUMBER.fullmatch(labels[-1]):
        try:
            return str(IPv4Address(host))
        except ValueError:
            raise AddressRefused("the host is a number in an odd form; write an IPv4 address as 1.2.3.4") from None
    return host


def _ascii(host: str) -> str:
    if host.isascii() or len(host) > 253:
        return host
    import idna  # as httpx does

    try:
        return idna.encode(host, uts46=True).decode("ascii")
    except idna.IDNAError:
        raise AddressRefused("the address names no valid host") from None
