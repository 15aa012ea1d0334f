"""Runs LiteRT files of networks, without TensorFlow.

image    [1, h, w, C] float32, as `InputFormat` says; h and w multiples of 32
output   [1, H, W, 3] float32, the raw output of the file's level
"""

import os
from pathlib import Path

import numpy as np

from pynet_tf.errors import InputError, refuse_unreadable
from pynet_tf.model.architecture import InputFormat, format_of


def input_name(form: InputFormat) -> str:
    """Returns what the input of a LiteRT file is called; it tells the heads apart."""
    return "photo_defocus" if form.is_told_defocus else "image"


class LiteRTNetwork:
    """A network in a LiteRT file; called with an image, it returns its level's output.

    Args:
        content: a `.tflite` file, or its content.
        threads: None for all processors.

    Attributes:
        name: of the file, for messages.
        level: that it gives.
        form: what it takes.
        size: height and width of the only image it takes, or None.

    Raises:
        InputError: ai-edge-litert is missing, or the file is, or is no network of PyNET.
    """

    def __init__(self, content: Path | bytes, threads: int | None = None):
        try:
            from ai_edge_litert.interpreter import Interpreter
        except ImportError as error:
            raise InputError(
                "running LiteRT models needs the package ai-edge-litert; "
                "install it: pip install ai-edge-litert"
            ) from error
        self.name = "the LiteRT model" if isinstance(content, bytes) else str(content)
        if not isinstance(content, bytes):
            missing = f"{content} is not there; make it: python -m pynet_tf.export"
            refuse_unreadable(content, missing)
            content = Path(content).read_bytes()
        try:
            self._interpreter = Interpreter(
                model_content=content, num_threads=threads or len(os.sched_getaffinity(0))
            )
            (signature,) = self._interpreter.get_signature_list().values()
            (output,), (given,) = signature["outputs"], signature["inputs"]
            self.level = int(output.removeprefix("level_"))
            (self._given,) = self._interpreter.get_input_details()
            made_for = tuple(int(side) for side in self._given["shape_signature"][1:3])
            self.size = None if -1 in made_for else made_for
            self.form: InputFormat = format_of(int(self._given["shape"][-1]))
            # What LiteRT says at first it says here.
            self._prepare((1, *(self.size or (32, 32)), self.form.channels))
        except (ValueError, RuntimeError) as error:
            raise InputError(
                f"{self.name} is not a LiteRT model of PyNET that this version knows "
                f"({' '.join(str(error).split())[:200]}); make one: "
                "python -m pynet_tf.export --format litert"
            ) from error
        # The head `light` took as many channels, with the depth map in place of the defocus.
        if given != input_name(self.form):
            raise InputError(
                f"{self.name} is a network of the head light of earlier versions, which cannot be "
                "used any more; delete it, and export a network of the head defocus"
            )

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """Returns the output.

        Raises:
            InputError: the image has another size than the only one that the file takes.
            MemoryError: LiteRT gets too little memory for this size.
        """
        image = np.ascontiguousarray(image, np.float32)
        if self.size is not None and self.size != image.shape[1:3]:
            height, width = self.size
            raise InputError(
                f"{self.name} takes only photos of {2 * width}x{2 * height} pixels or up to 64 "
                "less; export it without --height and --width"
            )
        try:
            if self._prepared != image.shape:
                self._prepare(image.shape)
            self._interpreter.set_tensor(self._given["index"], image)
            self._interpreter.invoke()
        except RuntimeError as error:
            # It has run before; what a larger image lacks is memory, and the next is prepared anew.
            self._prepared = None
            raise MemoryError(f"LiteRT: {' '.join(str(error).split())[:200]}") from error
        return self._interpreter.get_tensor(self._interpreter.get_output_details()[0]["index"])

    def _prepare(self, shape: tuple[int, ...]) -> None:
        self._interpreter.resize_tensor_input(self._given["index"], shape)
        self._interpreter.allocate_tensors()
        self._prepared = shape
