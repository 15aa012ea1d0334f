"""Our Adam against Keras', step by step."""

import keras
import numpy as np
import tensorflow as tf

from pynet_tf.train.optimizer import Adam


def test_the_same_steps_as_keras_adam():
    start = [tf.random.stateless_normal([50, 7], [number, 0]) for number in range(3)]
    weights = {kind: [tf.Variable(value) for value in start] for kind in ("ours", "keras")}
    ours, theirs = (kind(1e-2, epsilon=1e-8) for kind in (Adam, keras.optimizers.Adam))
    for step in range(20):
        # Gradients of very different size, as in a deep net.
        gradients = [
            tf.random.stateless_normal([50, 7], [step, number]) * 100.0**-number
            for number in range(3)
        ]
        ours.apply(gradients, weights["ours"])
        theirs.apply(gradients, weights["keras"])
    for one, other in zip(weights["ours"], weights["keras"], strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
    assert int(ours.iterations) == 20


def test_restored_moments_go_on_alike(tmp_path):
    def made():
        weight = tf.Variable([1.0, 2.0])
        optimizer = Adam(0.1)
        optimizer.build([weight])
        return weight, optimizer, tf.train.Checkpoint(weight=weight, optimizer=optimizer)

    weight, optimizer, checkpoint = made()
    again, optimizer_again, checkpoint_again = made()
    for _ in range(3):
        optimizer.apply([tf.constant([0.5, -1.0])], [weight])
    checkpoint_again.restore(checkpoint.save(str(tmp_path / "c"))).assert_consumed()
    for applied, to in ((optimizer, weight), (optimizer_again, again)):
        applied.apply([tf.constant([0.1, 0.2])], [to])
    np.testing.assert_array_equal(weight, again)
