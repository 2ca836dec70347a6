/** What keeps one bad record from harming the rest: dead letters, size checks, usable times. */
@NullMarked
package dev.headwater.stream.guard;

import org.jspecify.annotations.NullMarked;
