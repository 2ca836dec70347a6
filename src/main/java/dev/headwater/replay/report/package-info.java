/** Evaluation, progress display and report of a replay. */
@NullMarked
package dev.headwater.replay.report;

import org.jspecify.annotations.NullMarked;
