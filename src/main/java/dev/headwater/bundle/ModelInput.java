package dev.headwater.bundle;

import java.nio.Buffer;

/**
 * One input tensor of the network for a whole batch.
 *
 * @param name the graph input it feeds
 * @param shape [records, ...]
 * @param data direct {@code LongBuffer} or {@code FloatBuffer} in native order, ready to be read
 */
@SuppressWarnings("ArrayRecordComponent") // passed on at once, never compared
public record ModelInput(String name, long[] shape, Buffer data) {}
