/** Head versions on their compacted topic: published, followed, checked, rolled back. */
@NullMarked
package dev.headwater.heads;

import org.jspecify.annotations.NullMarked;
