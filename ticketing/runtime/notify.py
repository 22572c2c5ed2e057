"""What systemd wants to hear of a service of Type=notify (sd_notify(3)); without systemd nobody is told."""

import os
import socket


def notify(*words: str) -> None:
    """Tell READY=1, WATCHDOG=1, STOPPING=1 or STATUS=… to whoever started us and named a socket."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as systemd:
        systemd.connect(address.replace("@", "\0", 1))  # the @ of an abstract name stands for a zero byte
        systemd.send("\n".join(words).encode())
