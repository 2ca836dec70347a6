/** Publishing, following, verifying and rolling back head versions on the heads topic. */
@NullMarked
package dev.headwater.heads;

import org.jspecify.annotations.NullMarked;
