/** What a deployment's topics hold already, used again: scored, embedded, compared, replayed. */
@NullMarked
package dev.headwater.replay.recorded;

import org.jspecify.annotations.NullMarked;
