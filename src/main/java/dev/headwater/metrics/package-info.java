/** Metric and health interfaces, independent of the metrics library. */
@NullMarked
package dev.headwater.metrics;

import org.jspecify.annotations.NullMarked;
