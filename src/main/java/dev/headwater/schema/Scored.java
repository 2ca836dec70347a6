package dev.headwater.schema;

import com.fasterxml.jackson.databind.annotation.JsonSerialize;

/**
 * A label with the probability the head gave it.
 *
 * @param confidence in [0, 1]
 */
public record Scored(String label, @JsonSerialize(using = Probability.class) double confidence) {}
