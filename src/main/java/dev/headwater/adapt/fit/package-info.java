/** Fitting a linear head to weighted samples near the head it starts from, on PyTorch. */
@NullMarked
package dev.headwater.adapt.fit;

import org.jspecify.annotations.NullMarked;
