/** The worker that learns from samples: memory, triggers, candidates, verdicts, publication. */
@NullMarked
package dev.headwater.adapt;

import org.jspecify.annotations.NullMarked;
