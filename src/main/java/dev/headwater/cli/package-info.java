/** The picocli commands, which only wire the other packages together. */
@NullMarked
package dev.headwater.cli;

import org.jspecify.annotations.NullMarked;
