/** Which records are worth a label, and how many may ask. */
@NullMarked
package dev.headwater.stream.selection;

import org.jspecify.annotations.NullMarked;
