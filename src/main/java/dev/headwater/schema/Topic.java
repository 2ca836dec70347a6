package dev.headwater.schema;

import org.apache.kafka.common.serialization.Serde;

/**
 * A topic and the only serdes it may be read and written with.
 *
 * @param name the topic's name on the broker
 */
public record Topic<K, V>(String name, Serde<K> key, Serde<V> value) {}
