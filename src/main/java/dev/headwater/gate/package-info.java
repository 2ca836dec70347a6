/** Whether a candidate head may replace the live one: a paired test with its numbers. */
@NullMarked
package dev.headwater.gate;

import org.jspecify.annotations.NullMarked;
