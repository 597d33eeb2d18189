"""Detection of loopback hosts."""

import ipaddress


def is_loopback(host: str) -> bool:
    """Return whether a host name or address, with or without brackets, is a loopback address."""
    name = host.strip("[]").lower()
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
