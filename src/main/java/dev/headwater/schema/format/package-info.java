/** In what form values travel: JSON, or Avro whose schemas a registry keeps. */
@NullMarked
package dev.headwater.schema.format;

import org.jspecify.annotations.NullMarked;
