/** Batched inference on the frozen backbone, and live heads that are swapped while it runs. */
@NullMarked
package dev.headwater.scoring;

import org.jspecify.annotations.NullMarked;
