/** What travels on each topic: its records, their serdes and the topics themselves. */
@NullMarked
package dev.headwater.schema;

import org.jspecify.annotations.NullMarked;
