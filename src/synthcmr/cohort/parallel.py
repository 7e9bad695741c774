"""Work spread over processes, results in order, memory bounded."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from importlib import import_module
from itertools import islice
from multiprocessing import forkserver, get_context, parent_process
from threading import Thread
from typing import TypeVar

from synthcmr.errors import SynthcmrError

Item = TypeVar("Item")
Result = TypeVar("Result")

DIED = (
    "a worker process ended unexpectedly. Expected either enough memory (use fewer --workers) or, in a script of your own, "
    "the call below 'if __name__ == \"__main__\":', because workers import the script"
)
NETWORKS = "monai.networks.nets"  # to preload where workers train or draw: its import alone takes seconds
_shared: set[str] = set()
PENDING_PER_WORKER = 3  # enough to keep workers busy, few enough that results do not pile up in memory


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def share(*modules: str) -> None:
    """Import modules, here and at the same time in the server that workers are forked from, so that all workers share them.

    The server imports once, before its first worker. A chain of steps names here what any of its steps will need; otherwise each
    worker of a later step imports torch and MONAI for itself, which takes longer than some steps.
    """
    _shared.update(modules)
    context = get_context("forkserver")
    context.set_forkserver_preload(sorted(_shared))
    forkserver.ensure_running()
    for module in modules:
        import_module(module)


def ordered_map(
    job: Callable[[Item], Result], items: Sequence[Item], workers: int, preload: Sequence[str] = ()
) -> Iterator[Result]:
    """Apply a job to items in worker processes.

    Results come in the order of the items, whoever finishes first, so that what is made of them is the same for any
    number of workers.

    Args:
        job: a picklable function of one item.
        items: what to work on.
        workers: processes; 1 works in this process.
        preload: modules that workers share from the start, so that each need not import them.
    """
    if workers <= 1 or len(items) <= 1:
        for item in items:
            yield _alone(job, item)
        return
    context = get_context("forkserver")
    context.set_forkserver_preload(sorted({*preload, *_shared}))
    with ProcessPoolExecutor(min(workers, len(items)), mp_context=context, initializer=_begin_worker) as pool:
        waiting = iter(items)
        pending: list[Future[Result]] = []
        while True:
            pending += [pool.submit(job, item) for item in islice(waiting, workers * PENDING_PER_WORKER - len(pending))]
            if not pending:
                return
            try:
                result = pending.pop(0).result()
            except BrokenProcessPool as error:
                raise SynthcmrError(DIED) from error
            yield result


def _alone(job: Callable[[Item], Result], item: Item) -> Result:
    """Work in this process as a worker would: BLAS rounds differently with more threads, and bytes would differ."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        return job(item)


def _begin_worker() -> None:
    """Workers are the parallelism; a BLAS that starts threads of its own inside each would only get in the way."""
    from threadpoolctl import threadpool_limits

    threadpool_limits(1)
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """Whoever is killed outright tells its workers nothing: they would wait for more work for ever, and hold their memory."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
