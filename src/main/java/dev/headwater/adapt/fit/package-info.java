/** Fine-tunes heads on weighted samples with PyTorch, regularised towards the live head. */
@NullMarked
package dev.headwater.adapt.fit;

import org.jspecify.annotations.NullMarked;
