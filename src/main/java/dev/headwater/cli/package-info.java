/** The commands: wiring only. */
@NullMarked
package dev.headwater.cli;

import org.jspecify.annotations.NullMarked;
