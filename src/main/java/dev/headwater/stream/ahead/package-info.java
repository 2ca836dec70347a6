/** Work begun when a poll arrives, and kept until its record's turn. */
@NullMarked
package dev.headwater.stream.ahead;

import org.jspecify.annotations.NullMarked;
