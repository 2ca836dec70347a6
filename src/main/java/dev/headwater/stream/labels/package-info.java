/** Labels find their records: re-keyed by record id, then joined whichever comes first. */
@NullMarked
package dev.headwater.stream.labels;

import org.jspecify.annotations.NullMarked;
