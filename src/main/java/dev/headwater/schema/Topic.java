package dev.headwater.schema;

import org.apache.kafka.common.serialization.Serde;

/**
 * A topic and its serdes.
 *
 * @param name the topic's name on the broker
 */
public record Topic<K, V>(String name, Serde<K> key, Serde<V> value) {}
