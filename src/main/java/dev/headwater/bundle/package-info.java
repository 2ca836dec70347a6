/** The bundle on disk: manifest, ONNX model, input encoder and label sets, validated together. */
@NullMarked
package dev.headwater.bundle;

import org.jspecify.annotations.NullMarked;
