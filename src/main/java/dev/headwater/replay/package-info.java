/** Replays of labelled streams through the whole pipeline on a real broker, and the demo. */
@NullMarked
package dev.headwater.replay;

import org.jspecify.annotations.NullMarked;
