import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmtui.models.public_address import AddressRefused, is_public, parse


@pytest.mark.parametrize(
    "ip",
    ["1.1.1.1", "93.184.216.34", "172.32.0.1", "2606:4700:4700::1111", "2a00:1450:4001:80b::200e", "2001:4860::8888"],
)
def test_a_machine_on_the_internet_is_public(ip: str) -> None:
    assert is_public(ip)


@pytest.mark.parametrize(
    "ip",
    [
        *("0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.255.255.254"),
        *("169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.1.1"),
        *("198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255"),
        "168.63.129.16",
        *("::", "::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:1.1.1.1", "64:ff9b::7f00:1", "64:ff9b::101:101"),
        *("64:ff9b:1::1", "100::1", "2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:10::1", "2001:db8::1"),
        *("2002:7f00:1::", "2002:101:101::1", "3fff::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0"),
        *("fec0::1", "ff02::1", "4000::1", "2606:4700::1%1"),
        *("", "localhost", "1", "0x7f000001", "127.1", "0177.0.0.1"),
    ],
)
def test_what_is_not_on_the_internet_is_not_public(ip: str) -> None:
    assert not is_public(ip)


@pytest.mark.parametrize(
    ("url", "read"),
    [
        ("https://example.com", "https://example.com/"),
        ("HTTP://EXAMPLE.com:80/a?b=c#d", "http://example.com/a?b=c"),
        ("https://example.com.:443/", "https://example.com/"),
        ("https://example.com?q=1", "https://example.com/?q=1"),
        ("http://[2606:4700:4700:0:0::1111]:8080/x", "http://[2606:4700:4700::1111]:8080/x"),
        ("https://bücher.example/ä b".replace(" ", "%20"), "https://xn--bcher-kva.example/%C3%A4%20b"),
        ("  https://example.com/a[1]{x}\n", "https://example.com/a[1]%7Bx%7D"),
        ("https://127。0。0。1/", "https://127.0.0.1/"),
        ("https://example.com/@user:8", "https://example.com/@user:8"),
    ],
)
def test_an_address_is_read_in_one_form(url: str, read: str) -> None:
    assert str(parse(url)) == read


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("file:///etc/passwd", "begin with https://"),
        ("ftp://example.com/", "begin with https://"),
        ("gopher://127.0.0.1:6379/_x", "begin with https://"),
        ("javascript:alert(1)", "begin with https://"),
        ("//example.com/", "begin with https://"),
        ("example.com", "begin with https://"),
        ("http:/example.com", "begin with https://"),
        ("http:example.com", "begin with https://"),
        ("http://user:pass@example.com/", "user name or password"),
        ("http://example.com@127.0.0.1/", "user name or password"),
        ("http://2130706433/", "odd form"),
        ("http://0x7f000001/", "odd form"),
        ("http://0x7f.1/", "odd form"),
        ("http://017700000001/", "odd form"),
        ("http://0177.0.0.1/", "odd form"),
        ("http://127.1/", "odd form"),
        ("http://127.0.0.1.1/", "odd form"),
        ("http://0/", "odd form"),
        ("http://1.2.3.4.5/", "odd form"),
        ("http://999.1.1.1/", "odd form"),
        ("http://[fe80::1%25eth0]/", "zone"),
        ("http://[::1/", "brackets"),
        ("http://[::1]x/", "brackets"),
        ("http://[127.0.0.1]/", "no IPv6"),
        ("http://example.com\\@127.0.0.1/", "backslash"),
        ("http://exam\tple.com/", "control"),
        ("http://example.com/\r\nHost: x", "control"),
        ("http://exa mple.com/", "space"),
        ("http://example.com%2f@127.0.0.1/", "user name"),
        ("http://127.0.0.1%2f.example.com/", "no valid host"),
        ("http://example.com:0/", "port"),
        ("http://example.com:99999/", "port"),
        ("http://example.com:8o/", "port"),
        ("http://example.com:٨٠/", "port"),
        ("http:///path", "no valid host"),
        ("http://.../", "no valid host"),
        ("http://a..b/", "no valid host"),
        ("http://-a.example/", "no valid host"),
        ("http://exa\u202emple.com/", "no valid host"),
        ("http://\ud800.example/", "control"),
        (f"http://{'a' * 64}.example/", "no valid host"),
        (f"http://{'ü' * 300}.example/", "no valid host"),
        (f"http://{'a.' * 200}example/", "no valid host"),
        ("http://example.com/" + "a" * 5000, "longer than"),
    ],
)
def test_what_may_be_read_differently_is_no_address(url: str, why: str) -> None:
    with pytest.raises(AddressRefused, match=why) as refused:
        parse(url)
    assert "\n" not in str(refused.value)


@given(st.text(max_size=60).map(lambda text: f"http://{text}") | st.text(max_size=30))
def test_any_text_is_an_address_or_refused_and_is_read_once(text: str) -> None:
    try:
        address = parse(text)
    except AddressRefused:
        return
    assert str(address).isascii()
    assert parse(str(address)) == address


@given(st.text(max_size=60))
def test_a_redirect_to_any_text_is_an_address_or_refused(text: str) -> None:
    try:
        joined = parse("http://example.com/a/b?c").join(text)
    except AddressRefused:
        return
    assert joined.scheme in ("http", "https")


def test_a_redirect_is_taken_from_where_it_was() -> None:
    here = parse("https://example.com/a/b?c")
    assert str(here.join("d?e")) == "https://example.com/a/d?e"
    assert str(here.join("//other.example/")) == "https://other.example/"
    assert str(here.join("/x#y")) == "https://example.com/x"
