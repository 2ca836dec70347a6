/** Whether the stream has left what the live head knows: without labels, and by its errors. */
@NullMarked
package dev.headwater.adapt.drift;

import org.jspecify.annotations.NullMarked;
