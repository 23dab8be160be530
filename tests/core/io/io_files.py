"""Small files of every format, built from hand-made arrays."""

from __future__ import annotations

import gzip
import io
import logging
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gdcm
import nibabel as nib
import numpy as np
import pydicom
from PIL import Image
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian, JPEG2000Lossless

from core.config import ReadOptions
from core.io import read_case
from core.types import Case, NamedBytes

CT = "1.2.840.10008.5.1.4.1.1.2"


def opened(data: bytes, name: str = "case.bin", **options: Any) -> Case:
    """The case in one file."""
    return read_case([NamedBytes(name, data)], ReadOptions(**options))


def with_reference(data: bytes, mask: bytes, **options: Any) -> Case:
    """The case in one file with the reference in another."""
    return read_case([NamedBytes("case.bin", data)], ReadOptions(**options), [NamedBytes("mask.bin", mask)])


@contextmanager
def logged() -> Iterator[list[str]]:
    """Every line that any logger writes meanwhile."""
    lines: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(record.getMessage())

    handler, root = Keep(), logging.getLogger()
    root.addHandler(handler)
    try:
        yield lines
    finally:
        root.removeHandler(handler)


def pillow(pixels: np.ndarray, kind: str = "PNG", mode: str | None = None, **save: Any) -> bytes:
    """`pixels` saved by Pillow."""
    image = Image.fromarray(pixels)
    return saved(image.convert(mode) if mode else image, kind, **save)


def saved(image: Image.Image, kind: str, **save: Any) -> bytes:
    """A Pillow picture as bytes."""
    out = io.BytesIO()
    image.save(out, kind, **save)
    return out.getvalue()


def nifti(
    voxels: np.ndarray, affine: np.ndarray | None = None, codes: tuple[int, int] = (0, 1), gz: bool = False
) -> bytes:
    """`voxels` (i, j, k) as NIfTI-1; codes: (qform, sform), (0, 0) = orientation unknown."""
    affine = np.eye(4) if affine is None else affine
    image = nib.Nifti1Image(voxels, affine)
    image.set_qform(affine, code=codes[0])
    image.set_sform(affine, code=codes[1])
    data: bytes = image.to_bytes()
    return gzip.compress(data, mtime=0) if gz else data


def dicom(pixels: np.ndarray, position: tuple[float, float, float] | None = (0, 0, 0), **tags: Any) -> bytes:
    """One object of `pixels` (row, column), (frame, row, column) or (row, column, 3); tags override."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = UID(CT)
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    instance = int(tags.get("InstanceNumber", 1))
    meta.MediaStorageSOPInstanceUID = UID(f"1.2.3.{tags.get('SeriesInstanceUID', '1.9')}.{instance}")
    made = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    colour = pixels.ndim == 3 and pixels.shape[2] == 3
    made.SOPClassUID, made.SOPInstanceUID = UID(CT), meta.MediaStorageSOPInstanceUID
    made.Modality, made.PatientName, made.PatientID = "MR", "DOE^JANE", "MRN12345678"
    made.SeriesInstanceUID, made.InstanceNumber = "1.9", instance
    made.SamplesPerPixel, made.PhotometricInterpretation = (3, "RGB") if colour else (1, "MONOCHROME2")
    made.Rows, made.Columns = pixels.shape[:2] if colour else pixels.shape[-2:]
    if colour:
        made.PlanarConfiguration = 0
    elif pixels.ndim == 3:
        made.NumberOfFrames = pixels.shape[0]
    made.BitsAllocated = made.BitsStored = pixels.dtype.itemsize * 8
    made.HighBit, made.PixelRepresentation = made.BitsStored - 1, int(pixels.dtype.kind == "i")
    made.PixelSpacing, made.SliceThickness = [1, 1], 2
    if position is not None:
        made.ImagePositionPatient, made.ImageOrientationPatient = list(position), [1, 0, 0, 0, 1, 0]
    made.PixelData = pixels.tobytes()
    made["PixelData"].VR = "OW" if pixels.dtype.itemsize > 1 else "OB"
    for key, value in tags.items():
        if value is None:
            delattr(made, key)
        else:
            setattr(made, key, value)
    out = io.BytesIO()
    made.save_as(out, enforce_file_format=True)
    return out.getvalue()


def series(count: int = 4, step: float = 2.0, **tags: Any) -> list[bytes]:
    """`count` slices; slice n lies at n * step mm and holds n + 1 in its first pixel."""
    slices = []
    for index in range(count):
        pixels = np.zeros((8, 9), np.uint16)
        pixels[0, 0] = index + 1
        slices.append(dicom(pixels, (0, 0, index * step), InstanceNumber=index + 1, **tags))
    return slices


def named(datas: list[bytes]) -> list[NamedBytes]:
    """Files IM0.dcm, IM1.dcm, ..."""
    return [NamedBytes(f"IM{index}.dcm", data) for index, data in enumerate(datas)]


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip of `members`."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data, method)
    return out.getvalue()


def recompressed(data: bytes, syntax: str) -> bytes:
    """`data` in another transfer syntax, lossless."""
    made = pydicom.dcmread(io.BytesIO(data))
    if syntax == JPEG2000Lossless:
        frame = saved(Image.fromarray(made.pixel_array), "JPEG2000", irreversible=False, no_jp2=True)
        made.PixelData = encapsulate([frame])
        made["PixelData"].is_undefined_length = True
        made["PixelData"].VR = "OB"
        made.file_meta.TransferSyntaxUID = UID(syntax)
    elif syntax == DeflatedExplicitVRLittleEndian:
        made.file_meta.TransferSyntaxUID = UID(syntax)
    else:
        made.compress(syntax, generate_instance_uid=False)
    out = io.BytesIO()
    made.save_as(out)
    return out.getvalue()


def as_jpeg_lossless(data: bytes, folder: Path) -> bytes:
    """`data` as JPEG Lossless (process 14, selection value 1), written by gdcm."""
    (folder / "in.dcm").write_bytes(data)
    reader, change, writer = gdcm.ImageReader(), gdcm.ImageChangeTransferSyntax(), gdcm.ImageWriter()
    reader.SetFileName(str(folder / "in.dcm"))
    assert reader.Read()
    change.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.JPEGLosslessProcess14_1))
    change.SetInput(reader.GetImage())
    assert change.Change()
    writer.SetFileName(str(folder / "out.dcm"))
    writer.SetFile(reader.GetFile())
    writer.SetImage(change.GetOutput())
    assert writer.Write()
    return (folder / "out.dcm").read_bytes()
