/** The trainer: replay memory, triggers, training of candidates, evaluation and publication. */
@NullMarked
package dev.headwater.adapt;

import org.jspecify.annotations.NullMarked;
