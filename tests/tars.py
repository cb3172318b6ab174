"""Tar archives as tests want them."""

import io
import tarfile


def pack(path, members, layout=tarfile.PAX_FORMAT):
    """Make a tar of (name, bytes, or fields of TarInfo, `data` among them)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w", format=layout) as archive:
        for name, content in members:
            info = tarfile.TarInfo(name)
            fields = {} if isinstance(content, bytes) else dict(content)
            data = content if isinstance(content, bytes) else fields.pop("data", b"")
            info.size = len(data)
            for field, value in fields.items():
                setattr(info, field, value)
            archive.addfile(info, io.BytesIO(data))
    return path
