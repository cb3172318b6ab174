"""Paint a white square into a picture: python scripts/edit_one.py IMAGE."""

import argparse

from PIL import Image

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("image", metavar="IMAGE")
    path = parser.parse_args().image
    with Image.open(path) as picture:
        edited = picture.convert("RGB")
    edited.paste((255, 255, 255), (4, 4, 20, 20))
    edited.save(path)
