"""The ways in which a secret may stand readable in a file."""
import base64
import urllib.parse
import zlib


def spellings(secret):
    """Bytes to search for: plain, base64 at each alignment, hex, percent-encoded, UTF-16, deflated."""
    raw = secret.encode()
    found = [raw, raw.hex().encode(), raw.hex().upper().encode(), urllib.parse.quote(secret, safe="").encode(),
             secret.encode("utf-16-le"), zlib.compress(raw)[2:-4]]
    for shift in range(3):
        # What surrounds a value moves its base64 by up to two bytes; its middle stays the same.
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            text = encode(b"\0" * shift + raw)
            found.append(text[4:-4] if shift else text[:-4])
    return found
