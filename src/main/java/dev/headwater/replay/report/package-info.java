/** What a replay counts, says at its end and shows meanwhile: values in, numbers and text out. */
@NullMarked
package dev.headwater.replay.report;

import org.jspecify.annotations.NullMarked;
