/** Starts inference when records are polled, and caches the results until they are processed. */
@NullMarked
package dev.headwater.stream.ahead;

import org.jspecify.annotations.NullMarked;
