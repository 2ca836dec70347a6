/** What one replay puts on its topics and reads from them: records, labels, outcomes. */
@NullMarked
package dev.headwater.replay.traffic;

import org.jspecify.annotations.NullMarked;
