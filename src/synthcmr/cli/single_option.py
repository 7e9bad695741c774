"""Options that may be given once, though the command line would take them several times."""

from collections.abc import Sequence


def only(values: Sequence[str], flag: str, why: str) -> str:
    """The one value of an option.

    Raises:
        SettingsError: it was given more than once; the shell would silently drop all but the last.
    """
    from synthcmr.errors import SettingsError

    if len(values) != 1:
        raise SettingsError(f"{flag}: expected once, got {len(values)} times ({' and '.join(values)}); {why}")
    return values[0]
