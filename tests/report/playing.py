"""The cines that a page plays, opened by Pillow."""

import base64
import io
import re
from pathlib import Path

from PIL import Image


def playing_images(page: Path) -> list[Image.Image]:
    found = re.findall(r'src="data:image/gif;base64,([^"]+)"', page.read_text())
    return [Image.open(io.BytesIO(base64.b64decode(one))) for one in found]
