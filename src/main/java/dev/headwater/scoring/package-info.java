/** Batched inference on the frozen backbone, and the live head that can be swapped under it. */
@NullMarked
package dev.headwater.scoring;

import org.jspecify.annotations.NullMarked;
