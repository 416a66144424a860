"""IP addresses of requests."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from skilltree._core.messages import shown
from skilltree.errors import InvalidValue

Address = IPv4Address | IPv6Address


def address_of(address: Address | str | None) -> Address | None:
    """Return an IP address. Raises InvalidValue for invalid text."""
    if address is None or isinstance(address, IPv4Address | IPv6Address):
        return address
    try:
        if not isinstance(address, str):
            raise TypeError  # noqa: TRY301 (ip_address would take a number or bytes)
        return ip_address(address)
    except (TypeError, ValueError) as error:
        raise InvalidValue(f"not an IP address: {shown(address)}", field="address") from error


def network_of(address: Address | str | None) -> str | None:
    """Return the network that failed logins are counted by: an IPv4 address, or the /64 of an IPv6 address."""
    found = address_of(address)
    if isinstance(found, IPv6Address):
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        return str(ip_network((int(found), 64), strict=False))
    return None if found is None else str(found)
