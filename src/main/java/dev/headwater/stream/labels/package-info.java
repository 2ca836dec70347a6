/** Joins labels with their records by record id, in either order of arrival. */
@NullMarked
package dev.headwater.stream.labels;

import org.jspecify.annotations.NullMarked;
