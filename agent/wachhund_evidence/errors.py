"""Our errors, by whose fault it is. Only a command line turns them into text for a person."""


class WachhundError(Exception):
    """Something of ours failed in a way that we can name. The text is for a person: what, where, what to do."""


class MisuseError(WachhundError):
    """We, or the person who configured us, asked for something that cannot be."""


class RejectedEvidence(WachhundError):
    """Bytes from the other side are refused.

    `reason` is a stable word for counting (see `protocol.md`, reading a token); `detail` is for the person who looks.
    """

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__("{}: {}".format(reason, detail) if detail else reason)
        self.reason = reason
        self.detail = detail
