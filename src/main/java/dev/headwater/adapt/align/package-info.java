/**
 * Unsupervised domain adaptation of a linear head: detects shifts in unlabelled samples, corrects
 * them and decides whether the result may serve.
 */
@NullMarked
package dev.headwater.adapt.align;

import org.jspecify.annotations.NullMarked;
