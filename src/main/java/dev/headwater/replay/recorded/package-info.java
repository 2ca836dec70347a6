/** Reuse of recorded topics: rescoring, re-embedding, comparison and replay of a deployment. */
@NullMarked
package dev.headwater.replay.recorded;

import org.jspecify.annotations.NullMarked;
