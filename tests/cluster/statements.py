"""Which statements of the PostgreSQL adapter are the two writes on which a refresh depends."""


class Statement:
    def __init__(self, name, fits):
        self.name, self.fits = name, fits


def _claims(text, _):
    return "update latchkey.grants" in text and "set state = 'in_flight'" in text


def _keeps_tokens(text, values):
    return "update latchkey.tokens" in text and b"IN_FLIGHT" in values[5:]


# Durable before a refresh token is sent: the row says that its token is about to be spent.
CLAIM = Statement("claim", _claims)
# Durable before the row counts as refreshed: it has the new tokens, in place of a claim.
SETTLE = Statement("rotation", _keeps_tokens)
