/** What waits for a label, written for annotators and read back: Label Studio's JSON, and CSV. */
@NullMarked
package dev.headwater.labelling;

import org.jspecify.annotations.NullMarked;
