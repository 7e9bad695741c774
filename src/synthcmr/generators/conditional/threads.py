"""CPU threads for sampling: each takes some images, and computes them alone.

Kernels that share one image among threads round differently with each number of threads, by a hundredth in half precision. So every
image is computed by one thread, and the threads share out the images: the same pixels on one core and on sixty-four.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import torch

Map = Callable[[Callable[[Any], Any], Sequence[Any]], Iterator[Any]]


@contextmanager
def one_thread_each(threads: int) -> Iterator[Map]:
    """A `map` whose calls run at the same time, each of them on one thread; results come in order."""
    before = torch.get_num_threads()
    try:
        with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            yield pool.map
    finally:
        torch.set_num_threads(before)
