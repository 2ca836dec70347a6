package dev.headwater.schema;

/**
 * A label with the probability the head gave it.
 *
 * @param confidence in [0, 1]
 */
public record Scored(String label, double confidence) {}
