"""Class folders: of generated pictures, or some of those that are there."""

import shutil

from PIL import Image

from bottleneck.core.generated import pictures

CLASSES = 10


def write_photos(folder, n, pixels, suffix, classes=CLASSES):
    """Write n pictures of so many pixels a side into class folders; return their paths."""
    paths = [folder / f"class{i % classes}" / f"{i:06}{suffix}" for i in range(n)]
    for path in paths[:classes]:
        path.parent.mkdir(parents=True, exist_ok=True)
    for path, image in zip(paths, pictures(n, (pixels, pixels)), strict=True):
        Image.fromarray(image).save(path, quality=95)  # PNG does not ask for a quality
    return paths


def write_splits(folder, counts, pixels, suffix, classes=CLASSES):
    """Write pictures, all different, into a folder for each split: {"train": 100, "test": 10}."""
    paths = iter(write_photos(folder, sum(counts.values()), pixels, suffix, classes))
    for split, n in counts.items():
        for path in (next(paths) for _ in range(n)):
            into(folder / split / path.parent.name, path, shutil.move)
    for left in folder.glob("class*"):
        left.rmdir()


def copy_splits(source, folder, counts):
    """Copy the first files of each class: {"train": ("train", 100), "val": ("test", 10)}."""
    for split, (of, n) in counts.items():
        classes = sorted(path for path in (source / of).iterdir() if path.is_dir())
        for one in classes:
            for path in sorted(one.iterdir())[: n // len(classes)]:
                into(folder / split / one.name, path, shutil.copyfile)


def into(folder, path, how):
    """Move or copy a file into a folder, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    how(path, folder / path.name)
