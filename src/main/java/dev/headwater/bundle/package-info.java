/** The bundle on disk: manifest, network, input encoder and label set, checked as one. */
@NullMarked
package dev.headwater.bundle;

import org.jspecify.annotations.NullMarked;
