/** Drift detectors on features, confidences and errors. */
@NullMarked
package dev.headwater.adapt.drift;

import org.jspecify.annotations.NullMarked;
