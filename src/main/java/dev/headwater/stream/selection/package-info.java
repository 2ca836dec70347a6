/** Selects records for labelling, within a label budget. */
@NullMarked
package dev.headwater.stream.selection;

import org.jspecify.annotations.NullMarked;
