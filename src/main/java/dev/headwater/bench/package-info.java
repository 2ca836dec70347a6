/** Benchmarks Headwater against other ways to score the same records on the same cores. */
@NullMarked
package dev.headwater.bench;

import org.jspecify.annotations.NullMarked;
