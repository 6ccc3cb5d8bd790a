"""Which statements of the PostgreSQL adapter are the two writes on which a refresh depends."""


class Statement:
    def __init__(self, name, fits):
        self.name, self.fits = name, fits


# Durable before a refresh token is sent: the row says that its token is about to be spent.
CLAIM = Statement("claim", lambda text, values: "update" in text and "in_flight" in text)
# Durable before the new access token is handed out: the row has the new tokens.
SETTLE = Statement("rotation", lambda text, values: "update" in text and "refresh_ct" in text)
