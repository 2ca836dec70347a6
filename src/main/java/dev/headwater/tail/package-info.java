/** Rebuilds a head graph as a differentiable function on PyTorch, so that a deep tail can learn. */
@NullMarked
package dev.headwater.tail;

import org.jspecify.annotations.NullMarked;
