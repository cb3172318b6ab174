"""Paint a white square into a picture: python scripts/edit_one.py IMAGE."""

import sys

from PIL import Image

if __name__ == "__main__":
    with Image.open(sys.argv[1]) as picture:
        edited = picture.convert("RGB")
    edited.paste((255, 255, 255), (4, 4, 20, 20))
    edited.save(sys.argv[1])
