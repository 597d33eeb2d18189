"""Which hosts are this machine itself."""

import ipaddress


def is_loopback(host: str) -> bool:
    """Return whether a host name or address, with or without brackets, can only be this machine."""
    name = host.strip("[]").lower()
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
