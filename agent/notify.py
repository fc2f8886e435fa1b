"""Telling systemd that the agent is ready and alive (sd_notify, by a datagram)."""

from __future__ import annotations

import os
import socket
from typing import MutableMapping, Optional


class ServiceManager:
    """The service manager that started this process; silent where there is none."""

    def __init__(self, environment: MutableMapping[str, str]) -> None:
        # Taken out, so that smartctl and its kind cannot speak in our name.
        self._address = environment.pop("NOTIFY_SOCKET", None)
        period = environment.pop("WATCHDOG_USEC", None)
        owner = environment.pop("WATCHDOG_PID", None)
        mine = owner is None or owner == str(os.getpid())
        self.watchdog_seconds: Optional[float] = (
            int(period) / 1e6 if period and period.isdigit() and mine else None
        )

    def tell(self, **facts: str) -> None:
        """Send facts such as READY="1". What nobody hears is no error."""
        if not self._address:
            return
        address = self._address
        if address.startswith("@"):
            address = "\0" + address[1:]
        text = "\n".join(f"{name}={value}" for name, value in facts.items())
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
            try:
                channel.sendto(text.encode("utf-8"), address)
            except OSError:
                return
