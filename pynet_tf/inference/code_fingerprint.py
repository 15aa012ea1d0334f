"""Tells whether kept results were made by the same code."""

import hashlib
from collections.abc import Iterable
from pathlib import Path


def code_fingerprint(sources: Iterable[Path]) -> str:
    """Returns a fingerprint of source files, 16 hexadecimal digits.

    Args:
        sources: Python files, and folders that hold such.
    """
    digest = hashlib.sha256()
    for source in sources:
        for file in sorted(source.rglob("*.py")) if source.is_dir() else [source]:
            digest.update(str(file.relative_to(source.parent)).encode() + b"\0")
            digest.update(file.read_bytes())
    return digest.hexdigest()[:16]
