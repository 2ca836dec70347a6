package dev.headwater.bundle;

import java.nio.Buffer;

/**
 * One input tensor of the model for a whole batch.
 *
 * @param name name of the model input
 * @param shape [records, ...]
 * @param data direct {@code LongBuffer} or {@code FloatBuffer} in native order, ready to be read
 */
@SuppressWarnings("ArrayRecordComponent") // never compared
public record ModelInput(String name, long[] shape, Buffer data) {}
