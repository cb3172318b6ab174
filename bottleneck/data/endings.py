"""The endings of file names by which images are known. Imports the standard library alone."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

EXTENSIONS = frozenset(
    b".jpg .jpeg .jpe .jfif .png .bmp .dib .gif .tif .tiff .webp .ppm .pgm .pbm .pnm"
    b" .jp2 .j2k .avif .heic .heif".split()  # what cannot be decoded gets a reason, not silence
)
UNDECODABLE = (".heic", ".heif")  # Pillow alone decodes none of these
# What people have that is none of these: how it becomes one, by the ending of its name.
REFUSED: Mapping[str, str] = MappingProxyType(
    {
        ".mat": "load it with scipy.io.loadmat, and save pixels and labels with np.savez",
        ".h5": "load it with h5py, and save pixels and labels with np.savez",
        ".hdf5": "load it with h5py, and save pixels and labels with np.savez",
        ".tfrecord": "write its images into class folders, or a .tar of images with .cls beside",
        ".lmdb": "write its images into class folders, or a .tar of images with .cls beside",
        ".pkl": "load it where you trust it, and save pixels and labels with np.savez",
        ".pickle": "load it where you trust it, and save pixels and labels with np.savez",
        ".pt": "load it where you trust it, and save pixels and labels with np.savez",
        ".mp4": "write its frames as images",
        ".avi": "write its frames as images",
    }
)
