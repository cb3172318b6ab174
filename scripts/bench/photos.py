"""Class folders of generated pictures."""

from PIL import Image

from bottleneck.core.generated import pictures

CLASSES = 10


def write_photos(folder, n, pixels, suffix):
    """Write n pictures of so many pixels a side into ten class folders; return their paths."""
    paths = [folder / f"class{i % CLASSES}" / f"{i:06}{suffix}" for i in range(n)]
    for path in paths[:CLASSES]:
        path.parent.mkdir(parents=True, exist_ok=True)
    for path, image in zip(paths, pictures(n, (pixels, pixels)), strict=True):
        Image.fromarray(image).save(path, quality=95)  # PNG does not ask for a quality
    return paths
