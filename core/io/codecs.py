"""Which compressed DICOM syntaxes this installation can decode."""

from __future__ import annotations

from dataclasses import dataclass

from core.io.dicom_pixels import PLUGINS

SYNTAXES = (
    ("RLE", "1.2.840.10008.1.2.5"),
    ("JPEG baseline", "1.2.840.10008.1.2.4.50"),
    ("JPEG extended", "1.2.840.10008.1.2.4.51"),
    ("JPEG lossless", "1.2.840.10008.1.2.4.57"),
    ("JPEG lossless, first order", "1.2.840.10008.1.2.4.70"),
    ("JPEG-LS lossless", "1.2.840.10008.1.2.4.80"),
    ("JPEG-LS near-lossless", "1.2.840.10008.1.2.4.81"),
    ("JPEG 2000 lossless", "1.2.840.10008.1.2.4.90"),
    ("JPEG 2000", "1.2.840.10008.1.2.4.91"),
)
"""Name and UID of every compressed syntax with pictures that is read (DICOM PS3.5, Annex A.4)."""


@dataclass(frozen=True)
class Codec:
    """A syntax and the plugin that decodes it, "" without one."""

    name: str
    uid: str
    decoder: str


def dicom_codecs() -> tuple[Codec, ...]:
    """Every compressed syntax with its decoder here."""
    from pydicom.pixels.decoders.base import get_decoder
    from pydicom.uid import UID

    found = []
    for name, uid in SYNTAXES:
        available = get_decoder(UID(uid)).available_plugins
        found.append(Codec(name, uid, next((each for each in PLUGINS if each in available), "")))
    return tuple(found)
