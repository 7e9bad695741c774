"""Parts of a model that are fixed: used by it, but neither trained, nor averaged, nor stored with it."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Shared(Generic[T]):
    """Holds a module so that its owner does not own it: copies of the owner use the same one."""

    def __init__(self, held: T) -> None:
        """Hold something."""
        self.held = held

    def __deepcopy__(self, memory: dict[int, Any]) -> Shared[T]:
        """The average of weights is a deep copy of a network; what is fixed need not be there twice."""
        return self
