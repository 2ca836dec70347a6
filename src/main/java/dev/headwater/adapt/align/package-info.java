/**
 * Adapting a linear head to samples without labels: where its classes went, and whether to follow.
 */
@NullMarked
package dev.headwater.adapt.align;

import org.jspecify.annotations.NullMarked;
