"""The child that draws one uploaded picture anew: answers with the picture or a refusal."""

from __future__ import annotations

from haas.documents.drawing import Upload
from haas.documents.logos import accept_logo
from haas.documents.photos import Picture, accept_photo
from haas.limited_process import serve


def draw(upload: Upload) -> Picture:
    """The picture, as it is kept."""
    if upload.kind == "logo":
        return Picture(accept_logo(upload.content), "image/png")
    return accept_photo(upload.content)


if __name__ == "__main__":
    serve(Upload, draw)
