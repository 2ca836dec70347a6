/** Evaluates candidate heads against the live head with paired statistical tests. */
@NullMarked
package dev.headwater.gate;

import org.jspecify.annotations.NullMarked;
