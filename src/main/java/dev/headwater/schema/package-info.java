/** The topics of a deployment: their records, serdes, settings and setup. */
@NullMarked
package dev.headwater.schema;

import org.jspecify.annotations.NullMarked;
