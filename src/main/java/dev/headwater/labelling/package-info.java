/** Export of label requests and import of annotators' labels, as Label Studio JSON and CSV. */
@NullMarked
package dev.headwater.labelling;

import org.jspecify.annotations.NullMarked;
