/** A labelled file through the whole pipeline on a real broker, with a report; and the demo. */
@NullMarked
package dev.headwater.replay;

import org.jspecify.annotations.NullMarked;
