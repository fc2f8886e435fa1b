"""read_upload(): what is in an uploaded file, unless there is more of it than is taken."""

from __future__ import annotations

from flask_babel import gettext as _
from werkzeug.datastructures import FileStorage

from haas.errors import TooLarge


def read_upload(sent: FileStorage | None, *, most: int) -> bytes:
    """The content of a form's `file`; nothing where none was sent.

    :raises TooLarge: if it has more than `most` bytes; no more than that is read.
    """
    content = sent.read(most + 1) if sent is not None else b""
    if len(content) > most:
        raise TooLarge(_("The file is larger than %(mb)d MB: split it.", mb=most >> 20), field="file")
    return content
