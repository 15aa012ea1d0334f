"""Times the parts of a training command up to the end of its first step.

benchmark.py calls it. Takes the flags of pynet_tf.train and ends after one step. The last
line that it prints is a JSON object, seconds by part in the order of time:

    import       Python, opening the prepared shards, TensorFlow, Keras, this package
    plan         looking where the first weights come from
    network      the layers, their first weights and the optimizer
    weights      those of a checkpoint
    first batch  building the input pipeline and waiting for its first batch
    trace        building the graph of the step
    first step   preparing the graph to run, and the computation
"""

import json
import os
import sys
import time
from collections.abc import Callable

from pynet_tf import cli
from pynet_tf.train import command as train


class _StepDone(Exception):
    """Leaves the training once there is nothing more to measure."""


def main() -> None:
    """Trains one step and prints the times."""
    marks = {"command": float(os.environ.get("PYNET_TF_BEGUN", time.monotonic()))}

    def marking(name: str, work: Callable) -> Callable:
        def marked(*arguments, **more):
            result = work(*arguments, **more)
            marks[name] = time.monotonic()
            return result

        return marked

    def one_step(compiled_step: Callable) -> Callable:
        def compiled(*arguments):
            step = compiled_step(*arguments)

            def stepped(image, target):
                marks["first batch"] = time.monotonic()
                step.get_concrete_function(image, target)
                marks["trace"] = time.monotonic()
                float(step(image, target)["loss"])
                marks["first step"] = time.monotonic()
                raise _StepDone

            return stepped

        return compiled

    def imported(*arguments):
        tf = import_tensorflow(*arguments)
        from pynet_tf.train import planning, step
        from pynet_tf.train.planning import Plan

        planning.plan = marking("plan", planning.plan)
        step.new_optimizer = marking("network", step.new_optimizer)
        Plan.set_weights = marking("weights", Plan.set_weights)
        step.compiled_step = one_step(step.compiled_step)
        marks["import"] = time.monotonic()
        return tf

    # Not before it: mistakes are told without TensorFlow.
    import_tensorflow = cli.import_tensorflow
    cli.import_tensorflow = imported
    try:
        train.main(sys.argv[1:])
    except _StepDone:
        names = list(marks)
        parts = zip(names[1:], names[:-1], strict=True)
        print(json.dumps({name: marks[name] - marks[before] for name, before in parts}))


if __name__ == "__main__":
    cli.run(main, "tools/measure/measure_start.py")
