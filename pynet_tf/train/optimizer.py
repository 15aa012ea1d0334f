"""Adam in one operation per weight.

Kingma and Ba, "Adam: a Method for Stochastic Optimization", 2015. Keras writes the update of each
weight as some twenty small operations; for the 430 weights of level 1 their graph takes longer to
build than the network's, and each operation passes over memory once. TensorFlow's own kernel,
which the 2020 code used too, gives the same numbers in one pass.
"""

import keras
import tensorflow as tf


class Adam(keras.optimizers.Adam):
    """`keras.optimizers.Adam` with TensorFlow's fused kernel; without amsgrad."""

    def apply(self, grads, trainable_variables=None) -> None:
        """Updates the weights, see `keras.Optimizer.apply`."""
        count = tf.cast(self.iterations.value + 1, tf.float32)
        # Once for all weights: a graph would hold them anew for each.
        self._betas = tf.constant(self.beta_1), tf.constant(self.beta_2)
        self._powers = [tf.pow(beta, count) for beta in self._betas]
        self._epsilon = tf.constant(self.epsilon)
        super().apply(grads, trainable_variables)

    def update_step(self, gradient, variable, learning_rate) -> None:
        """Updates one weight and its two moments."""
        index = self._get_variable_index(variable)
        momentum, velocity = self._momentums[index].value, self._velocities[index].value
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=momentum.handle,
            v=velocity.handle,
            beta1_power=self._powers[0],
            beta2_power=self._powers[1],
            lr=tf.cast(learning_rate, tf.float32),
            beta1=self._betas[0],
            beta2=self._betas[1],
            epsilon=self._epsilon,
            grad=gradient,
        )
