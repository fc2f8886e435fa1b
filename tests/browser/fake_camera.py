"""A film of a QR code that Chromium takes for its camera: uncompressed, made with qrcode and Pillow alone."""

from __future__ import annotations

import math
from pathlib import Path

import qrcode
from PIL import Image

WIDTH, HEIGHT, FRAMES = 640, 480, 24
BACKGROUND = 120
_EMPTY_FRAMES = 4  # the camera finds the label after a moment, as a hand does


def film(path: Path, text: str, *, side: int = 250) -> Path:
    """Write a .y4m in which the code sways a little, as in a hand."""
    code = qrcode.QRCode(error_correction=qrcode.constants.ERROR_CORRECT_M, border=4)
    code.add_data(text)
    picture = code.make_image().get_image().convert("L").resize((side, side), Image.Resampling.NEAREST)
    colourless = bytes([128]) * (WIDTH * HEIGHT // 2)
    with path.open("wb") as out:
        out.write(f"YUV4MPEG2 W{WIDTH} H{HEIGHT} F15:1 Ip A1:1 C420jpeg\n".encode())
        for number in range(FRAMES):
            frame = Image.new("L", (WIDTH, HEIGHT), BACKGROUND)
            if number >= _EMPTY_FRAMES:
                swayed = picture.rotate(5 * math.sin(number / 4), expand=True, fillcolor=BACKGROUND)
                left = (WIDTH - swayed.width) // 2 + round(15 * math.sin(number / 3))
                frame.paste(swayed, (left, (HEIGHT - swayed.height) // 2))
            out.write(b"FRAME\n" + frame.tobytes() + colourless)
    return path
