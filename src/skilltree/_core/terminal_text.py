"""Makes text safe for a terminal: control characters in data have no effect."""

import json
import re

# Control characters (C0, DEL, C1), characters that reverse or hide text, and lone surrogates. Line ends and tabs may
# be part of a text.
_OBEYED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")


def harmless(text: object) -> str:
    r"""Return a text with control characters made visible: ``\x1b`` as ␛."""
    return _OBEYED.sub(_picture, str(text))


def _picture(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < 0x20:  # noqa: PLR2004 (the control characters, which have pictures of their own)
        return chr(0x2400 + code)
    return "␡" if code == 0x7F else f"<U+{code:04X}>"  # noqa: PLR2004 (DEL)


def has_obeyed(text: str) -> bool:
    """Return whether a text contains characters that affect a terminal."""
    return _OBEYED.search(text) is not None


def json_text(document: object) -> str:
    """Return a document as JSON, with control characters escaped."""
    return escaped(json.dumps(document, indent=2, ensure_ascii=False))


def escaped(text: str) -> str:
    """Return the same JSON, with control characters escaped."""
    return _OBEYED.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
