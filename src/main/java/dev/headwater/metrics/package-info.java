/** Counters that add up, and health with a cause, as plain values. */
@NullMarked
package dev.headwater.metrics;

import org.jspecify.annotations.NullMarked;
