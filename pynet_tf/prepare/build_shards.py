"""From a folder in EBB! layout to TFDS shards that are whole or absent.

Everything is written to a hidden folder beside the final one and renamed at the end. What a killed
run leaves there, the next run removes. Beside the shards lies `source.json`: what was prepared
from which files, so that the next run knows whether there is anything to do.

TensorFlow and TFDS are imported by `build` alone.
"""

import contextlib
import dataclasses
import io
import itertools
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pynet_tf.data import ebb_layout, shards
from pynet_tf.data.ebb_layout import Source
from pynet_tf.errors import InputError
from pynet_tf.io import atomic_files, locks
from pynet_tf.prepare.process_pool import ordered_map

REPORT = "source.json"
# A run killed while it starts a worker leaves the lock to this one, until it is a program of its
# own.
LOCK_SECONDS = 2.0


@dataclass(frozen=True)
class Report:
    """What was prepared.

    Attributes:
        source: hash of the source files' names, sizes and times of change.
        counts: samples in each split.
        failed: one sentence for each pair that could not be used.
        doubts: what is odd about depth maps that were used, and the names of their pairs.
    """

    source: str
    counts: Mapping[str, int]
    failed: tuple[str, ...]
    doubts: Mapping[str, tuple[str, ...]]


def up_to_date(source: Source, data_dir: Path) -> Report | None:
    """Returns the report of an earlier preparation of the same files, None if there is none.

    Raises:
        InputError: something else is prepared there, or its shards are damaged.
    """
    folder = shards.folder(data_dir)
    atomic_files.settle(folder.parent)
    if not folder.exists():
        return None
    try:
        fields = json.loads((folder / REPORT).read_text(encoding="utf-8"))
        report = Report(
            fields["source"],
            dict(fields["counts"]),
            tuple(map(str, fields["failed"])),
            {doubt: tuple(map(str, names)) for doubt, names in fields.get("doubts", {}).items()},
        )
    except (FileNotFoundError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        report = None
    if report is None or report.source != ebb_layout.source_hash(source):
        raise InputError(
            f"{folder} was prepared from other files, or these have changed since; give "
            "--overwrite to replace it, or another --data_dir"
        )
    for split in report.counts:
        shards.open_split(data_dir, split)
    return report


def check_space(source: Source, data_dir: Path) -> None:
    """Raises an InputError if the disk has no room for the shards."""
    needed = sum(ebb_layout.stored_bytes(pair) for pair in _pairs(source))
    there = Path(data_dir).absolute()
    while not there.exists():
        there = there.parent
    free = shutil.disk_usage(there).free
    if free < needed * 1.02:
        raise InputError(
            f"{data_dir} has {free / 1e9:.2f} GB of disk space left and the shards need "
            f"{needed / 1e9:.2f} GB; make room or give another --data_dir"
        )


def build(
    source: Source,
    data_dir: Path,
    workers: int = 1,
    progress: Callable[[Iterable, int, str], Iterable] = lambda items, *_: items,
) -> Report:
    """Writes the shards of `source`, replacing what is prepared in `data_dir`.

    The shards are the same, byte by byte, for any number of workers.

    Args:
        source: see `ebb_layout.scan`.
        data_dir: TFDS's; the shards go to `ebb/1.0.0/` in it.
        workers: processes that decode and halve the pictures.
        progress: shows the pairs as they pass, their number and what is done, as `cli.progress`
            does.

    Raises:
        InputError: no pair of a split can be used, another process is preparing there, or the
            disk is full. What was there before is still there.
    """
    import tensorflow as tf
    import tensorflow_datasets as tfds
    from absl import logging

    from pynet_tf.ebb import Ebb

    tfds.disable_progress_bar()
    logging.set_verbosity(logging.ERROR)

    source_hash = ebb_layout.source_hash(source)
    pairs = list(_pairs(source))
    failed: list[str] = []
    doubts: dict[str, list[str]] = {}
    with _staging(data_dir) as staging, contextlib.ExitStack() as stack:
        results = ordered_map(ebb_layout.sample_or_error, pairs, workers)
        stack.callback(results.close)
        stream = iter(progress(_noting(results, failed, doubts), len(pairs), "preparing"))

        def read(shard):
            # The workers go on with the next shard while one is finished.
            return itertools.islice(stream, len(shard))

        with _temporary_files_in(staging):
            builder = Ebb(source=source, read=read, data_dir=staging)
        try:
            # TFDS says on standard output where its temporary folder is.
            with contextlib.redirect_stdout(io.StringIO()):
                builder.download_and_prepare()
            next(stream, None)
        except tf.errors.OpError as error:
            raise InputError(
                f"the shards cannot be written to {data_dir} ({error.message}); make room or "
                "give another --data_dir"
            ) from error
        except InputError as error:
            if not failed:
                raise
            raise InputError(f"{error} (left out: {'; '.join(failed[:5])})") from error
        counts = {name: split.num_examples for name, split in builder.info.splits.items()}
        named = {doubt: tuple(names) for doubt, names in doubts.items()}
        report = Report(source_hash, counts, tuple(failed), named)
        prepared = Path(builder.data_dir)
        atomic_files.write_text(
            prepared / REPORT, json.dumps(dataclasses.asdict(report), indent=1) + "\n"
        )
        with atomic_files.replacing(shards.folder(data_dir)) as partial:
            os.rename(prepared, partial)
    return report


def _pairs(source: Source) -> Iterator[ebb_layout.Pair]:
    # In the order in which the builder asks for them.
    return itertools.chain.from_iterable(source.splits.values())


def _noting(
    results: Iterator[dict | InputError], failed: list[str], doubts: dict[str, list[str]]
) -> Iterator:
    for result in results:
        if isinstance(result, InputError):
            failed.append(str(result))
        elif result["doubt"]:
            doubts.setdefault(result["doubt"], []).append(result["name"])
        yield result


@contextlib.contextmanager
def _temporary_files_in(folder: Path) -> Iterator[None]:
    """Keeps what TFDS makes as a temporary folder, and leaves, where it is removed."""
    usual = tempfile.tempdir
    tempfile.tempdir = str(folder)
    try:
        yield
    finally:
        tempfile.tempdir = usual


@contextlib.contextmanager
def _staging(data_dir: Path) -> Iterator[Path]:
    """Yields an empty hidden folder; no other process gets it at the same time."""
    parent = shards.folder(data_dir).parent
    staging = parent / ".preparing"
    with locks.locked(parent, LOCK_SECONDS):
        shutil.rmtree(staging, ignore_errors=True)
        staging.mkdir()
        try:
            yield staging
        finally:
            shutil.rmtree(staging, ignore_errors=True)
