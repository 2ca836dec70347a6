/** Isolation of invalid records: dead letters, size checks, timestamps. */
@NullMarked
package dev.headwater.stream.guard;

import org.jspecify.annotations.NullMarked;
