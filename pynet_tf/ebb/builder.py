"""The TFDS builder of EBB!: aligned pairs of a sharp photo and a wide-aperture shot, with depth.

What a sample is: `pynet_tf/data/ebb_layout.py`. The samples keep their natural order, and a shard
is planned before it is written, so that one sample after the other goes straight to its place:
nothing is shuffled on disk, and memory holds one shard at most however large the set is.
"""

import functools
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from pynet_tf.data import ebb_layout, shards
from pynet_tf.errors import InputError

SHARD_BYTES = 128 << 20

Reader = Callable[[Sequence[ebb_layout.Pair]], Iterable[dict | InputError]]


class Ebb(tfds.core.ShardBasedBuilder):
    """Builds `ebb` from a folder in EBB! layout."""

    VERSION = tfds.core.Version(shards.VERSION)
    RELEASE_NOTES = {  # noqa: RUF012 (TFDS reads it so)
        "1.0.0": "First release.",
        shards.VERSION: "Pairs know their focus and blur.",
    }
    MANUAL_DOWNLOAD_INSTRUCTIONS = (
        "Put `original/`, `bokeh/` and `original_depth/` of EBB! into the manual folder, or run "
        "`python tools/build_ebb.py SRC --data_dir DIR`."
    )

    def __init__(
        self,
        *,
        source: ebb_layout.Source | None = None,
        read: Reader | None = None,
        **options,
    ):
        """Makes the builder.

        Args:
            source: what to build from; None: TFDS's manual folder.
            read: yields the sample or the error of each pair that it is given. It is called for
                one shard after the other, in order. None: each shard is read by itself, which
                Beam may do in parallel.
            **options: `data_dir` and TFDS's other arguments.
        """
        self._source = source
        self._read = read
        super().__init__(**options)

    def _info(self) -> tfds.core.DatasetInfo:
        features = tfds.features
        jpeg = functools.partial(
            features.Image, shape=(None, None, 3), dtype=np.uint8, encoding_format="jpeg"
        )
        return self.dataset_info_from_configs(
            features=features.FeaturesDict(
                {
                    "name": features.Text(doc="The file name without its suffix."),
                    "photo": jpeg(doc="The sharp photo."),
                    "image": features.Tensor(
                        shape=(None, None, 4),
                        dtype=np.uint8,
                        encoding="bytes",
                        doc="The photo at half size and its depth map, near = bright.",
                    ),
                    "bokeh": jpeg(doc="The wide-aperture shot, aligned with the photo."),
                    "sharp_depth": features.Tensor(
                        shape=(None, None),
                        dtype=np.uint8,
                        encoding="bytes",
                        doc="The depth map, sharpened along the photo's edges.",
                    ),
                    "focus": features.Scalar(
                        np.float32, doc="The depth of sharp_depth, 0..1, that the shot has sharp."
                    ),
                    "blur": features.Scalar(
                        np.float32, doc="The shot's blur, in percent of its longer side."
                    ),
                }
            ),
            supervised_keys=("image", "bokeh"),
            # The samples stay in order when they are read, too.
            disable_shuffling=True,
        )

    def _shard_iterators_per_split(self, dl_manager) -> dict[str, list[Callable]]:
        source = self._source or ebb_layout.scan(dl_manager.manual_dir)
        return {
            split: [functools.partial(_examples, shard, self._read) for shard in plan(pairs)]
            for split, pairs in source.splits.items()
        }

    def _example_writer(self) -> tfds.core.ExampleWriter:
        return _RepeatableWriter(file_format=self.info.file_format)

    def _download_and_prepare(self, dl_manager, download_config=None) -> None:
        super()._download_and_prepare(dl_manager, download_config)
        counts = {name: split.shard_lengths for name, split in self.info.splits.items()}
        for split, lengths in counts.items():
            if not sum(lengths):
                raise InputError(f"none of the pairs for {split} can be used")
        # TFDS renames this folder when all is done: the fingerprints come and go with the shards.
        shards.write_fingerprints(self.data_path, counts)


def plan(pairs: Sequence[ebb_layout.Pair]) -> list[list[ebb_layout.Pair]]:
    """Divides the pairs, in order, into shards of up to about `SHARD_BYTES`."""
    planned: list[list[ebb_layout.Pair]] = []
    left = 0
    for pair in pairs:
        size = ebb_layout.stored_bytes(pair)
        if not planned or size > left:
            planned.append([])
            left = SHARD_BYTES
        planned[-1].append(pair)
        left -= size
    return planned


def _examples(pairs: Sequence[ebb_layout.Pair], read: Reader | None) -> Iterator[tuple[str, dict]]:
    """Yields key and features of the pairs that can be used."""
    for sample in (read or ebb_layout.read_samples)(pairs):
        if not isinstance(sample, InputError):
            yield sample["name"], {name: sample[name] for name in sample if name != "doubt"}
        elif read is None:
            warnings.warn(f"left out: {sample}", stacklevel=1)


class _RepeatableWriter(tfds.core.ExampleWriter):
    """Writes the same bytes for the same examples.

    Protocol buffers put the entries of a map, here the features, in an order that changes from
    process to process unless one asks for a fixed one; TFDS does not.
    """

    def write(self, path, examples):
        return super().write(path, ((key, _repeatable(example)) for key, example in examples))


def _repeatable(serialized: bytes) -> bytes:
    return tf.train.Example.FromString(serialized).SerializeToString(deterministic=True)
