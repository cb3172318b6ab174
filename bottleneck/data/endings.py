"""The endings of file names by which images are known. Imports the standard library alone."""

from __future__ import annotations

EXTENSIONS = frozenset(
    b".jpg .jpeg .jpe .jfif .png .bmp .dib .gif .tif .tiff .webp .ppm .pgm .pbm .pnm"
    b" .jp2 .j2k .avif .heic .heif".split()  # what cannot be decoded gets a reason, not silence
)
UNDECODABLE = (".heic", ".heif")  # Pillow alone decodes none of these
