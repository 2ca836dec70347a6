package dev.headwater.schema;

import com.fasterxml.jackson.databind.annotation.JsonSerialize;

/**
 * A label with its predicted probability.
 *
 * @param confidence in [0, 1]
 */
public record Scored(String label, @JsonSerialize(using = Probability.class) double confidence) {}
