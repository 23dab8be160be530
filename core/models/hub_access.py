"""Whether the Hugging Face Hub can be asked at all, found out in seconds."""

from __future__ import annotations

import os
import socket

HUB = ("huggingface.co", 443)
PATIENCE_SECONDS = 3.0


def hub_reachable() -> bool:
    """False when HF_HUB_OFFLINE is set or no connection is made within seconds.

    Asked before the Hub's own client is, which tries for 23 seconds a file.
    """
    if os.environ.get("HF_HUB_OFFLINE", "0").lower() not in {"0", "", "false", "no", "off"}:
        return False
    try:
        with socket.create_connection(HUB, timeout=PATIENCE_SECONDS):
            return True
    except OSError:
        return False
