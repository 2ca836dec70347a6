/** Kafka traffic of a replay: sends records and labels, and consumes the outputs. */
@NullMarked
package dev.headwater.replay.traffic;

import org.jspecify.annotations.NullMarked;
