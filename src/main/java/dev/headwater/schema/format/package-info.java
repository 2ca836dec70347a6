/** The formats of topic values: JSON, or Avro with a schema registry. */
@NullMarked
package dev.headwater.schema.format;

import org.jspecify.annotations.NullMarked;
