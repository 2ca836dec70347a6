/** The Kafka Streams topology: read-ahead, scoring, routing, dead letters. */
@NullMarked
package dev.headwater.stream;

import org.jspecify.annotations.NullMarked;
