"""Numbers of things as people say them."""


def counted(n: int, what: str) -> str:
    """A number of things: '1 image', '2 images'."""
    return f"{n} {what}" if n == 1 else f"{n} {what}s"
